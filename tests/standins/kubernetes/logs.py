"""What a container has printed, as containerd and a kubelet keep it: records of both streams in one file, rotated.

A record is `TIME STREAM TAG CONTENT`; the tag says whether a line ends with it (F) or goes on (P). A stream that prints
no line end fills a record every 16,384 bytes, and what follows in the file may be of the other stream: whoever puts
records together again (podlogs.py, as a kubelet does) glues the two. Times are of a fixed width.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

TIME = 30
"""Bytes of a time: `2026-11-21T08:00:00.123456789Z`."""
TAG = TIME + len(" stdout ")
"""Where a record's tag stands; `stdout` and `stderr` are of one length."""
CONTENT = TAG + 2
BLOCK = 1 << 16
RECORD = 1 << 14
"""Bytes of content at most (containerd's max_container_log_line_size)."""


@dataclass(frozen=True)
class LogSettings:
    """How a node keeps logs.

    `delay`: seconds until what was printed can be read (0.3 in a cluster). `max_size`: bytes beyond which a file is
    rotated (containerLogMaxSize). `check_every`: seconds between two looks at that (containerLogMonitorInterval).
    `watchers`: streams that can be followed at once (fs.inotify.max_user_instances, 128 on many nodes).
    """

    delay: float = 0.0
    max_size: int = 10 << 20
    check_every: float = 10.0
    watchers: int = 128


class ContainerLog:
    """The log of one run of a container."""

    def __init__(self, path: Path, settings: LogSettings | None = None) -> None:
        self.path = path
        self.closed = False
        self.removed = ""
        """What a kubelet says in place of it, once its container was removed."""
        self.generation = 0
        """How often it was rotated."""
        self.writes = 0
        self._settings = settings or LogSettings()
        self._file = path.open("ab", buffering=0)
        self._size = 0
        self._checked = time.monotonic()
        self._rests = {"stdout": b"", "stderr": b""}
        self._late: deque[tuple[float, bytes]] = deque()
        self._last = 0
        self._second, self._prefix = 0, ""
        self._changed: asyncio.Event | None = None

    def write(self, data: bytes, stream: str = "stdout") -> None:
        """Take what a process has printed; each record gets a time of its own, later than the one before."""
        lines = (self._rests[stream] + data).split(b"\n")
        rest = lines.pop()
        out: list[bytes] = []
        for line in lines:
            line = self._cut(line, stream, out)
            out.append(self._record(stream, b"F", line))
        self._rests[stream] = self._cut(rest, stream, out)
        self._take(out)

    def _cut(self, line: bytes, stream: str, out: list[bytes]) -> bytes:
        """Move whole records of a line that has not ended to `out`; what is left of it."""
        while len(line) > RECORD:  # more than that must be there before a record is written
            out.append(self._record(stream, b"P", line[:RECORD]))
            line = line[RECORD:]
        return line

    def _record(self, stream: str, tag: bytes, content: bytes) -> bytes:
        self._last = max(time.time_ns(), self._last + 1)
        second, fraction = divmod(self._last, 10**9)
        if second != self._second:
            self._second = second
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return b"%s%09dZ %s %s %s\n" % (self._prefix.encode(), fraction, stream.encode(), tag, content)

    def end(self, stream: str) -> None:
        """A stream is closed: a line without an end is written as it is."""
        rest, self._rests[stream] = self._rests[stream], b""
        if rest:
            self._take([self._record(stream, b"P", rest)])

    def close(self) -> None:
        """The container has ended; a kubelet tells so only once all of its log can be read."""
        if not self.closed:
            for stream in self._rests:
                self.end(stream)
            self._put(b"".join(record for _, record in self._late))
            self._late.clear()
            self.closed = True
            self._file.close()
            self._wake()

    def _take(self, records: list[bytes]) -> None:
        if not records:
            return
        if self._settings.delay <= 0:
            self._put(b"".join(records))
            return
        if not self._late:
            asyncio.get_running_loop().call_later(self._settings.delay, self._show)
        self._late.append((time.monotonic() + self._settings.delay, b"".join(records)))

    def _show(self) -> None:
        now = time.monotonic()
        due = []
        while self._late and self._late[0][0] <= now:
            due.append(self._late.popleft()[1])
        self._put(b"".join(due))
        if self._late:
            asyncio.get_running_loop().call_later(max(0.001, self._late[0][0] - now), self._show)

    def _put(self, data: bytes) -> None:
        if not data or self.closed:
            return
        self._file.write(data)
        self._size += len(data)
        now = time.monotonic()
        if self._size > self._settings.max_size and now - self._checked >= self._settings.check_every:
            self.rotate()
        self._wake()

    def rotate(self) -> None:
        """Begin a new file. Of the old one only those see the rest who have it open."""
        self._checked, self._size = time.monotonic(), 0
        self._file.close()
        self.path.unlink()
        self._file = self.path.open("ab", buffering=0)
        self.generation += 1
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

    def open(self) -> BinaryIO:
        """The file as it stands."""
        return self.path.open("rb")

    def tail(self, lines: int) -> bytes:
        """The last records' contents, without times."""
        with self.open() as file:
            start, _ = start_of(file, since=None, tail=lines)
            file.seek(start)
            return contents(file.read())


def start_of(file: BinaryIO, *, since: bytes | None, tail: int | None) -> tuple[int, bool]:
    """The position of the first record that is asked for, and whether a line begins there.

    `since`: the earliest time, as in the file. `tail`: so many records from the end.
    """
    if since is None and tail is None:
        return 0, True
    file.seek(0, 2)
    size, window = file.tell(), BLOCK
    while True:
        start = max(0, size - window)
        file.seek(start)
        found = records_of(file.read(size - start))
        if start:
            start += len(found.pop(0)) if found else 0  # the first may be half a record
        first = _first(found, since, tail)
        if start == 0 or first > 0:
            if tail is not None:  # a kubelet begins to read there, and takes it for a line's beginning
                return start + sum(map(len, found[:first])), True
            return start + sum(map(len, found[:first])), first == 0 or found[first - 1][TAG : TAG + 1] == b"F"
        window *= 4


def _first(found: list[bytes], since: bytes | None, tail: int | None) -> int:
    first = 0 if tail is None else max(0, len(found) - tail)
    if since is not None:
        first = next((i for i in range(first, len(found)) if found[i][:TIME] >= since), len(found))
    return first


def contents(data: bytes) -> bytes:
    """Records put together, without times."""
    return b"".join(
        record[CONTENT:] if record[TAG : TAG + 1] == b"F" else record[CONTENT:-1] for record in records_of(data)
    )


def records_of(data: bytes) -> list[bytes]:
    """Records with their ends; a carriage return ends none."""
    return BytesIO(data).readlines()


def log_time(at: float) -> bytes:
    """A Unix time as the log writes it."""
    second, fraction = divmod(int(at * 10**9), 10**9)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S.}{fraction:09d}Z".encode()
