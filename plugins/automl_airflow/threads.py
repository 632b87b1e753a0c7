"""Threads of our own in the processes that everybody shares: a few for each store, and some for reading output.

asyncio's default executor (``min(32, cores + 4)`` threads) is for all of a triggerer, and anyio's limiter (40) for all
of an API server. A store that accepts and never answers would take them all, and with them whatever else of Airflow
runs there. Here it takes its own few, and who comes then waits in the event loop, where waiting costs no thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from automl_airflow.teams import ConnectionName

T = TypeVar("T")

OF_A_STORE = 8
"""Threads of one store: as many as asyncio has for everything on four cores."""

OF_LOOKS = 32
"""Threads that look at a store's rollouts. A look is 2 requests at rest and some 8 with news, so with 20 ms a request
800 rollouts at rest, or 200 under load, are looked at every second, as far as there is a core for it; more of them come
round later, all alike. As many as a bucket's client keeps connections."""

OF_READING = 3
"""Threads that take in what trainings print: Python's lock lets one work, and a pattern may wait for its child."""

OF_SET_UP = 2
"""Threads that read connections and import clients."""

IDLE = 600.0
"""Seconds after its last call from which on the threads of a store may be let go."""


class Busy(RuntimeError):
    """All threads are taken, and as many wait for one as may. The message says of what."""


class Threads:
    """A bounded number of threads that coroutines call blocking functions in.

    Whoever waits for a thread waits in its event loop; one that is cancelled there leaves nothing behind. A call that
    has begun can't be taken back: it keeps its thread until it returns, whether or not anybody waits for it still.

    Args:
        name: of the threads, and in messages.
        most: threads at once.
        waiting: callers that may wait for one; None for as many as come.
    """

    def __init__(self, name: str, most: int, waiting: int | None = None) -> None:
        self.name, self.most = name, most
        self._waiting = waiting
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)
        self._places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._running: dict[Future[Any], float] = {}
        self._queued = 0
        self.used = time.monotonic()

    @property
    def running(self) -> int:
        """Calls that have a thread now."""
        with self._lock:
            return len(self._running)

    @property
    def waiting(self) -> int:
        """Callers that wait for a thread."""
        return self._queued

    def stuck(self, after: float) -> float | None:
        """How long the call that ended last ago has run, in seconds, where every thread is taken for longer than that.

        Args:
            after: seconds from which on a call is taken for one that hangs.

        Returns:
            Seconds for which no thread has come free; None where one is, or where they come free soon enough.
        """
        with self._lock:
            if len(self._running) < self.most:
                return None
            youngest = time.monotonic() - max(self._running.values())
        return youngest if youngest >= after else None

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function in one of the threads, with the caller's context variables.

        Raises:
            Busy: as many wait as may.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            places = self._places.get(loop)
            if places is None:
                places = self._places[loop] = asyncio.Semaphore(self.most)
        if self._waiting is not None and self._queued >= self._waiting and places.locked():
            raise Busy(f"{self.name}: all {self.most} threads are taken, and {self._queued} wait for one")
        self._queued += 1
        try:
            await places.acquire()
        finally:
            self._queued -= 1
        try:
            context = contextvars.copy_context()
            job: Future[T] = self._pool.submit(partial(context.run, function, *args))
        except BaseException:
            places.release()
            raise
        self.used = time.monotonic()
        with self._lock:
            self._running[job] = self.used
        job.add_done_callback(partial(self._done, loop, places))
        return await asyncio.wrap_future(job)

    def _done(self, loop: asyncio.AbstractEventLoop, places: asyncio.Semaphore, job: Future[Any]) -> None:
        """Give the place to the next once the thread is really free: not when a caller has given up waiting."""
        with self._lock:
            self._running.pop(job, None)
        try:
            loop.call_soon_threadsafe(places.release)
        except RuntimeError:  # the loop has ended meanwhile
            return

    def close(self) -> None:
        """Take no further calls; threads end when they are free."""
        self._pool.shutdown(wait=False)


class StoreThreads:
    """The threads of each store of a process, by where it lies and its connection.

    Args:
        most: threads of one store.
        waiting: callers that may wait for those of one; None for as many as come.
    """

    def __init__(self, most: int = OF_A_STORE, waiting: int | None = None) -> None:
        self._most, self._waiting = most, waiting
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ConnectionName, str], Threads] = {}

    def of(self, storage: str, connection: ConnectionName, use: str = "") -> Threads:
        """The threads of one store.

        Args:
            storage, connection: which store.
            use: where something else than the store may be slow as well, what: threads apart for that.
        """
        key = (storage, connection, use)
        with self._lock:
            found = self._known.get(key)
            if found is None:
                self._let_go_of_idle()
                name = f"automl {storage} {use}".rstrip()
                found = self._known[key] = Threads(name, self._most, self._waiting)
            found.used = time.monotonic()
            return found

    def _let_go_of_idle(self) -> None:
        now = time.monotonic()
        for key, threads in list(self._known.items()):
            if now - threads.used > IDLE and not threads.running and not threads.waiting:
                self._known.pop(key).close()


_stores = StoreThreads()
_looks = StoreThreads(OF_LOOKS)
_reading: list[Threads] = []
_set_up: list[Threads] = []


def threads_of(storage: str, connection: ConnectionName, use: str = "") -> Threads:
    """The threads in which this process's triggers touch a store, and nothing else (see `StoreThreads.of`)."""
    return _stores.of(storage, connection, use)


def look_threads(storage: str, connection: ConnectionName, slow: bool = False) -> Threads:
    """The threads in which this process's triggers look at the rollouts of a store.

    Args:
        storage, connection: which store.
        slow: those for looks that take long, apart from all others.
    """
    return _looks.of(storage, connection, "slow rollouts" if slow else "rollouts")


def reading_threads() -> Threads:
    """The threads in which this process's triggers take in what trainings print; they touch no store."""
    if not _reading:
        _reading.append(Threads("automl reading", OF_READING))
    return _reading[0]


def set_up_threads() -> Threads:
    """The threads in which connections of clusters and services are read, and their clients imported."""
    if not _set_up:
        _set_up.append(Threads("automl set-up", OF_SET_UP))
    return _set_up[0]
