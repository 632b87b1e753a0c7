"""Waiting without a worker: until an experiment's journal has moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

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
        """Poll the store for a later record, in a thread, since stores are synchronous."""
        started = asyncio.get_running_loop().time()
        await asyncio.sleep(LEAST_WAIT)
        moved = False
        while not moved and asyncio.get_running_loop().time() - started < self.patience:
            try:
                moved = await asyncio.to_thread(self._moved)
            except Exception as error:
                self.log.warning("the journal can't be read, trying again: %s", error)
            if not moved:
                await asyncio.sleep(self.poll)
        yield TriggerEvent({"moved": moved})

    def _moved(self) -> bool:
        from automl_airflow.session import open_journal
        from automl_core.journal import JOURNAL, key_of

        store, journal = open_journal(self.storage, self.connection, self.name, self.run_name, self.stage)
        folder = journal.prefix + JOURNAL
        return bool(store.list(folder, start_after=folder + key_of(self.seq), limit=1))
