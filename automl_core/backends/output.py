"""The output of a training process between the thread that receives it and the one that reads it.

Memory stays bounded whatever a process prints, and whether or not anybody reads.
"""

from __future__ import annotations

import threading
import time
from collections import deque

CAPACITY = 4 * 1024 * 1024
"""Most bytes of output held for a reader."""

PATIENCE = 10.0
"""Seconds that a process may be held up for a reader who is behind, before output is dropped."""

LINE_LIMIT = 64 * 1024
"""Longest line in bytes; what is longer is cut."""

_PORTION = 256 * 1024  # bytes handed out at once: a few MB as Python strings in the worst case


class LineSplitter:
    r"""Bytes as they come, to lines of text.

    A line ends with ``\n`` or ``\r\n``. A ``\r`` alone is no end: a progress bar draws its line again. What it has
    drawn so far comes at once, with its ``\r``, and the line goes on with what comes next. What is not UTF-8 is shown
    as U+FFFD. Where the bytes are parted makes no difference.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._partial = b""  # the beginning of the current piece, never longer than the limit
        self._cut = 0  # bytes of the current piece beyond the limit
        self._return = False  # the last byte was \r: what follows says whether the line ends there

    def feed(self, data: bytes) -> list[str]:
        """The lines, and the pieces of lines that are drawn again, that these bytes complete."""
        if not data:
            return []
        if self._return:
            data, self._return = b"\r" + data, False
        if data.endswith(b"\r"):
            data, self._return = data[:-1], True
        if b"\r" in data:
            # a piece that is drawn again is marked by the return that stays at its end
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\r\n")
        raw = data.split(b"\n")
        rest = raw.pop()
        lines: list[str] = []
        if raw:
            drawn = raw[0].endswith(b"\r")
            self._extend(raw[0].removesuffix(b"\r"))
            lines.append(self._take(drawn))
            if len(data) <= self._limit:
                lines.extend(data[len(raw[0]) + 1 : len(data) - len(rest)].decode("utf-8", "replace").split("\n")[:-1])
            else:
                lines.extend(self._whole(line) for line in raw[1:])
        self._extend(rest)
        return lines

    def flush(self) -> list[str]:
        """The line that has begun and not ended, if there is one."""
        drawn, self._return = self._return, False
        return [self._take(drawn)] if self._partial or self._cut else []

    def _extend(self, data: bytes) -> None:
        room = self._limit - len(self._partial)
        self._partial += data[:room]
        self._cut += max(0, len(data) - room)

    def _take(self, drawn: bool) -> str:
        text = self._text(self._partial, self._cut, drawn)
        self._partial, self._cut = b"", 0
        return text

    def _whole(self, line: bytes) -> str:
        text = line.removesuffix(b"\r")
        return self._text(text[: self._limit], max(0, len(text) - self._limit), line.endswith(b"\r"))

    @staticmethod
    def _text(line: bytes, cut: int, drawn: bool) -> str:
        text = line.decode("utf-8", "replace")
        text = f"{text} … [{cut:,} more bytes of this line were cut]" if cut else text
        return f"{text}\r" if drawn else text


class OutputBuffer:
    """Bytes put by one thread, lines taken by another; never more than ``capacity`` bytes in between.

    When it is full, the putting thread waits (and with it, in the end, the process that prints: nothing is
    lost to a reader who is only slow). When nobody has read for ``patience`` seconds, the oldest
    lines are dropped, and a line in their place says how many.
    """

    def __init__(self, capacity: int = CAPACITY, patience: float = PATIENCE, line_limit: int = LINE_LIMIT) -> None:
        self._capacity = capacity
        self._patience = patience
        self._changed = threading.Condition()
        self._chunks: deque[bytes] = deque()  # not one bytearray: growing that takes several times its size
        self._size = 0
        self._splitter = LineSplitter(line_limit)
        self._patient = True
        self._hurry = False
        self._closed = False
        self._dropped_bytes = 0
        self._dropped_lines = 0
        self._ragged = False  # the line whose beginning was dropped has not ended yet

    def put(self, data: bytes) -> None:
        """Add output, no more than the capacity at once; returns at once while there is room."""
        with self._changed:
            if self._patient and not self._changed.wait_for(lambda: self._has_room(len(data)), self._patience):
                self._patient = False
            if self._size + len(data) > self._capacity:
                self._drop(self._size + len(data) - self._capacity)
            if self._ragged:
                data = self._trim(data)
            if self._chunks and len(self._chunks[-1]) + len(data) <= self._capacity // 1024:
                self._chunks[-1] += data  # a million tiny chunks would be no tiny memory
            elif data:
                self._chunks.append(data)
            self._size += len(data)
            self._changed.notify_all()

    def take(self, timeout: float) -> list[str]:
        """Lines, as soon as there are any; an empty list after ``timeout`` seconds or at the end."""
        deadline = time.monotonic() + timeout
        lines: list[str] = []
        while not lines:
            with self._changed:
                if not self._changed.wait_for(lambda: self._chunks or self._closed, deadline - time.monotonic()):
                    return []
                lines += self._gap()
                portion = self._portion()
                self._patient = not self._hurry
                last = self._closed and not self._chunks
                self._changed.notify_all()
            lines += self._splitter.feed(portion)
            if last:
                return lines + self._splitter.flush()
        return lines

    def hurry(self) -> None:
        """From now on, never hold up the process for a reader: it is being ended."""
        with self._changed:
            self._patient, self._hurry = False, True
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing will be put any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return self._hurry or self._size + size <= self._capacity

    def _portion(self) -> bytes:
        taken: list[bytes] = []
        room = _PORTION
        while self._chunks and room > 0:
            taken.append(self._chunks.popleft())
            room -= len(taken[-1])
        portion = b"".join(taken)
        self._size -= len(portion)
        return portion

    def _drop(self, size: int) -> None:
        """Let go of at least so many of the oldest bytes, up to the end of a line."""
        kept = self._size - size
        while self._chunks and self._size > kept:
            chunk = self._chunks.popleft()
            self._size -= len(chunk)
            self._count(chunk)
            self._ragged = not chunk.endswith(b"\n")
        while self._chunks and self._ragged:
            chunk = self._chunks.popleft()
            rest = self._trim(chunk)
            self._size -= len(chunk) - len(rest)
            if rest:
                self._chunks.appendleft(rest)

    def _trim(self, data: bytes) -> bytes:
        """Drop what belongs to a line whose beginning is gone."""
        end = data.find(b"\n") + 1
        self._ragged = end == 0
        end = end or len(data)
        self._count(data[:end])
        return data[end:]

    def _count(self, dropped: bytes) -> None:
        self._dropped_bytes += len(dropped)
        self._dropped_lines += dropped.count(b"\n")

    def _gap(self) -> list[str]:
        """The line that stands for what was dropped before the first byte held now."""
        if not self._dropped_bytes:
            return []
        lines = self._splitter.flush()
        lines.append(
            f"[{self._dropped_lines:,} lines ({self._dropped_bytes:,} bytes) of output were dropped here: "
            "they came faster than they were read]"
        )
        self._dropped_bytes = self._dropped_lines = 0
        return lines
