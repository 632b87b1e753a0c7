"""What a container has printed: one file, each line behind its time in nanoseconds.

The time is written in a fixed width, so that reading "since" needs no index: the file is read from its end
backwards until a line is too old.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

WIDTH = 31
"""Characters of a time and the space behind it: `2026-11-21T08:00:00.123456789Z `."""
BLOCK = 1 << 16
PARTIAL = 1 << 14
"""An unfinished line longer than this is written all the same."""


class ContainerLog:
    """The log of one run of a container."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closed = False
        self._file = path.open("ab", buffering=0)
        self._rest = b""
        self._in_line = False
        self._last = 0
        self._second, self._prefix = 0, ""
        self.writes = 0
        self._changed: asyncio.Event | None = None

    def write(self, data: bytes) -> None:
        """Take what a process has printed; each line gets a time of its own, later than the one before."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        out = [self._stamped(line) + b"\n" for line in lines]
        if len(self._rest) > PARTIAL:
            out.append(self._stamped(self._rest))
            self._rest, self._in_line = b"", True
        if out:
            self._file.write(b"".join(out))
            self._wake()

    def _stamped(self, line: bytes) -> bytes:
        if self._in_line:
            self._in_line = False
            return line
        self._last = max(time.time_ns(), self._last + 1)
        second, fraction = divmod(self._last, 10**9)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._prefix}{fraction:09d}Z ".encode() + line

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if self._rest:
                self._file.write(self._stamped(self._rest))
            self._file.close()
            self._wake()

    def _wake(self) -> None:
        self.writes += 1
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def wait(self, seen: int) -> None:
        """Until there have been more writes than were seen."""
        if self.writes == seen and not self.closed:
            self._changed = self._changed or asyncio.Event()
            await self._changed.wait()

    def size(self) -> int:
        return self.path.stat().st_size

    def read(self, start: int) -> bytes:
        """What lies behind a position, up to the last whole line (all of it once the log is closed)."""
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read()
        return data if self.closed else data[: data.rfind(b"\n") + 1]

    def start_of(self, *, since: bytes | None, tail: int | None) -> int:
        """The position of the first line that is asked for. `since`: the earliest time, as in the file."""
        if since is None and tail is None:
            return 0
        size, window = self.size(), BLOCK
        with self.path.open("rb") as file:
            while True:
                start = max(0, size - window)
                file.seek(start)
                lines = lines_of(file.read(size - start))
                kept = _wanted(lines[1:] if start else lines, since, tail)  # the first may be half a line
                if start == 0 or len(kept) < len(lines) - 1:
                    return size - sum(map(len, kept))
                window *= 4


def _wanted(lines: list[bytes], since: bytes | None, tail: int | None) -> list[bytes]:
    if tail is not None:
        lines = lines[-tail:] if tail else []
    if since is not None:
        first = next((i for i, line in enumerate(lines) if line[: WIDTH - 1] >= since), len(lines))
        lines = lines[first:]
    return lines


def without_times(data: bytes) -> bytes:
    return b"".join(line[WIDTH:] for line in lines_of(data))


def lines_of(data: bytes) -> list[bytes]:
    """Lines with their ends; a carriage return ends none."""
    return BytesIO(data).readlines()


def log_time(at: float) -> bytes:
    """A Unix time as the log writes it."""
    second, fraction = divmod(int(at * 10**9), 10**9)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S.}{fraction:09d}Z".encode()
