"""Items that are held in memory: so many bytes, over one catalog or over all catalogs of a process."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Sequence

HELD = 256_000_000
"""Bytes of items that are held in memory, about. Of others only ids are; their parts are read again when asked for."""

_OVERHEAD = 41
"""Bytes of a line beside its text: a bytes object, and its place in a list (CPython 3.11, 64 bits)."""


class HeldParts:
    """Lines of parts; the one that was not asked for the longest goes first. Safe between threads.

    A process that serves many projects has one for all their catalogs: each with a bound of its own would hold as many
    times as much as there are projects.
    """

    def __init__(self, most: int | None = None) -> None:
        """Hold none yet.

        Args:
            most: bytes, `HELD` when left out; one part is held even where it alone has more.
        """
        self.most = HELD if most is None else most
        self.bytes = 0
        self._lines: OrderedDict[tuple[int, int], tuple[Sequence[bytes], int]] = OrderedDict()
        self._gone: deque[int] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many parts are held."""
        return len(self._lines)

    def get(self, owner: int, part: int) -> Sequence[bytes] | None:
        """Lines of a part; None where they are not held.

        Args:
            owner: whose; a number of the catalog.
            part: its place.
        """
        with self._lock:
            self._sweep()
            found = self._lines.get((owner, part))
            if found is None:
                return None
            self._lines.move_to_end((owner, part))
            return found[0]

    def put(self, owner: int, part: int, lines: Sequence[bytes]) -> None:
        """Hold lines; others go where it is too much; see `get`."""
        size = sum(len(each) + _OVERHEAD for each in lines)
        with self._lock:
            self._sweep()
            self._drop((owner, part))
            self._lines[owner, part] = (lines, size)
            self.bytes += size
            while self.bytes > self.most and len(self._lines) > 1:
                self._drop(next(iter(self._lines)))

    def forget(self, owner: int) -> None:
        """Hold nothing of an owner any more, from the next call on.

        Waits for nothing: a catalog that goes calls it, which may be in the midst of any other call of the same thread.
        """
        self._gone.append(owner)

    def _sweep(self) -> None:
        gone = {self._gone.popleft() for _ in range(len(self._gone))}
        if gone:
            for key in [each for each in self._lines if each[0] in gone]:
                self._drop(key)

    def _drop(self, key: tuple[int, int]) -> None:
        found = self._lines.pop(key, None)
        if found is not None:
            self.bytes -= found[1]
