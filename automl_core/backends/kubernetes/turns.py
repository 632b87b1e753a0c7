"""How much of the cluster, and of this process, reading logs may take: bounds that all readers share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Protocol

FOLLOWED_OF_NODE = 24
"""Logs of one node that are followed at once. Each takes one of the node's inotify instances, which all of its
processes of root share: ``fs.inotify.max_user_instances`` is 128 on many."""

FOLLOWED = 256
"""Logs that are followed at once: each is a connection, and a request that the API server holds."""

WAITING = 32 << 20
"""Characters of output that wait to be taken, of all logs together; beyond it each may hold `LEAST` only."""

MOST, LEAST = 1 << 18, 1 << 15
"""Characters of one log that may wait to be taken before the reading of it pauses. So much is in a report at a time:
whoever takes it in is busy with it for a moment, and others wait for him."""

SHORTEST, LONGEST = 2.0, 8.5
"""Seconds between two looks at a log that is not followed. With the longest, a line is known within ten seconds."""

_LOOKS_A_SECOND = 100.0
"""Logs that are looked at in a second, where the intervals allow it."""

_QUIETER = 1.5
"""What an interval grows by when there was nothing new."""

_AT_ONCE = 16
_OF_ONE_NODE = 8
"""A node that does not answer holds each reading for half a minute: it is not to keep those of the others waiting."""

_REFUSED_FOR = 600.0
"""Seconds in which nothing more is followed on a node that had no inotify instance left."""

_MORE_TALKATIVE = 4.0
"""A log that prints so many times more than one that is followed is followed in its place."""

_WORTH = 1000.0
"""Bytes a second from which on that is worth while."""


class Follower(Protocol):
    """A log that may be followed."""

    rate: float
    """Bytes a second that it prints, of late."""

    def stand_up(self) -> None:
        """End the following: another log has its place."""


class LogTurns:
    """Who may read now, who may follow, and how much may wait. Belongs to one event loop."""

    def __init__(
        self, *, followed: int = FOLLOWED, of_node: int = FOLLOWED_OF_NODE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is read.

        Args:
            followed: logs that may be followed at once.
            of_node: those of one node.
            clock: seconds.
        """
        self._followed, self._of_node, self._clock = followed, of_node, clock
        self._seats: dict[Follower, str] = {}
        self._on_node: Counter[str] = Counter()
        self._refused: dict[str, float] = {}
        self._turns = {last: _Turns() for last in (False, True)}
        self.readers = 0
        """Logs that are being read."""
        self.waiting = 0
        """Characters that wait to be taken, of all logs."""

    @contextlib.asynccontextmanager
    async def turn(self, node: str, *, last: bool) -> AsyncIterator[None]:
        """A turn to ask a node for a log: so many at once, and not all of them at one node.

        Args:
            node: its name.
            last: for the rest of a container's log that has ended: an end waits for no other reading.
        """
        turns = self._turns[last]
        async with turns.of_node[node], turns.all:
            yield

    def sit_down(self, log: Follower, node: str) -> bool:
        """Whether a log may be followed now; to be given back with `leave`."""
        if log in self._seats:
            return True
        if self._refused.get(node, 0.0) > self._clock():
            return False
        full_node = self._on_node[node] >= self._of_node
        if full_node or len(self._seats) >= self._followed:
            others = [other for other, where in self._seats.items() if where == node or not full_node]
            quietest = min(others, key=lambda other: other.rate, default=None)
            if quietest is None or log.rate < max(_WORTH, _MORE_TALKATIVE * quietest.rate):
                return False
            self.leave(quietest)
            quietest.stand_up()
        self._seats[log] = node
        self._on_node[node] += 1
        return True

    def leave(self, log: Follower) -> None:
        """Give a place back."""
        node = self._seats.pop(log, None)
        if node is not None:
            self._on_node[node] -= 1

    def refuse(self, node: str) -> None:
        """Follow nothing more on a node for a while: it has no inotify instance left."""
        self._refused[node] = self._clock() + _REFUSED_FOR

    def interval(self, before: float, *, news: bool) -> float:
        """Seconds until a log that is not followed is looked at again: longer with many, and where little happens.

        Args:
            before: the last interval.
            news: whether the last look brought something.
        """
        shortest = max(SHORTEST, (self.readers - len(self._seats)) / _LOOKS_A_SECOND)
        return min(LONGEST, shortest if news else max(shortest, before * _QUIETER))

    def room(self, size: int) -> bool:
        """Whether a log of which so many characters wait may be read on."""
        return size < (MOST if self.waiting < WAITING else LEAST)


class _Turns:
    def __init__(self) -> None:
        self.all = asyncio.Semaphore(_AT_ONCE)
        self.of_node: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_OF_ONE_NODE))
