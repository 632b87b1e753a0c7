"""Ending jobs outside Airflow whose trial is over or was ended by a person, and removing what is left of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_airflow.task_log import TaskLog
    from automl_core.backends.remote import RemoteJob

LATE = 5.0
"""Seconds beyond its grace that a job may take to end."""

_AGAIN = 2.0

_kept: set[asyncio.Task[None]] = set()
"""What runs to its end: the loop alone would forget it."""


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for something that goes on when whoever waits is cancelled: for Airflow it is over, not for the cluster."""
    task = asyncio.create_task(work)
    _kept.add(task)
    task.add_done_callback(_kept.discard)
    await asyncio.shield(task)


async def insist(remote: RemoteJob, grace: float, log: TaskLog) -> None:
    """Ask for a job's end until the service answers: Airflow waits so long (``[triggerer] on_kill_timeout``)."""
    from automl_core.backends.remote import Unreachable

    while True:
        try:
            await remote.end(grace)
            return
        except Unreachable as error:
            log.warning("the job can't be ended yet: %s", error)
            await asyncio.sleep(_AGAIN)


async def has_ended(remote: RemoteJob, grace: float) -> bool:
    """Let a job that was asked to end have its grace, and a little more. Returns whether it has ended."""
    from automl_core.backends.remote import Unreachable

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace + LATE):
            while True:
                with contextlib.suppress(Unreachable):
                    if (await remote.poll()).exit is not None:
                        return True
                await remote.wait(1.0)
    return False


async def clear_away(find: Callable[[], Awaitable[RemoteJob]], grace: float, log: TaskLog) -> None:
    """End and remove the job of an attempt that is over for the study: it may run on all the same."""
    from automl_core.backends.base import BackendError

    try:
        remote = await find()
        try:
            if (await remote.poll()).exit is None:
                await remote.end(grace)
                if not await has_ended(remote, grace):
                    return
            await remove(remote, log)
        finally:
            await remote.close()  # its output would be read on for as long as others watch in that namespace
    except BackendError as error:
        log.warning("what is left of the job was not removed: %s", error)


async def remove(remote: RemoteJob, log: TaskLog) -> None:
    """Remove what is left of a job that has ended."""
    from automl_core.backends.base import BackendError

    try:
        await remote.remove()
    except BackendError as error:
        log.warning("what is left of the job was not removed: %s", error)
