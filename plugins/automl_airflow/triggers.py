"""Waiting without a worker: until an experiment's journal has moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow.task_log import TaskLog

LEAST_WAIT = 3.5
"""Seconds. A shorter deferral may be marked failed by the scheduler (apache/airflow#68741)."""


class JournalTrigger(BaseTrigger):
    """Fires when the journal has a record beyond ``seq``, or after ``patience`` seconds in any case.

    The slot that waits asks again then; so a lost wake-up costs a little time and nothing else.
    """

    def __init__(
        self, storage: str, connection: str | None, name: str, run: str, seq: int, poll: float = 2.0,
        patience: float = 60.0, stage: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.storage, self.connection, self.name, self.run_name = storage, connection, name, run
        self.seq, self.poll, self.patience, self.stage = seq, poll, patience, stage

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            "automl_airflow.triggers.JournalTrigger",
            {
                "storage": self.storage, "connection": self.connection, "name": self.name, "run": self.run_name,
                "seq": self.seq, "poll": self.poll, "patience": self.patience,
                **({"stage": self.stage} if self.stage else {}),
            },
        )  # fmt: skip

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for a later record; one look at the journal serves all who wait for the same run."""
        from automl_airflow.journal_watch import watch_of

        clock = asyncio.get_running_loop().time
        started, lines = clock(), TaskLog(self.log)
        await asyncio.sleep(LEAST_WAIT)
        watch = watch_of((self.storage, self.connection, self.name, self.run_name, self.stage))
        moved = True
        try:
            await asyncio.wait_for(watch.beyond(self.seq, self.poll), max(0.0, self.patience - (clock() - started)))
        except TimeoutError:
            moved = False
            if watch.problem is not None:
                lines.warning("the journal can't be read, the slot asks again: %s", watch.problem)
                await lines.close()
        yield TriggerEvent({"moved": moved})
