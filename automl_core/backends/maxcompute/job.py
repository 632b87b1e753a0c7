"""An attempt in MaxCompute as the watcher of trials sees it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from automl_core.backends.base import BackendError
from automl_core.backends.maxcompute.client import Usage
from automl_core.backends.maxcompute.hub import Hub
from automl_core.backends.maxcompute.run import Run
from automl_core.backends.remote import RemoteJob, Report

PROGRESS_EVERY = 15.0
"""Seconds between two looks at the stages of an instance, with few trials."""

_PROGRESS_A_SECOND = 2.0
_FIRST_LOOK = 1.0


class SqlJob(RemoteJob):
    """The statements of one attempt. The service is asked in the hub's threads, or in those that are given."""

    def __init__(
        self, hub: Hub, run: Run, interval: float, *, cleanup: Callable[[Run], None] = lambda _: None,
        call: Callable[..., Awaitable[Any]] | None = None,
    ) -> None:  # fmt: skip
        """Watch a run.

        Args:
            hub: of the project.
            run: the attempt.
            interval: seconds between two looks at the instances, at most.
            cleanup: drops what the run has left, once its end is recorded; blocks.
            call: calls what blocks in the service *and* in the experiment's store, in threads of that store: one that
                hangs must not take the hub's, which are for all trials.
        """
        self._call = call or hub.call
        self._hub, self._run, self._interval, self._cleanup = hub, run, interval, cleanup
        self._progress, self._shown, self._progress_asked = "", "", time.monotonic()

    @property
    def usage(self) -> Usage:
        """What its own instances that have ended have used."""
        return self._run.usage

    async def poll(self) -> Report:
        """See `RemoteJob.poll`."""
        report = Report() if await self._still_runs() else await self._call(self._run.advance)
        if report.exit is None:
            await self._look_at_progress()
        return replace(report, notes=[*report.notes, *self._run.notes(), *self._new_progress()])

    async def _still_runs(self) -> bool:
        entry = self._run.current
        if entry is None or not self._run.settled:
            return False
        age = min(self._interval, max(_FIRST_LOOK, self._interval / 2))
        return await self._hub.seems_running(entry.instance, self._run.seen, age)

    async def wait(self, seconds: float) -> None:
        """A statement of a second need not wait for the whole interval: what is new is looked at more often."""
        age = time.monotonic() - self._run.seen
        await super().wait(min(seconds, max(_FIRST_LOOK, age * 0.4)))

    async def end(self, grace: float) -> None:
        """See `RemoteJob.end`; MaxCompute knows no grace."""
        await self._call(self._run.order_end)

    async def remove(self) -> None:
        """Drop the temporary tables, where the file says so."""
        await self._call(self._cleanup, self._run)

    async def _look_at_progress(self) -> None:
        now = time.monotonic()
        every = max(PROGRESS_EVERY, self._hub.users / _PROGRESS_A_SECOND)
        entry, step = self._run.current, self._run.step
        if now - self._progress_asked < every or entry is None or step is None or step.command is not None:
            return
        self._progress_asked = now
        try:
            found = await self._hub.call(self._hub.client.progress, entry.instance, self._run.name_of(step))
        except BackendError:  # a look at the stages is not worth a word
            return
        self._progress = f"{self._run.place()}: {found}" if found else ""

    def _new_progress(self) -> list[str]:
        if not self._progress or self._progress == self._shown:
            return []
        self._shown = self._progress
        return [self._progress]
