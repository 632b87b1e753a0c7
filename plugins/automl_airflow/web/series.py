"""What trials have reported, from their metrics files: read every few seconds, however many people look."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from automl_core.metrics.series import Series
from automl_core.storage.base import ObjectStore
from automl_core.views.curves import read_series

EVERY = 3.0
"""Seconds between two readings of a trial's metrics file."""

MOST_RUNNING = 100
"""Running trials whose files are read for one plot at most."""

_KEPT = 256

_Read: TypeAlias = tuple[float, "Series | None"]


class LiveSeries:
    """The metrics of one run's trials.

    Attributes:
        version: changes when a running trial has reported more.
    """

    def __init__(self, store: ObjectStore, prefix: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._prefix, self._clock = store, prefix, clock
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._known: OrderedDict[int, _Read] = OrderedDict()
        self._read_at = float("-inf")
        self.version = 0

    def of(self, number: int) -> Series | None:
        """What one trial has reported, at most `EVERY` seconds old.

        Raises:
            StorageError: the store is away.
        """
        with self._lock:
            known = self._known.get(number)
        if known is not None and self._clock() - known[0] < EVERY:
            return known[1]
        return self._read(number)

    def running(self, numbers: Sequence[int]) -> dict[int, Series]:
        """What running trials have reported. Who comes while others read is given what was read before.

        Raises:
            StorageError: the store is away.
        """
        wanted = numbers[:MOST_RUNNING]
        first = self._read_at == float("-inf")
        if self._clock() - self._read_at >= EVERY and self._reading.acquire(blocking=first):
            try:
                if self._clock() - self._read_at >= EVERY:
                    for number in wanted:
                        self._read(number)
                    self._read_at = self._clock()
            finally:
                self._reading.release()
        return self.known(wanted)

    def known(self, numbers: Sequence[int]) -> dict[int, Series]:
        """What was read of some trials before, as old as it may be. Never waits."""
        with self._lock:
            found = {number: self._known[number][1] for number in numbers if number in self._known}
        return {number: series for number, series in found.items() if series is not None}

    def _read(self, number: int) -> Series | None:
        series = read_series(self._store, self._prefix, number)
        with self._lock:
            before = self._known.pop(number, (0.0, None))[1]
            if _extent(before) != _extent(series):
                self.version += 1
            self._known[number] = (self._clock(), series)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return series


def _extent(series: Series | None) -> tuple[int, object]:
    """What changes when there is news: a value that a step's redraws replace, too."""
    points = list(series or ())
    return (len(points), points[-1]) if points else (0, None)
