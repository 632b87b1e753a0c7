"""What a training printed, in slices that take a few milliseconds to read: Python's lock is held meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

LINES, CHARACTERS = 200, 1 << 15
"""Of one slice, at most (but for one line that is longer by itself)."""


def slices(lines: Sequence[str], most: int = LINES, characters: int = CHARACTERS) -> list[list[str]]:
    """Lines in slices, in order; at least one slice, that has none where there are none."""
    found: list[list[str]] = [[]]
    size = 0
    for line in lines:
        if found[-1] and (len(found[-1]) >= most or size + len(line) > characters):
            found.append([])
            size = 0
        found[-1].append(line)
        size += len(line)
    return found
