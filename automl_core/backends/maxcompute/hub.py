"""One project as all trials of a process see it: a bounded number of threads, and one listing for all that run.

Five hundred trials that each asked for their own instance would be a hundred requests a second; a listing of what
runs is one, and only what is missing from it is asked for.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from automl_core.backends.maxcompute.client import Client, Refused

THREADS = 8
"""Requests at the same time, of one process."""

FEW = 4
"""Up to so many trials each instance is asked for by itself: a project may have many that are others'."""

P = ParamSpec("P")
T = TypeVar("T")


class Hub:
    """One project's client for an event loop.

    Attributes:
        client: asks the service; every call blocks.
        users: trials that are watched with it now.
    """

    def __init__(self, client: Client, pool: ThreadPoolExecutor | None = None) -> None:
        """Ask for nothing yet.

        Args:
            client: of the project.
            pool: threads for requests; the hub's own when left out.
        """
        self.client = client
        self.users = 0
        self._own_pool = pool is None
        self._pool = pool or ThreadPoolExecutor(THREADS, thread_name_prefix="maxcompute")
        self._listing = asyncio.Lock()
        self._running: frozenset[str] = frozenset()
        self._begun = float("-inf")
        self._unlisted = False

    async def call(self, function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Call something that blocks, in one of the threads."""
        bound = functools.partial(function, *args, **options)
        return await asyncio.get_running_loop().run_in_executor(self._pool, bound)

    async def seems_running(self, instance_id: str, since: float, max_age: float) -> bool:
        """Whether an instance need not be asked for: it was running at the last listing, or came after it.

        Args:
            instance_id: which one.
            since: when it was submitted or first known here, by the monotonic clock.
            max_age: seconds that the listing may be old.

        Raises:
            Unreachable: the service can't be asked now.
        """
        if self.users <= FEW or self._unlisted:
            return False
        async with self._listing:
            if time.monotonic() - self._begun >= max_age:
                begun = time.monotonic()
                try:
                    self._running = frozenset(await self.call(self.client.running))
                except Refused:  # these keys may not list: each instance is asked for then
                    self._unlisted = True
                    return False
                self._begun = begun
        return instance_id in self._running or since >= self._begun

    def close(self) -> None:
        """Let go of the threads; what they are at is finished."""
        if self._own_pool:
            self._pool.shutdown(wait=False)
