"""Rollouts of models while their tasks' workers, or the scheduler, are killed (SIGKILL) at each task, three at once.

Whatever is killed: one answer in the journal, nothing in use before it, in use once, and every run ends well.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest

from automl_airflow.standalone import running_airflow
from automl_core.models.life import VersionState
from tests.e2e.models import Models
from tests.faults.database import Database
from tests.faults.site import RESTART, FaultWorld, ancestors
from tests.support.patience import stretched
from tests.support.postgres import binaries, postgres

pytestmark = pytest.mark.timeout(900)

MODELS_AT_ONCE = 3
PATIENCE = 150.0
"""Seconds for the models of a case, one of whose tasks may have to be found without a heartbeat first."""

MOMENTS = ("offer", "evaluate", "ask", "accept", "answered", "decide", "deploy")
"""The task that is struck while it runs; ``answered``: `accept` with a person's answer in its hands."""


@dataclass
class Rollouts:
    """An Airflow on PostgreSQL whose tasks are seen in its database, since some are over in a second."""

    models: Models
    url: str
    struck: dict[str, int] = field(default_factory=dict)

    def running(self, names: list[str], task: str) -> dict[str, int]:
        """Model → process of the task of its rollout that runs now."""
        with contextlib.closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select dag_id, pid from task_instance where state = 'running' and pid is not null and task_id = %s "
                "and dag_id = any(%s)",
                (task, [f"{name}.rollout" for name in names]),
            )
            return {dag.removesuffix(".rollout"): int(pid) for dag, pid in cursor.fetchall()}

    def kill_worker(self, pid: int) -> bool:
        """Kill a task's process and the worker above it; False where it was over already."""
        scheduler, above = self.models.world.airflow.pid("scheduler"), ancestors(pid)
        if scheduler not in above:
            return False
        for doomed in (pid, *above[: above.index(scheduler)]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(doomed, signal.SIGKILL)
        return True

    def kill_scheduler(self) -> None:
        """Kill the scheduler with all that it started, and start it again as a service manager would."""
        self.models.world.airflow.kill_component("scheduler")
        time.sleep(RESTART)
        self.models.world.airflow.start_component("scheduler")

    def answer(self, name: str, answered: dict[str, float]) -> None:
        """Answer where a model's approval waits for two seconds, as often as it asks."""
        version = self.models.version(name, 1)
        if version is None or version.state is not VersionState.ASKED:
            return
        if self.models.task(f"{name}.rollout", version.run, "accept") not in ("awaiting_input", "deferred"):
            return
        since = answered.setdefault(name, time.monotonic())
        if time.monotonic() - since > 2 and not self.models.page(name, version.run).get("response_received"):
            self.models.answer(name, version.run, "Accept", "admin")


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollouts]:
    """The Airflow of this module."""
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        Database(url).limit_idle()
        world = FaultWorld.make(tmp_path_factory.mktemp("rollouts"), database=url)
        stack.enter_context(running_airflow(world.airflow))
        yield Rollouts(Models(world), url.replace("+psycopg2", ""))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", ["model-worker", "model-scheduler"])
def test_nothing_is_in_use_without_an_answer_and_no_answer_comes_twice(
    rollouts: Rollouts, fault: str, moment: str
) -> None:
    models, names = rollouts.models, [f"{fault}_{moment}_{each}".replace("-", "_") for each in range(MODELS_AT_ONCE)]
    for name in names:
        models.publish(f"{name}_search", "run", 0.5)
        models.file(name)
    task = "accept" if moment == "answered" else moment
    struck: set[str] = set()
    answered: dict[str, float] = {}
    looked = 0.0
    deadline = time.monotonic() + stretched(PATIENCE)

    def used() -> bool:
        return all(models.state_of(name, 1) == "IN_USE" for name in names)

    while not (len(struck) == len(names) or (struck and fault == "model-scheduler")) or not used():
        assert time.monotonic() < deadline, (sorted(struck), {name: models.state_of(name, 1) for name in names})
        for name, pid in rollouts.running([name for name in names if name not in struck], task).items():
            if (moment == "answered") != (name in answered) and task == "accept":
                continue
            if fault == "model-scheduler":
                rollouts.kill_scheduler()
                struck.add(name)
                break
            if rollouts.kill_worker(pid):
                struck.add(name)
        if time.monotonic() - looked > 1:
            looked = time.monotonic()
            for name in names:
                rollouts.answer(name, answered)
        time.sleep(0.02)
    for name in names:
        check(models, name)


def check(models: Models, name: str) -> None:
    """One answer, given by a person; in use once, and after it; every task has ended well."""
    life = models.life(name).state
    assert list(life.versions) == [1]
    version = life.version(1)
    assert [(each.what, each.by.name, each.by.how) for each in version.decisions] == [("accepted", "admin", "airflow")]
    assert [share.champion for share in life.shares] == [1]
    decided: Any = version.decision
    assert decided is not None
    assert decided.time <= life.shares[0].time
    assert life.shares[0].accepted == {1: decided.evidence}
    assert models.world.finish(f"{name}.rollout", version.run) == "success"
    states = models.tasks(f"{name}.rollout")[version.run]
    assert set(states.values()) == {"success"}, states
