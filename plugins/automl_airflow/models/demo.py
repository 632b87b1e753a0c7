"""``make demo FILE=experiments/….model.yaml``: a model trained, accepted, scoring; a worse one refused, a bad one back.

Each step is an act that a person or a task takes, by Airflow's REST API or by the command line, and is told as it
happens. What came of it is read in the model's journal, and the demonstration ends well only if all of it came out so.
"""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_airflow.models.demo_waiting import PATIENCE, DemoFailed, patiently, wait_for_dags
from automl_airflow.models.names import ACCEPT, NOTE, YES
from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneAirflow
from automl_core.models.file.model import ROLLOUT, SCORE, WATCH, dag_id

if TYPE_CHECKING:
    from automl_core.client.airflow import AirflowClient
    from automl_core.client.records import Run
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife, Version

CRIPPLED = {
    "trials": {"max": 1},
    "search": {
        "warm_start": [
            {"learner": "naive_bayes", "features.keep": 0.2, "features.reduce": "pca", "features.variance": 0.8}
        ]
    },
}
"""The conf of a run whose model is worse: one trial, of the simplest learner, on a fifth of the features."""


@dataclass
class Demo:
    """One model's demonstration on an Airflow that is up.

    Attributes:
        file: the model's file, loaded.
        path: where it lies.
        airflow: client of the Airflow.
        home: AUTOML_HOME.
        say: is told each step as it happens.
        by_hand: whether a person answers the first question, in Airflow's page.
        sleep: how to wait between two looks.
        patience: seconds that each step may take.
        see: raises where the Airflow is none any more.
    """

    file: ModelFile
    path: Path
    airflow: AirflowClient
    home: Path
    say: Callable[[str], None]
    by_hand: bool = False
    sleep: Callable[[float], None] = time.sleep
    patience: float = PATIENCE
    see: Callable[[], None] = lambda: None

    def run(self) -> None:
        """All of it, in order.

        Raises:
            DemoFailed: a step did not come out.
        """
        began = time.monotonic()
        used = self.life().state.champion
        if used is None:
            self.trained_and_accepted()
        else:
            self.say(f"Version {used} is in use already, from an earlier demonstration (`rm -rf runs` begins anew)")
        self.scored()
        self.worse_is_refused()
        self.bad_is_taken_back()
        self.say(f"All of it in {time.monotonic() - began:.0f} s. What happened, by the bucket alone:")
        self.automl("model", "history", self.file.name)

    # --- the steps ------------------------------------------------------------------------------

    def trained_and_accepted(self) -> None:
        """A result becomes a version, is evaluated, and is in use once a person has accepted it."""
        before = self.newest()
        self.train("trains a first model")
        version = self.wait("the version to be asked about", lambda: self.asked_after(before))
        self.tell_evidence(version)
        if self.by_hand:
            self.say(f"Now you: {self.page(version)} → Accept (or Reject, which ends this demonstration)")
        else:
            self.say(f"A person reads {self.page(version)} and accepts it, in Airflow")
            self.answer(version)
        self.wait(
            f"version {version.number} to be in use", lambda: self.state(version.number) == "IN_USE" or None,
            patience=86400.0 if self.by_hand else None,
        )  # fmt: skip
        self.say(f"Version {version.number} is in use.")

    def scored(self) -> None:
        """A partition of new rows arrives, and is scored once, however often it is asked for."""
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        rows = new_rows(f"{today:%Y-%m-%d}")
        self.say(f"New rows arrive: {shown(rows)}. Tonight's run of {dag_id(self.file.name, SCORE)}, now:")
        run = self._scoring(today)
        self.finish(dag_id(self.file.name, SCORE), run.run_id)
        done = list(self.life().state.scoring.recent)
        if not done or done[-1].ended is None:
            raise DemoFailed(f"{run.dag_id}, {run.run_id}: it ended and nothing was scored")
        last = done[-1]
        self.say(f"Version {last.version} scored {last.rows} rows: {shown(last.out)}")

    def _scoring(self, day: datetime) -> Run:
        """The run of a day; where Airflow has had it already (an earlier demonstration's), one that scores it again."""
        from automl_core.client.errors import AlreadyExists

        dag = dag_id(self.file.name, SCORE)
        try:
            return self.airflow.trigger(dag, {}, logical_date=day)
        except AlreadyExists:
            again = {"interval": f"{day:%Y-%m-%d}", "version": "now", "why": "the demonstration, once more"}
            return self.airflow.trigger(dag, again)

    def worse_is_refused(self) -> None:
        """A challenger that is worse on the latest rows comes before nobody."""
        before = self.newest()
        self.train("trains a worse challenger: one trial of the simplest learner", CRIPPLED)
        version = self.wait("the challenger to be rejected", lambda: self.rejected_after(before))
        decision = version.decision
        assert decision is not None
        if decision.by.how != "conditions":
            raise DemoFailed(f"version {version.number} was rejected by {decision.by}, and not by the conditions")
        self.say(f"Version {version.number} is refused, and nobody was asked: {decision.note}")
        if self.life().state.champion == version.number:
            raise DemoFailed(f"version {version.number} is in use all the same")

    def bad_is_taken_back(self) -> None:
        """Somebody accepts it nevertheless; the next evaluation says what came of that, and a person takes it back."""
        name, number, champion = self.file.name, self.newest(), self.life().state.champion
        self.say(f"Somebody wants version {number} nevertheless, and has it evaluated once more and accepted by hand:")
        self.automl("model", "evaluate", str(self.path), str(number), "--record", "--json", quiet=True)
        self.automl("model", "accept", str(self.path), str(number), "--yes", "--use", "--note", "we need it today")
        if self.life().state.champion != number:
            raise DemoFailed(f"version {number} was accepted, and is not in use")
        self.say(f"The next evaluation of version {champion} beside version {number}, on the latest rows:")
        told = self.automl("model", "evaluate", str(self.path), str(champion), "--json", quiet=True)
        verdict = json.loads(told)["verdict"]
        self.say(f"  {'; '.join(verdict['reasons'])}")
        if verdict["ok"] is not True:
            raise DemoFailed(f"version {champion} is not found better than version {number}")
        why = f"worse than version {champion} on the latest rows"
        self.automl("model", "take-back", str(self.path), str(number), "--yes", "--why", why)
        if self.life().state.champion != champion:
            raise DemoFailed(f"version {number} was taken back, and version {champion} is not in use")
        self.say(f"Version {champion} of {name} answers again.")

    # --- what steps are made of -------------------------------------------------------------------

    def train(self, what: str, conf: Mapping[str, Any] | None = None, experiment: str = "") -> None:
        """A run of an experiment, the first of the file's where none is named, to its end."""
        experiment = experiment or self.file.sources[0].experiment
        self.say(f"Airflow {what}: {self.airflow.run_url(experiment, '')}".rstrip("/"))
        self.finish(experiment, self.airflow.trigger(experiment, conf).run_id)

    def finish(self, dag: str, run: str) -> None:
        """Wait for the end of a run, which has to be a good one."""
        state = self.wait(f"{dag} to end", lambda: self._ended(dag, run))
        if state != "success":
            raise DemoFailed(f"{dag}: the run {run} is {state}: {self.airflow.run_url(dag, run)}")

    def _ended(self, dag: str, run: str) -> str | None:
        state = self.airflow.run(dag, run).state
        return state if state in ("success", "failed") else None

    def wait(self, what: str, look: Callable[[], Any], patience: float | None = None) -> Any:
        """Look until there is something.

        Raises:
            DemoFailed: it takes too long.
            StandaloneError: a part of Airflow has ended.
        """
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        while (found := patiently(look, deadline)) is None:
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"waited in vain for {what}: {self.airflow.run_url(dag_id(self.file.name, ROLLOUT), '')}"
                )
            self.see()
            self.sleep(1.0)
        return found

    def life(self) -> ModelLife:
        """The model's journal, read now."""
        from automl_core.models.life import ModelLife
        from automl_core.storage import open_store

        return ModelLife.open(open_store(self.file.output.storage, base=self.home), self.file.name)

    def newest(self) -> int:
        """The number of the newest version, 0 where there is none."""
        return max(self.life().state.versions, default=0)

    def state(self, number: int) -> str:
        """The state of a version.

        Raises:
            DemoFailed: it was rejected.
        """
        found = self.life().state.version(number)
        if found.state in ("REJECTED", "EXPIRED"):
            raise DemoFailed(f"version {number} was {found.decision}")
        return str(found.state)

    def asked_after(self, before: int) -> Version | None:
        """The first version after one, once people are asked about it.

        Raises:
            DemoFailed: it was decided without a person.
        """
        found = self.life().state.versions.get(before + 1)
        if found is None:
            return None
        self.state(found.number)
        return found if found.state == "ASKED" and self._waits(found) else None

    def rejected_after(self, before: int) -> Version | None:
        """The first version after one, once it is rejected.

        Raises:
            DemoFailed: people are asked about it.
        """
        found = self.life().state.versions.get(before + 1)
        if found is not None and found.state in ("ASKED", "ACCEPTED", "IN_USE"):
            raise DemoFailed(f"version {found.number} is {found.state}: it was not found worse")
        return found if found is not None and found.state == "REJECTED" else None

    def _waits(self, version: Version) -> bool:
        dag = dag_id(self.file.name, ROLLOUT)
        tasks = {each.task_id: each.state for each in self.airflow.task_instances(dag, version.run)}
        return tasks.get(ACCEPT) in ("deferred", "awaiting_input")

    def tell_evidence(self, version: Version) -> None:
        """What the evidence of a version says, in a line."""
        newest = version.newest
        assert newest is not None
        reasons = self.life().evidence(newest.digest)["verdict"]["reasons"]
        told = f"Version {version.number} is evaluated on the latest rows (evidence {newest.digest[:12]})"
        self.say(f"{told}: {'; '.join(reasons)}")

    def page(self, version: Version) -> str:
        """Where a person answers."""
        return f"{self.airflow.run_url(dag_id(self.file.name, ROLLOUT), version.run)}/tasks/{ACCEPT}/required_actions"

    def answer(self, version: Version) -> None:
        """Accept a version by Airflow's own REST API, as whoever this client is."""
        from urllib.parse import quote

        dag, run = (quote(each, safe="") for each in (dag_id(self.file.name, ROLLOUT), version.run))
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances/{ACCEPT}/-1/hitlDetails"
        self.sleep(2.0)  # an answer at once may meet the worker that has just asked (apache/airflow#68741)
        body = {"chosen_options": [YES], "params_input": {NOTE: "the demonstration"}}
        self.wait("the answer to be taken", lambda: self._given(path, body))

    def _given(self, path: str, body: dict[str, Any]) -> bool:
        """Answer; an answer that is there already is this one, of a request whose own answer was lost."""
        from automl_core.client.errors import Conflict

        with suppress(Conflict):
            self.airflow.ask("PATCH", path, json=body)
        return True

    def automl(self, *arguments: str, quiet: bool = False) -> str:
        """A command of ``automl``, told and run.

        Raises:
            DemoFailed: it fails.
        """
        import contextlib
        import io

        from automl_core.cli import main

        self.say(f"  $ automl {' '.join(json.dumps(each) if ' ' in each else shown(each) for each in arguments)}")
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*arguments, *(["--bucket"] if arguments[1] not in ("evaluate",) else [])])
        for line in () if quiet else out.getvalue().splitlines():
            self.say(f"  {line}")
        if code != 0:
            raise DemoFailed(f"automl {' '.join(arguments)}: {err.getvalue().strip()}")
        return out.getvalue()


def new_rows(date: str) -> Path:
    """Have the partition of a date arrive: examples/make_tumours.py writes it.

    Raises:
        DemoFailed: the example is not there.
    """
    path = PRODUCT_ROOT / "examples" / "make_tumours.py"
    spec = importlib.util.spec_from_file_location("make_tumours", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise DemoFailed(f"{path} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Path(module.arrive(date))


def shown(path: Path | str) -> str:
    """A path below the product as people type it there."""
    text = str(path).removeprefix("file://")
    return text.removeprefix(f"{PRODUCT_ROOT}/")


@contextmanager
def client_of(airflow: StandaloneAirflow) -> Iterator[AirflowClient]:
    """A client of a demo's Airflow, as its administrator."""
    from automl_core.client.airflow import AirflowClient
    from automl_core.client.credentials import Credentials

    found = json.loads(airflow.credentials_file.read_text())
    with AirflowClient(Credentials(found["url"], found["username"], found["password"])) as client:
        yield client


def run(airflow: StandaloneAirflow, path: Path, *, keep: bool, say: Callable[[str], None]) -> int:
    """Show the life of a model on an Airflow that is up.

    Args:
        airflow: it.
        path: the model's file.
        keep: whether a person answers by hand, and Airflow stays.
        say: is told each step.

    Returns:
        The exit code: 0 when each step came out as it should.

    Raises:
        DemoFailed: one did not.
        SpecError: the file is wrong.
    """
    from automl_airflow.models.demo_live import LiveDemo
    from automl_core.client.errors import ClientError
    from automl_core.models.file import load_model_file

    file = load_model_file(path)
    live = file.served is not None
    with client_of(airflow) as client:
        experiments = [each.experiment for each in (file.sources if live else file.sources[:1])]
        of_model = (dag_id(file.name, each) for each in (ROLLOUT, WATCH if live else SCORE))
        wait_for_dags(client, (*experiments, *of_model))
        try:
            made = (LiveDemo if live else Demo)(file, path, client, PRODUCT_ROOT, say, by_hand=keep)
            made.see = airflow.check
            made.run()
        except ClientError as error:
            raise DemoFailed(str(error)) from error
    return 0
