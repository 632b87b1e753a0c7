"""The journals that triggers wait for: looked at once for all who wait for the same run, by one client a store.

Whatever this process itself reads or writes of a journal (it may watch the run's trials, too) is heard at once.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from automl_airflow.stores import forget_store, shared_store
from automl_airflow.threads import threads_of

if TYPE_CHECKING:
    from automl_airflow.studies import Key

LONGEST_POLL = 30.0
"""Seconds between two looks at a store that is away: they double."""


class JournalWatch:
    """The newest record of one run's journal, for all in one event loop who wait for a later one."""

    def __init__(self, key: Key) -> None:
        self._key = key
        self._newest = 0
        self._moved = asyncio.Event()
        self._waiting: dict[object, float] = {}
        self._poller: asyncio.Task[None] | None = None
        self._problem: Exception | None = None

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def problem(self) -> Exception | None:
        """Why the journal can't be read now, None where it can."""
        return self._problem

    async def beyond(self, seq: int, poll: float) -> None:
        """Wait until there is a record after one. Who stops waiting is forgotten.

        Args:
            seq: the record; its like was read by whoever waits, so it exists.
            poll: seconds between two looks, at most.
        """
        self.heard(seq)
        mark = object()
        self._waiting[mark] = poll
        try:
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll())
            while self._newest <= seq:
                await self._moved.wait()
        finally:
            del self._waiting[mark]
            if not self._waiting and self._poller is not None:
                self._poller.cancel()
                self._poller = None

    def heard(self, seq: int) -> None:
        """Take note of a record that is known to exist."""
        if seq > self._newest:
            self._newest = seq
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    async def _poll(self) -> None:
        """Look as long as anybody waits."""
        threads = threads_of(self._key[0], self._key[1])
        failed = 0
        while self._waiting:
            try:
                newest = await threads.call(_newest, self._key, self._newest)
            except Exception as error:  # whatever is wrong with a store or its connection may be mended while one waits
                self._problem, failed = error, failed + 1
                forget_store(*self._key[:2])
            else:
                self._problem, failed = None, 0
                self.heard(newest)
            every = min(self._waiting.values(), default=0.0)
            await asyncio.sleep(min(max(every, LONGEST_POLL), every * 2.0 ** min(failed, 10)))


def _newest(key: Key, known: int) -> int:
    """The number of the newest record, where it is later than the one that is known: one listing."""
    from automl_core.journal import JOURNAL, key_of, seq_of
    from automl_core.study.finding import find_prefix
    from automl_core.study.layout import stage_prefix

    store = shared_store(key[0], key[1])
    prefix = find_prefix(store, key[2], key[3])
    folder = (stage_prefix(prefix, key[4]) if key[4] else prefix) + JOURNAL
    found = store.list(folder, start_after=folder + key_of(known), limit=1000)
    numbers = (seq_of(each.removeprefix(folder)) for each in found)
    return max((number for number in numbers if number is not None), default=known)


# --- by process and event loop ---------------------------------------------------------------------------------

_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, JournalWatch]] = WeakKeyDictionary()
_lock = threading.Lock()


def watch_of(key: Key) -> JournalWatch:
    """The watch of a run's journal, in the loop that runs."""
    with _lock:
        watches = _watches.setdefault(asyncio.get_running_loop(), {})
        for idle in [each for each, watch in watches.items() if not watch.waiting and each != key]:
            del watches[idle]
        if key not in watches:
            watches[key] = JournalWatch(key)
        return watches[key]


def tell(key: Key, seq: int) -> None:
    """Tell those who wait for a run that a record of its journal exists. From any thread."""
    with _lock:
        found = [(loop, watches[key]) for loop, watches in _watches.items() if key in watches]
    for loop, watch in found:
        try:
            loop.call_soon_threadsafe(partial(watch.heard, seq))
        except RuntimeError:  # it has ended
            continue
