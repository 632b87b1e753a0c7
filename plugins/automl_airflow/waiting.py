"""Waiting in a trigger for a store that is away: what has to be done is done, however long that takes."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two tries: they double."""


async def until_done(function: Any, *args: Any, log: Any) -> Any:
    """Do something with a store that must be done, however long it is away or refuses its keys.

    A trigger holds no worker, so that it may wait for ever; whoever clears its task ends it.

    Args:
        function: a coroutine's, or one that blocks and is called in a thread; done again from its beginning.
        args: of it.
        log: told what is waited for.
    """
    from automl_core.storage.base import StorageError

    pause = FIRST_PAUSE
    while True:
        try:
            if inspect.iscoroutinefunction(function):
                return await function(*args)
            return await asyncio.to_thread(function, *args)
        except StorageError as error:
            log.warning("the store can't be reached, trying again in %.0f s: %s", pause, error)
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, pause * 2)
