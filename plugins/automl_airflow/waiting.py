"""Waiting in a trigger for a store that is away: what has to be done is done, however long that takes."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_airflow.task_log import TaskLog
    from automl_airflow.threads import Threads

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two tries: they double."""

TELL_EVERY = 300.0
"""Seconds between two lines that say so: a thousand triggers that wait for one store share one log."""


class Trouble:
    """What is wrong for as long as a trigger waits: said once in `TELL_EVERY` seconds, and once that it is over.

    Args:
        log: the trigger's lines, which nobody waits for. Airflow's own logger may not be written to in the event loop:
            that stands still, with all triggers, while the triggerer's one socket for logs is full.
    """

    def __init__(self, log: TaskLog) -> None:
        self._log, self._told = log, float("-inf")

    def is_there(self, text: str) -> None:
        """Say what is wrong, where that was not said just now."""
        now = asyncio.get_running_loop().time()
        if now - self._told >= TELL_EVERY:
            self._told = now
            self._log.warning("%s", text)

    def is_over(self, text: str) -> None:
        """Say that it is over, where it was said that something is wrong."""
        if self._told > float("-inf"):
            self._told = float("-inf")
            self._log.info("%s", text)


async def until_done(function: Any, *args: Any, log: TaskLog, threads: Threads) -> Any:
    """Do something with a store that must be done, however long it is away or refuses its keys.

    A trigger holds no worker, so that it may wait for ever; whoever clears its task ends it.

    Args:
        function: a coroutine's, or one that blocks and is called in a thread; done again from its beginning.
        args: of it.
        log: told what is waited for.
        threads: those of the store.
    """
    from automl_core.storage.base import StorageError

    clock = asyncio.get_running_loop().time
    pause, trouble, began = FIRST_PAUSE, Trouble(log), clock()
    while True:
        try:
            if inspect.iscoroutinefunction(function):
                done = await function(*args)
            else:
                done = await threads.call(function, *args)
        except StorageError as error:
            trouble.is_there(f"the store can't be reached, it is tried again until it can: {error}")
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        else:
            trouble.is_over(f"the store can be reached again, after {clock() - began:.0f} s")
            return done
