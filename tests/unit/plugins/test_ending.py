"""Clearing a job away whose attempt is over: what is held for it here is let go of, however that ends."""

from __future__ import annotations

import asyncio
import logging

import pytest

from automl_airflow import ending
from automl_core.backends.base import Cause, Exit
from automl_core.backends.remote import RemoteJob, Report, Unreachable

DONE = Exit(cause=Cause.EXITED, code=0, signal=None, reason="", seconds=1.0)


class Left(RemoteJob):
    """Runs on, or has ended; the cluster may be away."""

    def __init__(self, found: Exit | Exception | None) -> None:
        self.found, self.removed, self.closed = found, 0, 0

    async def poll(self) -> Report:
        if isinstance(self.found, Exception):
            raise self.found
        return Report(exit=self.found)

    async def end(self, grace: float) -> None:
        """Asked in vain."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(0.001)

    async def remove(self) -> None:
        self.removed += 1

    async def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(
    ("found", "removed"), [(DONE, 1), (None, 0), (Unreachable("away"), 0)], ids=["ended", "runs on", "away"]
)
def test_a_job_that_is_cleared_away_is_let_go_of(
    monkeypatch: pytest.MonkeyPatch, found: Exit | Exception | None, removed: int
) -> None:
    monkeypatch.setattr(ending, "LATE", 0.02)
    job = Left(found)

    async def find() -> RemoteJob:
        return job

    asyncio.run(ending.clear_away(find, 0.0, logging.getLogger(__name__)))
    assert (job.removed, job.closed) == (removed, 1)
