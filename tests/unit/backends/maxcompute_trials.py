"""Attempts in MaxCompute for tests: a task, its run on a stand-in, claims in memory, and a clock that can be moved."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from automl_core.backends.base import Exit
from automl_core.backends.contract import TrialContext
from automl_core.backends.maxcompute.access import Access
from automl_core.backends.maxcompute.client import Client
from automl_core.backends.maxcompute.ledger import Ledger
from automl_core.backends.maxcompute.once import Turn
from automl_core.backends.maxcompute.plan import JobNames, plan
from automl_core.backends.maxcompute.run import Run, Settings
from automl_core.backends.remote import Report
from automl_core.spec.maxcompute import MaxComputeTask, RowMetrics
from tests.standins.maxcompute import MaxComputeStandIn
from tests.support.patience import stretched


def access(standin: MaxComputeStandIn) -> Access:
    """The way into a stand-in."""
    account = standin.account
    return Access(
        account.access_id, account.secret, standin.project, standin.endpoint, standin.address,
        logview_host=standin.address,
    )  # fmt: skip


def task_of(*sql: Any, **fields: Any) -> MaxComputeTask:
    """A training task."""
    return MaxComputeTask.model_validate({"backend": "maxcompute", "sql": list(sql), **fields})


class Claims:
    """Claims on statements that run once, in memory."""

    def __init__(self, now: Any = time.time) -> None:
        self.turns: dict[str, list[Turn]] = {}
        self.now = now

    def latest(self, digest: str) -> Turn | None:
        return self.turns[digest][-1] if self.turns.get(digest) else None

    def claim(self, digest: str, number: int, owner: str) -> bool:
        turns = self.turns.setdefault(digest, [])
        if len(turns) >= number:
            return False
        turns.append(Turn(number, owner, self.now()))
        return True

    def submitted(self, digest: str, number: int, instance: str) -> str:
        turn = self.turns[digest][number - 1]
        if turn.instance is None:
            self.turns[digest][number - 1] = replace(turn, instance=instance)
        return self.turns[digest][number - 1].instance or ""


class Trial:
    """One attempt, advanced by hand."""

    def __init__(
        self, standin: MaxComputeStandIn, task: MaxComputeTask, *, number: int = 0, attempt: int = 1,
        ledger: Ledger | None = None, claims: Claims | None = None, timeout: float | None = None, place: str = "run",
        client: Client | None = None, **params: Any,
    ) -> None:  # fmt: skip
        context = TrialContext("exp", "run", number, attempt, params, "/c", "/m")
        metrics = task.metrics if isinstance(task.metrics, RowMetrics) else None
        self.offset = 0.0
        self.remembered: list[Ledger] = []
        self.kept = 0
        settings = Settings(
            tuple(plan(task, context)), JobNames(place, number, 0, attempt), task.priority, metrics,
            timeout,
        )  # fmt: skip
        self.run = Run(
            settings,
            client or Client(access(standin)),
            ledger or Ledger("maxcompute_default", standin.project, time.time()),
            board=claims or Claims(),
            record=self.remembered.append,
            finish=self._keep,
            clock=lambda: time.time() + self.offset,
        )
        self.lines: list[str] = []
        self.notes: list[str] = []

    def _keep(self) -> list[str]:
        self.kept += 1
        return ["kept"]

    def advance(self) -> Report:
        report = self.run.advance()
        self.lines += report.lines
        self.notes += report.notes
        return report

    def end(self, seconds: float = 20.0) -> Exit:
        """Advance to the end."""
        deadline = time.monotonic() + stretched(seconds)
        while time.monotonic() < deadline:
            report = self.advance()
            if report.exit is not None:
                return report.exit
            time.sleep(0.02)
        raise AssertionError(f"it has not ended; {self.notes}")


def texts(standin: MaxComputeStandIn) -> list[str]:
    """The statements of all instances so far."""
    return [instance.job.tasks[0].query for instance in standin.service._instances.values()]


def states(standin: MaxComputeStandIn) -> list[str]:
    """The states of all instances so far."""
    return [instance.state for instance in standin.service._instances.values() if instance.job.tasks]
