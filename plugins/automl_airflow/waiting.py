"""Waiting in a trigger for a store that is away: what has to be done is done, however long that takes."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_airflow.threads import Threads

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two tries: they double."""

TELL_EVERY = 300.0
"""Seconds between two lines that say so: a thousand triggers that wait for one store share one log."""


async def until_done(function: Any, *args: Any, log: Any, threads: Threads) -> Any:
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
    pause, told, began = FIRST_PAUSE, float("-inf"), clock()
    while True:
        try:
            if inspect.iscoroutinefunction(function):
                done = await function(*args)
            else:
                done = await threads.call(function, *args)
        except StorageError as error:
            if clock() - told >= TELL_EVERY:
                told = clock()
                log.warning("the store can't be reached, it is tried again until it can: %s", error)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
        else:
            if told > float("-inf"):
                log.info("the store can be reached again, after %.0f s", clock() - began)
            return done
