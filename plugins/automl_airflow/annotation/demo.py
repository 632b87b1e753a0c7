"""``make demo FILE=experiments/….annotation.yaml``: rounds that go by themselves, with people who are made up.

What came of it is read in the project's journal, and the demonstration ends well only if each round has brought labels,
a data set and models that were judged, and the end is one that the file asks for.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_airflow.annotation.common import project_page
from automl_airflow.annotation.names import round_of_run, run_of_round
from automl_airflow.models.demo import client_of
from automl_airflow.models.demo_waiting import DemoFailed, patiently, wait_for_dags
from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import USER as ADMINISTRATOR
from automl_airflow.standalone import StandaloneAirflow

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project, ProjectState
    from automl_core.client.airflow import AirflowClient

PATIENCE = 1200.0
"""Seconds within which each round has to come to its end."""

ANNOTATORS = (("anna", 0.02, 4.0), ("ben", 0.04, 6.0))
"""Who labels: name, share of wrong answers, seconds that an answer takes them. They pass a hundred times as quickly."""

PACE = 0.01

SETTINGS = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(["admin:admin", *(f"{who}:user" for who, *_ in ANNOTATORS)])
}
"""Of the demonstration's Airflow: they sign in as themselves."""


@dataclass
class Demo:
    """One project's demonstration on an Airflow that is up.

    Attributes:
        file: the project's file, loaded.
        airflow: client of the Airflow.
        home: AUTOML_HOME.
        say: is told each step as it happens.
        people: what labels in the background; each is called with whether it is still wanted.
        by_hand: whether a person labels, on the page.
        sleep: how to wait between two looks.
        patience: seconds that each round may take.
        see: raises where the Airflow is none any more.
    """

    file: AnnotationFile
    airflow: AirflowClient
    home: Path
    say: Callable[[str], None]
    people: Sequence[Callable[[Callable[[], bool]], object]] = ()
    by_hand: bool = False
    sleep: Callable[[float], None] = time.sleep
    patience: float = PATIENCE
    see: Callable[[], None] = lambda: None
    _before: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        """All of it, until the project ends.

        Raises:
            DemoFailed: a round did not come out, or the project has not ended as its file says.
        """
        began = time.monotonic()
        project = self.project()
        if project.state.stopped is not None:
            self.say(
                f"{self.file.name} has ended in an earlier demonstration; `rm -rf {self._folder()}` begins anew"
            )  # fmt: skip
            return
        dag = self.file.dag_ids[0]
        self.say(f"Airflow looks for items, and starts a round: {self.airflow.run_url(dag, '')}".rstrip("/"))
        self._before = {each.run_id for each in self.airflow.runs(dag, 1000)}
        self.airflow.trigger(dag, {})
        with self._labelling():
            self._follow(project)
        self.check(project.state)
        self.say(f"{len(project.state.rounds)} rounds in {time.monotonic() - began:.0f} s.")

    def _follow(self, project: Project) -> None:
        """Tell what happens until the project ends."""
        last, before = time.monotonic(), -1
        while project.refresh().stopped is None or project.state.round is not None:
            state = project.state
            for line in told(state, self.file):
                if line not in self._told:
                    self._told.add(line)
                    self.say(line)
            if self._wrong:
                raise DemoFailed(f"whoever labels has given up: {self._wrong[0]}")
            if state.seq != before:
                last, before = time.monotonic(), state.seq
            patiently(self._see_that_it_goes_on, last + self.patience)
            if not self.by_hand and time.monotonic() - last > self.patience:
                raise DemoFailed(f"nothing happens any more: {self._url(len(state.rounds))}")
            self.see()
            self.sleep(1.0)
        for line in told(project.state, self.file):
            if line not in self._told:
                self.say(line)

    def _see_that_it_goes_on(self) -> None:
        runs = self.airflow.runs(self.file.dag_ids[0])  # the newest first
        mine = (each for each in runs if round_of_run(each.run_id) is not None and each.run_id not in self._before)
        newest = next(mine, None)
        if newest is not None and newest.state == "failed":
            url = self.airflow.run_url(newest.dag_id, newest.run_id)
            raise DemoFailed(f"{newest.run_id} has failed: {url}")

    def check(self, state: ProjectState) -> None:
        """See that it came out as it should.

        Raises:
            DemoFailed: it did not.
        """
        stopped = state.stopped
        assert stopped is not None
        for each in state.rounds.values():
            trained = [training for training in each.trainings if training.model is not None]
            if not trained or each.evaluation is None:
                raise DemoFailed(f"round {each.number} has no model that was judged: {self._url(each.number)}")
        allowed = self.file.stop.rounds
        if stopped.why == "rounds" and len(state.rounds) != allowed:
            raise DemoFailed(f"it ended after {len(state.rounds)} rounds, and {allowed} are allowed")

    @contextmanager
    def _labelling(self) -> Iterator[None]:
        """People at work, until it is over."""
        over = threading.Event()
        threads = [threading.Thread(target=self._at_work, args=(each, over), daemon=True) for each in self.people]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(10.0)

    def _at_work(self, person: Callable[[Callable[[], bool]], object], over: threading.Event) -> None:
        try:
            person(lambda: not over.is_set())
        except Exception as error:  # told by the thread that waits for it
            self._wrong.append(f"{type(error).__name__}: {error}")

    def project(self) -> Project:
        """The project's journal, read now, for one thread."""
        from automl_core.annotation.project import Project
        from automl_core.storage import open_store

        return Project.open(open_store(self.file.output.storage, base=self.home), self.file.name)

    def _folder(self) -> str:
        return f"{self.file.output.storage.removeprefix('file://').removeprefix('./')}/{self.file.prefix}"

    def _url(self, number: int) -> str:
        return self.airflow.run_url(self.file.dag_ids[0], run_of_round(max(1, number)))


def told(state: ProjectState, file: AnnotationFile) -> Iterator[str]:
    """What has happened in a project, a line each, in the words of a demonstration.

    Args:
        state: the project's.
        file: the project's.
    """
    for each in state.rounds.values():
        head = f"Round {each.number}:"
        batches = [batch for batch in state.batches.values() if batch.round == each.number]
        sent = sum(len(batch.items) for batch in batches if batch.complete)
        taken = sum(found.taken for found in state.found_in(each.number))
        if taken:
            yield f"{head} the models agree, surely enough, on {taken} items, and label them"
        if sent:
            yield f"{head} {sent} items go to people"
        if sent and all(batch.closed is not None for batch in batches):
            yield f"{head} people are done: {batches[-1].why}"
        for data_set in state.sets.values():
            if data_set.round == each.number:
                by = ", ".join(f"{many} by {source}" for source, many in sorted(data_set.by_source.items()))
                yield f"{head} data set {data_set.number} has {data_set.rows} labelled items ({by})"
        for training in each.trainings:
            if training.model is None:
                yield f"{head} {training.experiment} was not trained: {training.outcome}"
            else:
                yield f"{head} {training.experiment} is trained ({training.run})"
        if not each.open:
            yield from (f"{head} {reason}" for reason in each.outcome.get("reasons", ()))
    if state.stopped is not None:
        yield f"It ends: {state.stopped.why}"


def people_of(demo: Demo, desks: Mapping[str, Any]) -> list[Callable[[Callable[[], bool]], object]]:
    """The made-up people of examples/annotate.py, each with a desk of their own.

    Args:
        demo: theirs.
        desks: name → where they work: their client of the page's REST API.

    Raises:
        DemoFailed: the example is not there.
    """
    annotate, intents = _example("annotate"), _example("make_intents")
    read = annotate.reader_of(intents.truth())
    found: list[Callable[[Callable[[], bool]], object]] = []
    for (who, desk), (_, error, seconds) in zip(desks.items(), ANNOTATORS, strict=False):
        person = annotate.Annotator(who, read, demo.file.labels.classes, error, seconds, PACE)
        demo.say(f"{who} labels: wrong in {error:.0%} of cases, {seconds:g} s an answer (told as such; quicker here)")
        found.append(partial(_work, person, annotate.RestDesk(desk)))
    return found


@contextmanager
def desks_of(airflow: StandaloneAirflow, name: str) -> Iterator[dict[str, Any]]:
    """Clients of the page's REST API: for `ANNOTATORS`, or for the administrator where they can't sign in.

    Args:
        airflow: it; one that was started for something else has no such users.
        name: of the project.
    """
    from automl_core.client import AutoML, Credentials

    passwords: dict[str, str] = json.loads((airflow.home / "passwords.json").read_text())
    users = [who for who, *_ in ANNOTATORS if who in passwords] or [ADMINISTRATOR]
    with ExitStack() as stack:
        clients = {who: AutoML(Credentials(airflow.url, who, passwords[who])) for who in users}
        yield {who: stack.enter_context(client).annotation(name) for who, client in clients.items()}


def ledger_lines(state: ProjectState) -> Iterator[str]:
    """What labels cost, how many of them are used, how right they are, and what they brought, a line each.

    Args:
        state: the project's.
    """
    from automl_core.annotation.ledger import MEANS, ledger
    from automl_core.annotation.ledger.reading import facts_of

    found = ledger(facts_of(state))
    money = found.facts.currency
    total = found.total
    yield f"cost: {total.answers} answers, {total.cost:.2f} {money}, {total.milliseconds / 60_000:.0f} minutes"
    for (author, source), each in sorted(found.cube.by("author", "source").items()):
        yield f"  by {author} ({source}): {each.answers} answers, {each.cost:.2f} {money}"
    for standing, each in found.standings.items():
        if each.answers:
            yield f"used: {each.answers} {MEANS[standing]}"
    for watched in found.right.taken:
        taken, back = state.thresholds[watched.threshold.id].taken, len(state.taken_back(watched.threshold.id))
        yield f"right: models labelled {taken} items, {back} of them taken back; {watched.reason}"
    yield f"right: {found.right.single} items were labelled by one person alone, {found.right.suspects} are suspected"
    for step in found.steps:
        gain = step.gain
        more = (
            f", {100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
            if gain is not None and gain.value is not None
            else ""
        )
        yield (
            f"brought: round {step.round}, {step.labels} labels to learn from: right on {step.accuracy.right} of "
            f"{step.accuracy.of} held out ({step.accuracy.low:.0%} to {step.accuracy.high:.0%}){more}"
        )


def _work(person: Any, desk: Any, wanted: Callable[[], bool]) -> None:
    person.work(desk, wanted=wanted)


def _example(name: str) -> Any:
    """A module of examples/, which is no package of the installed product."""
    path = PRODUCT_ROOT / "examples" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"automl_example_{name}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DemoFailed(f"{path} is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run(airflow: StandaloneAirflow, path: Path, *, keep: bool, say: Callable[[str], None]) -> int:
    """Show a project going round on an Airflow that is up.

    Args:
        airflow: it.
        path: the project's file.
        keep: whether Airflow stays.
        say: is told each step.

    Returns:
        The exit code: 0 when each round came out as it should.

    Raises:
        DemoFailed: one did not.
        SpecError: the file is wrong.
    """
    from automl_core.annotation.file import load_annotation_file
    from automl_core.client.errors import ClientError

    file = load_annotation_file(path)
    with client_of(airflow) as client:
        wait_for_dags(client, (*(str(each.experiment) for each in file.experiments), *file.dag_ids))
        demo = Demo(file, client, PRODUCT_ROOT, say)
        demo.see = airflow.check
        with desks_of(airflow, file.name) as desks:
            demo.people = people_of(demo, desks)
            try:
                demo.run()
            except ClientError as error:
                raise DemoFailed(str(error)) from error
    say("What the labels cost, how right they are and what they brought, by the bucket alone:")
    for line in ledger_lines(demo.project().state):
        say(f"  {line}")
    say(f"All of it: .venv/bin/automl annotation ledger {file.name}")
    if keep:
        say(f"Its page: {airflow.url}{project_page(file.name)}")
    return 0
