"""The deadline, planned: when the search has to end so that everything after it fits, corrected by what was seen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

YOUNG = 10.0
"""Seconds: a process that is younger than this when the search is called counts from its own start. Who runs a script
with a minute to spare means all of it: interpreter, imports and reading."""

ENDING = 1.0
"""Seconds that are left at the very end: for what nobody planned, and for a few predictions."""

FIRST = 0.6
"""Of what is planned for after the search: what a search that has nothing yet may still take."""

SLOWEST = 6.0
"""Times slower than planned that a machine is thought to be at most."""


def process_age() -> float | None:
    """Seconds since this process was started; None where the system doesn't say."""
    try:
        started = float(Path("/proc/self/stat").read_text(encoding="ascii").rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
        return max(up - started / os.sysconf("SC_CLK_TCK"), 0.0)
    except (OSError, ValueError, IndexError):
        return None


@dataclass
class Deadline:
    """What may still be done.

    Attributes:
        end: on the monotonic clock; None: there is no deadline.
        seconds: in all.
        refit: seconds that fits after the search are thought to take, by the trials seen so far.
        clock: seconds that only grow.
    """

    end: float | None
    seconds: float | None
    refit: float = 0.0
    after: float = 0.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    @classmethod
    def of(cls, seconds: float | None, *, began: float | None = None, from_start: bool = True) -> Deadline:
        """From a moment, or from the start of a process that was young then.

        Args:
            seconds: that everything may take; None: no deadline.
            began: on the monotonic clock; None: now.
            from_start: whether a young process counts from its own start.
        """
        if seconds is None:
            return cls(None, None)
        now = time.monotonic()
        began = now if began is None else began
        age = process_age() if from_start else None
        if age is not None and age - (now - began) < YOUNG:
            began = now - age
        found = cls(began + seconds, seconds)
        found.planned(0, 1)
        return found

    def planned(self, rows: int, outputs: int, slowness: float = 1.0) -> None:
        """Plan what comes after the search: selection, evaluation, writing and checking the model.

        Args:
            rows: of the table.
            outputs: of a prediction.
            slowness: seconds of the clock for a second of CPU, as seen so far: a machine that others use as well.
        """
        if self.seconds is not None:
            planned = 2.6 + 0.01 * self.seconds + rows * max(outputs, 1) * 2e-5
            self.after = min(planned * min(max(slowness, 1.0), SLOWEST), 0.3 * self.seconds)

    @property
    def search_end(self) -> float | None:
        """When trials have to be over."""
        if self.end is None or self.seconds is None:
            return None
        return self.end - ENDING - self.after - min(self.refit, 0.4 * self.seconds)

    def left(self, *, first: bool = False) -> float:
        """Seconds until trials have to be over; endless without a deadline.

        Args:
            first: nothing usable has been found yet: of what is kept for later, what choosing among many would take
                is better spent on having something to choose.
        """
        end = self.search_end
        if end is None:
            return float("inf")
        return end + (FIRST * self.after if first else 0.0) - self.clock()

    def left_for_all(self) -> float:
        """Seconds until everything has to be over."""
        return float("inf") if self.end is None else self.end - ENDING - self.clock()
