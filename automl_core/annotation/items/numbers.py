"""Numbers of items in few bytes: 100,000 items scattered over a million are some ten kilobytes of a record.

A short list of numbers stays one that people can read; a long one is packed. Both are lists of steps: a number above 0
is that much more than the last one (which is -1 before the first), a negative one stands for so many in a row.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable

Packed = list[int] | str
"""Numbers as they stand in a record: steps, or the same packed."""

READABLE = 200
"""Steps up to which they stand as they are."""

MOST = 100_000_000
"""Numbers that are unpacked at most: a foreign record must not fill the memory."""


def pack(numbers: Iterable[int]) -> Packed:
    """Numbers, each once and in their order, as few steps.

    Raises:
        ValueError: one is below 0.
    """
    steps: list[int] = []
    last = -1
    for number in sorted(set(numbers)):
        step = number - last
        if step < 1:
            raise ValueError(f"{number} is no number of an item")
        if step == 1 and steps:
            if steps[-1] < 0:
                steps[-1] -= 1
            else:
                steps.append(-1)
        else:
            steps.append(step)
        last = number
    if len(steps) <= READABLE:
        return steps
    return base64.b64encode(zlib.compress(b"".join(map(_varint, steps)), 9)).decode()


def unpack(packed: Packed) -> list[int]:
    """What `pack` was given, ascending.

    Raises:
        ValueError: that is no such list.
    """
    steps = _steps(packed) if isinstance(packed, str) else packed
    if not isinstance(steps, list):
        raise ValueError(f"{packed!r:.40} is no list of numbers")
    numbers: list[int] = []
    last = -1
    for step in steps:
        if type(step) is not int or step == 0 or (step < 0 and last < 0):
            raise ValueError(f"{step!r:.40} is no step of a list of numbers")
        if (-step if step < 0 else 1) + len(numbers) > MOST:
            raise ValueError(f"more than {MOST} numbers")
        if step > 0:
            last += step
            numbers.append(last)
        else:
            numbers.extend(range(last + 1, last + 1 - step))
            last -= step
    return numbers


def _varint(step: int) -> bytes:
    """A step as bytes of seven bits each, the sign in the lowest."""
    left = step << 1 if step >= 0 else (-step << 1) | 1
    found = bytearray()
    while left >= 0x80:
        found.append(left & 0x7F | 0x80)
        left >>= 7
    found.append(left)
    return bytes(found)


def _steps(text: str) -> list[int]:
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text, validate=True), 4 * MOST)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"a packed list of numbers can't be read: {error}") from None
    if not unpacker.eof:
        raise ValueError("a packed list of numbers is cut off, or too long")
    steps: list[int] = []
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            steps.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift:
        raise ValueError("a packed list of numbers is cut off")
    return steps
