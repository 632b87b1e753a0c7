"""How writers that crowd around one journal take turns, without any of them knowing the others.

Only one of those who try for a place gets it, and the others have written an object for nothing. So each spreads its
tries over a span of time, and the span is found as networks find theirs, from what is lost alone (Chiu and Jain 1989,
"Analysis of the increase and decrease algorithms for congestion avoidance", Computer Networks and ISDN Systems 17,
compare such rules): a lost try makes it longer, one won at once makes it shorter. The record that was won carries the
span, so whoever comes next begins with it instead of learning it anew; a single writer's luck moves it only a little.
"""

from __future__ import annotations

import random
import time
import uuid

RETREAT = 3.5
"""What a lost try multiplies the span by."""

EASE = 0.75
"""What a try that was won at once multiplies it by. At rest a win comes with -ln EASE / ln RETREAT losses: 0.23."""

SHARE = 0.25
"""Weight, in logarithms, of a writer's own span in the one that its record carries; the rest is the one it found. With
these three, eight writers at once put some 1.4 objects a record (benchmarks/crowd.py)."""

LEAST = 0.002
"""Seconds. A span below this is none."""

MOST = 20.0
"""Seconds. The longest span."""


class Pace:
    """The span over which this process spreads its tries."""

    def __init__(self) -> None:
        self.span = 0.0
        self._found = 0.0
        self._losses = 0
        self._read = time.monotonic()
        self._random = random.Random(uuid.uuid4().int)

    def heard(self, span: float, age: float) -> None:
        """Take over the span of the newest record.

        Args:
            span: seconds, as its writer had it.
            age: seconds since then by this machine's clock. A crowd that has gone for much longer than its span
                leaves nothing to wait for; a clock that runs ahead is taken for no age at all.
        """
        fresh = 2 * max(0.0, span) + 0.5
        faded = min(1.0, max(0.0, 2.0 - age / fresh))
        heard = min(MOST, max(0.0, span) * faded)
        self._found = heard
        self.span = max(self.span, heard) if self._losses else heard

    def reading(self) -> None:
        """What is decided from here on rests on what is read now; or nothing is decided before the write."""
        self._read = time.monotonic()

    def lost(self) -> None:
        """A try was lost: others wrote between what was read and what was to be written."""
        self._losses += 1
        window = time.monotonic() - self._read
        self.span = min(MOST, max(self.span, window, LEAST) * RETREAT)

    def won(self) -> float:
        """The span to write with a place that may be won now: what was found, moved towards this writer's own."""
        own = self.span * (EASE if self._losses == 0 else 1.0)
        if own < LEAST:
            return 0.0
        return own if self._found < LEAST else self._found ** (1 - SHARE) * own**SHARE

    def settled(self, span: float) -> None:
        """The place was won, with that span."""
        self.span, self._losses = span, 0

    def wait(self) -> float:
        """Seconds to wait before the next try."""
        return self._random.uniform(0.0, self.span) if self.span >= LEAST else 0.0
