"""Rounds of an annotation project while a worker, the triggerer or the scheduler is killed (SIGKILL).

At three moments of a round: while people label, while the data set is written, while the experiment trains. Whatever is
killed: each item is asked about and labelled once, one data set and one training for each round, and the rounds end.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
import yaml

from automl_airflow.standalone import running_airflow
from automl_core.annotation.project import Label, Project
from automl_core.journal import Person
from automl_core.storage import open_store
from tests.e2e.test_annotation import TRAIN, meant
from tests.faults.site import RESTART, FaultWorld, ancestors
from tests.support.patience import stretched
from tests.support.postgres import binaries, postgres
from tests.unit.models.evaluation.small import rows

PATIENCE = 240.0
"""Seconds for two rounds, one of whose tasks may have to be found without a heartbeat first."""

MANY, ROUNDS = 12, 2
PAUSE = 0.3
"""Seconds that somebody takes for an answer: the moment in which people label has to be long enough to be struck."""

STRUCK = {"labelling": "wait", "writing": "write_set", "training": "train"}
"""Moment → the task of the first round whose worker is struck then."""


@dataclass
class Case:
    """One project, seen through its journal and Airflow's database."""

    world: FaultWorld
    url: str
    name: str
    pid: int = 0
    _project: Project | None = field(default=None)

    @property
    def project(self) -> Project:
        """Its journal, read just now."""
        if self._project is None:
            self._project = Project.open(open_store(str(self.world.root / "runs")), self.name)
        self._project.refresh()
        return self._project

    def states(self, run: str) -> dict[str, tuple[str | None, int | None]]:
        """Task of a round → its state and its process; from the database, since some are over in a second."""
        with contextlib.closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select task_id, state, pid from task_instance where dag_id = %s and run_id = %s",
                (f"{self.name}.annotation", run),
            )
            return {task: (state, pid) for task, state, pid in cursor.fetchall()}

    def label(self) -> bool:
        """One answer of one person, as the page gives it; False where nothing is asked."""
        project = self.project
        who = ("anna", "ben")[len(project.state.votes) % 2]
        ids = project.claim(who, 1, 60.0)
        if not ids:
            return False
        shown = project.catalog.content(ids[0])
        label = Label(item=ids[0], label=meant(shown), author=who, seconds=PAUSE, where="page", shown=ids[0])
        assert project.label([label], Person(who, "rest")).new == 1
        return True

    def is_at(self, moment: str, fault: str) -> bool:
        """Whether the first round is at a moment at which the fault finds something to strike."""
        found = self.states("round_1")
        state, pid = found.get(STRUCK[moment], (None, None))
        if fault == "worker":
            self.pid = pid or 0
            return state == "running" and self.pid > 0
        if moment == "writing":
            return state == "running"
        return state == "deferred" and (moment == "training" or len(self.project.state.votes) >= MANY // 3)


@dataclass
class Site:
    """The Airflow of this module, on PostgreSQL."""

    world: FaultWorld
    url: str

    def begin(self, name: str) -> Case:
        """Write a project's files, and look for its items."""
        world, table = self.world, rows(60)
        lines = [json.dumps({key: table[key][at] for key in ("id", "a", "b", "city")}) for at in range(60)]
        (world.root / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        (world.root / "train_signs.py").write_text(TRAIN)
        search = f"{name}_search"
        command = ["python", str(world.root / "train_signs.py"), "data=${data.train}"]
        world.experiment(
            search, space={"x": {"type": "choice", "values": [1]}}, trials={"max": 1, "concurrency": 1},
            data={"train": f"file://./runs/_annotation/{name}/newest/train.csv"},
            tasks=[{"name": "train", "command": command}],
        )  # fmt: skip
        world.write(f"{name}.annotation", yaml.safe_dump({
            "kind": "annotation", "name": name, "output": {"storage": "file://./runs"},
            "items": {"data": f"{name}.jsonl", "key": "id", "columns": ["a", "b", "city"]},
            "labels": {"classes": ["no", "yes"]}, "models": [{"experiment": search}], "agree": "off",
            "select": {"many": MANY, "random_share": 0.4, "stratum_share": 0.4},
            "people": {"who": ["anna", "ben"], "price": 0.1, "within": "1h"}, "stop": {"rounds": ROUNDS},
        }, sort_keys=False))  # fmt: skip
        world.wait_for_dag(search)
        world.wait_for_dag(f"{name}.annotation")
        world.start(f"{name}.annotation")
        return Case(world, self.url, name)

    def strike(self, fault: str, case: Case) -> bool:
        """Kill a part, and start it again as a service manager would. Returns False where it was over already."""
        airflow = self.world.airflow
        if fault != "worker":
            airflow.kill_component(fault)
            time.sleep(RESTART)
            airflow.start_component(fault)
            return True
        scheduler, above = airflow.pid("scheduler"), ancestors(case.pid)
        if scheduler not in above:
            return False
        for doomed in (case.pid, *above[: above.index(scheduler)]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(doomed, signal.SIGKILL)
        return True


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The Airflow of this module."""
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        world = FaultWorld.make(tmp_path_factory.mktemp("annotation"), database=url)
        assert isinstance(world, FaultWorld)
        stack.enter_context(running_airflow(world.airflow))
        yield Site(world, url.replace("+psycopg2", ""))


@pytest.mark.parametrize("moment", STRUCK)
@pytest.mark.parametrize("fault", ["annotation-worker", "annotation-triggerer", "annotation-scheduler"])
def test_rounds_end_as_they_would_have_ended(site: Site, fault: str, moment: str) -> None:
    part = fault.removeprefix("annotation-")
    case = site.begin(f"{part}_{moment}")
    struck: list[float] = []

    def strike() -> bool:
        if not struck and case.is_at(moment, part) and site.strike(part, case):
            struck.append(time.time())
        return case.states(f"round_{ROUNDS}").get("decide", ("", 0))[0] == "success"

    def may_label() -> bool:
        # on a busy machine all would be answered before anybody waits: the second half is there for the strike
        if moment != "labelling" or struck or len(case.project.state.votes) < MANY // 2:
            return True
        # of a worker: it runs before it waits, and again once all is answered
        return part == "worker" and case.states("round_1").get("wait", (None, 0))[0] == "deferred"

    work_until(case, strike, may_label)
    assert struck, f"{STRUCK[moment]} was never struck: it is over too soon"
    print(f"\n{fault} at {moment}: ended {time.time() - struck[0]:.1f} s after the strike")
    check(site.world, case)


def work_until(case: Case, over: Callable[[], bool], may_label: Callable[[], bool]) -> None:
    """Label what is asked while that may be, as somebody does who takes a moment for each, looking all the time."""
    deadline, answer = time.monotonic() + stretched(PATIENCE), 0.0
    while not over():
        assert time.monotonic() < deadline, [case.states(f"round_{number}") for number in range(1, ROUNDS + 1)]
        if time.monotonic() > answer and may_label() and case.label():
            answer = time.monotonic() + PAUSE
        time.sleep(0.02)


def check(world: FaultWorld, case: Case) -> None:
    """Nothing is lost, nothing is there twice, and in Airflow each task of each round has ended well."""
    dag, search, state = f"{case.name}.annotation", f"{case.name}_search", case.project.state
    numbers = list(range(1, ROUNDS + 1))
    assert state.skipped == {}
    assert sorted(state.rounds) == numbers
    assert [(each.round, len(each.items)) for each in state.batches.values()] == [(number, MANY) for number in numbers]
    asked = Counter(item for each in state.batches.values() for item in each.items)
    assert set(asked.values()) == {1}, "nobody was asked about an item twice"
    assert Counter(vote.item for vote in state.votes) == asked, "each has one label"
    assert [each.round for each in state.sets.values()] == numbers
    assert all(each.evaluation is not None for each in state.rounds.values())
    trained = [
        (each.number, training.set, training.run) for each in state.rounds.values() for training in each.trainings
    ]
    assert [(number, of) for number, of, _ in trained] == [(number, number) for number in numbers]
    assert all(training.model is not None for each in state.rounds.values() for training in each.trainings)
    runs: Any = world.call("GET", f"/dags/{search}/dagRuns")["dag_runs"]
    assert {run["dag_run_id"]: run["state"] for run in runs} == {run: "success" for _, _, run in trained}
    for number in numbers:
        assert world.finish(dag, f"round_{number}") == "success"
        assert {state for state, _ in case.states(f"round_{number}").values()} == {"success"}
    assert state.stopped is not None
    assert state.stopped.why == "rounds"
