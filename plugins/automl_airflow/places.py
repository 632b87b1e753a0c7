"""Waiting without a worker for a place: woken in time to be ready when it becomes free."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow.task_log import TaskLog
from automl_airflow.threads import threads_of
from automl_airflow.triggers import LEAST_WAIT
from automl_airflow.waiting import Trouble

if TYPE_CHECKING:
    from automl_core.study import Study

WAKE = 12.0
"""Seconds before a place is expected at which a slot without a worker is woken: Airflow starts one in some five."""

LEFT_OPEN = 5.0
"""Seconds after which a place that nobody has taken wakes whoever waits for one."""

SKIPPED_WITHIN = 30.0
"""Seconds in which whoever ends the experiment skips the slots that wait: no worker is started for each of them."""


class PlaceTrigger(BaseTrigger):
    """Fires before a place is expected, when one is free or all is over, and after ``patience`` seconds in any case.

    The slot that waits asks again then; so a wrong estimate costs a little time and nothing else. All that wait in a
    triggerer read the journal once together.
    """

    def __init__(
        self, storage: str, connection: str | None, name: str, run: str, slot: int | None, lane: int | None,
        patience: float, poll: float = 2.0, in_turn: bool = False,
    ) -> None:  # fmt: skip
        """State who waits.

        Args:
            storage, connection, name, run: where the journal lies.
            slot: number of the slot, None for a lane.
            lane: number of the lane, None for a slot.
            patience: seconds after which it fires in any case.
            poll: seconds between two looks.
            in_turn: whether a place is of use only where nobody else has the first claim on it (they wait as well).
        """
        super().__init__()
        self.in_turn = in_turn
        self.storage, self.connection, self.name, self.run_name = storage, connection, name, run
        self.slot, self.lane, self.patience, self.poll = slot, lane, patience, poll
        self._opened: float | None = None
        self._over: float | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            "automl_airflow.places.PlaceTrigger",
            {
                "storage": self.storage, "connection": self.connection, "name": self.name, "run": self.run_name,
                "slot": self.slot, "lane": self.lane, "patience": self.patience, "poll": self.poll,
                "in_turn": self.in_turn,
            },
        )  # fmt: skip

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the experiment's state, in one of the store's threads."""
        clock = asyncio.get_running_loop().time
        started, lines = clock(), TaskLog(self.log)
        trouble = Trouble(lines)
        await asyncio.sleep(LEAST_WAIT)
        due = False
        while not due and clock() - started < self.patience:
            try:
                due = await threads_of(self.storage, self.connection).call(self._is_due)
            except Exception as error:
                trouble.is_there(f"the journal can't be read, trying again: {error}")
            else:
                trouble.is_over("the journal can be read again")
            if not due:
                await asyncio.sleep(self.poll)
        await lines.close()
        yield TriggerEvent({"moved": due})

    def _is_due(self) -> bool:
        from automl_airflow.studies import shared_study

        shared = shared_study(self.storage, self.connection, self.name, self.run_name)
        shared.read(max_age=self.poll)
        with shared.lock:
            return self.is_due(shared.study, time.monotonic())

    def is_due(self, study: Study, now: float) -> bool:
        """Whether a worker is to be started.

        Args:
            study: read a moment ago.
            now: seconds from any moment.
        """
        from automl_core.study.places import free_places, is_due, waiting_before
        from automl_core.study.progress import exhausted_by

        state = study.state
        before, free = waiting_before(state, self.slot, self.lane), free_places(state, study.experiment)
        self._opened = None if free <= 0 else now if self._opened is None else self._opened
        if state.stop is not None:
            self._over = now if self._over is None else self._over
            return self.lane is not None or now - self._over >= SKIPPED_WITHIN
        if exhausted_by(state, study.experiment):  # of that nobody skips the others
            return True
        if free > before or self.in_turn:
            return free > before
        if self._opened is not None and now - self._opened >= LEFT_OPEN:
            return True
        return is_due(state, study.experiment, study.journal.clock(), WAKE, before)
