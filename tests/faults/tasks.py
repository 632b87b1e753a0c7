"""Tasks of models as Airflow's database has them, found while they run and killed with their workers."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from automl_airflow.standalone import running_airflow
from tests.e2e.models import Models
from tests.faults.site import RESTART, FaultWorld, ancestors
from tests.support.postgres import binaries, postgres

MODELS_AT_ONCE = 3
"""Models of a round, and strikes of a case: workers of all three at once, the scheduler once a round."""

ROUNDS = 6
"""Rounds of a case at most: what is to be struck may be over before it was seen."""

PATIENCE = 150.0
"""Seconds for the models of a case, one of whose tasks may have to be found without a heartbeat first."""


@dataclass
class Tasks:
    """An Airflow on PostgreSQL whose tasks are seen in its database, since some are over in a second.

    Attributes:
        models: the models of its world.
        url: of the database.
        suffix: of the DAGs that are looked at: ``.rollout``, ``.score``.
    """

    models: Models
    url: str
    suffix: str

    def running(self, names: list[str], task: str) -> dict[str, int]:
        """Model → process of one of its tasks that runs now."""
        with contextlib.closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "select dag_id, pid from task_instance where state = 'running' and pid is not null and task_id = %s "
                "and dag_id = any(%s)",
                (task, [f"{name}{self.suffix}" for name in names]),
            )
            return {dag.removesuffix(self.suffix): int(pid) for dag, pid in cursor.fetchall()}

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
        """Kill the scheduler with all that it started."""
        self.models.world.airflow.kill_component("scheduler")

    def start_scheduler(self) -> None:
        """Start it again, as a service manager would. Not in a thread that ends: it would end with that."""
        time.sleep(RESTART)
        self.models.world.airflow.start_component("scheduler")


class Striker(threading.Thread):
    """Looks all the time for the task that is to be struck, and strikes each model once.

    Attributes:
        struck: models that were.
        over: set by whoever wants no more.
        killed: set when the scheduler was killed; whoever starts it again clears it.
    """

    def __init__(
        self, tasks: Tasks, fault: str, task: str, names: list[str], meant: Callable[[str], bool] = lambda _: True
    ) -> None:
        """Prepare.

        Args:
            tasks: of which Airflow.
            fault: ``model-worker`` or ``model-scheduler``, or another name that ends so.
            task: that is struck while it runs.
            names: of the models.
            meant: whether a model whose task runs is at the moment that is meant.
        """
        super().__init__(daemon=True)
        self.tasks, self.scheduler, self.task, self.names = tasks, fault.endswith("scheduler"), task, names
        self.meant = meant
        self.struck: set[str] = set()
        self.over, self.killed = threading.Event(), threading.Event()

    def run(self) -> None:
        """Strike until all are struck, or nobody wants it any more; the scheduler once."""
        while not self.over.wait(0.02) and len(self.struck) < len(self.names):
            waiting = [name for name in self.names if name not in self.struck]
            for name, pid in self.tasks.running(waiting, self.task).items():
                if not self.meant(name):
                    continue
                if self.scheduler:
                    self.struck.add(name)
                    self.tasks.kill_scheduler()
                    self.killed.set()
                    return
                if self.tasks.kill_worker(pid):
                    self.struck.add(name)

    def mend(self) -> None:
        """Start the scheduler again where it was killed."""
        if self.killed.is_set():
            self.killed.clear()
            self.tasks.start_scheduler()


@contextlib.contextmanager
def airflow_of_tasks(folder: Path, suffix: str) -> Iterator[Tasks]:
    """An Airflow of a module's own.

    Args:
        folder: for it.
        suffix: of the DAGs that are looked at.
    """
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        world = FaultWorld.make(folder, database=url)
        stack.enter_context(running_airflow(world.airflow))
        yield Tasks(Models(world), url.replace("+psycopg2", ""), suffix)
