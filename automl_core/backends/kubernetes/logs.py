"""Reading a pod's log again and again, each line once.

The API gives lines from a second on (``sinceTime`` is cut to whole seconds on its way to the node), with the
nanosecond at which each was printed. What came before of that second is left out by its time *and* text, counted:
so neither a line that is printed twice is lost, nor one that is read twice doubled, also where standard output and
error bring their times a little out of order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from automl_core.backends.kubernetes.manifest import CONTAINER
from automl_core.backends.remote import Unreachable

if TYPE_CHECKING:
    from automl_core.backends.kubernetes.api import KubernetesApi

LOG_BYTES = 1 << 20
"""Bytes of log read at once; more is read in several goes."""

_MOST_LOG_BYTES = 1 << 26
"""Bytes that one second of a log may have to be read whole."""

_GOES = 8
"""Readings in one poll, so that a flood delays nobody else."""

_GOES_AT_THE_END = 1000

_FAILURES = 5
"""Readings that a node refuses, one after the other, before what is left of an ended pod's log is given up."""

OVERLAP = timedelta(seconds=1)
"""Read again before the newest line: times of the two streams may be a little out of order."""


class LogCursor:
    """Where the reading of one container's log has come to."""

    def __init__(self) -> None:
        """At the beginning."""
        self._newest = ""
        self._seen: Counter[int] = Counter()
        self._since = ""

    @property
    def since(self) -> str | None:
        """``sinceTime`` of the next reading, None for all."""
        return f"{self._since}Z" if self._since else None

    def take(self, data: bytes, *, whole: bool) -> list[str]:
        """The lines of a reading that are new, without their times.

        Args:
            data: what was read from `since` on, with timestamps.
            whole: whether a last line without its end is to be taken too: nothing more will be printed.
        """
        lines = data.decode("utf-8", "replace").split("\n")
        rest = lines.pop()
        if whole and rest:
            lines.append(rest)
        again: Counter[int] = Counter()
        new: list[str] = []
        for line in lines:
            mark = hash(line)
            again[mark] += 1
            if again[mark] <= self._seen[mark]:
                continue
            self._newest = max(self._newest, _time_of(line))
            new.append(line.partition(" ")[2].rstrip("\r"))
        self._advance(lines)
        return new

    def skip_second(self) -> None:
        """Go on after the newest second: for a flood of which not even one second can be read at once."""
        if self._since:
            self._since = _text(_parse(self._since) + timedelta(seconds=1))
            self._seen = Counter()

    def _advance(self, lines: list[str]) -> None:
        if not self._newest or not lines:
            return
        since = _text(_parse(self._newest) - OVERLAP)
        self._since = max(self._since, since)
        kept = Counter(hash(line) for line in lines if _time_of(line) >= self._since)
        self._seen = kept


def _time_of(line: str) -> str:
    """The time at the head of a line, cut so that texts compare as times do; empty where there is none."""
    head = line[:40].partition(" ")[0]
    if len(head) < 20 or head[10] != "T":
        return ""
    if head.endswith("Z"):
        return head[:-1]
    try:  # a node whose clock is not set to UTC
        return datetime.fromisoformat(head).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    except ValueError:
        return ""


def _parse(time: str) -> datetime:
    return datetime.fromisoformat(time[:19]).replace(tzinfo=UTC)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S")


class PodLog:
    """The log of one pod's training container."""

    def __init__(self, api: KubernetesApi, path: str, turns: asyncio.Semaphore, container: str = CONTAINER) -> None:
        """Read nothing yet.

        Args:
            api: of the cluster.
            path: the pod's in the API.
            turns: bounds how many logs are read at once.
            container: whose log.
        """
        self._api, self._path, self._turns, self._container = api, path, turns, container
        self._cursor = LogCursor()
        self._failures = 0
        self._read_so_far: list[str] = []
        self._notes: list[str] = []

    def take_notes(self) -> list[str]:
        """What people should know of the reading, once."""
        notes, self._notes = self._notes, []
        return notes

    async def read(self, *, whole: bool = False, abandoned: bool = False) -> list[str]:
        """The lines that are new.

        Args:
            whole: whether the container has ended: all that is left is read, a last line without its end too.
            abandoned: whether its node is probably gone, so that there is no use in asking again and again.

        Raises:
            Unreachable: the log can't be asked for now, and something may be left in it.
        """
        await self._read(
            whole, patient=whole and not abandoned
        )  # where this fails, what it has read waits for the rest
        lines, self._read_so_far = self._read_so_far, []
        return lines

    async def _read(self, whole: bool, *, patient: bool) -> None:
        most = LOG_BYTES
        for _ in range(_GOES_AT_THE_END if whole else _GOES):
            data = await self._ask(most, patient=patient)
            if data is None:
                break
            cut = len(data) >= most
            new = self._cursor.take(data, whole=whole and not cut)
            self._read_so_far += new
            if not cut:
                break
            if not new:  # all of it was known: the newest second alone is longer than what is read at once
                most *= 4
            if most > _MOST_LOG_BYTES:
                self._notes.append("more was printed within a second than can be read; some lines are left out")
                self._cursor.skip_second()
                most = LOG_BYTES

    async def _ask(self, most: int, *, patient: bool) -> bytes | None:
        from automl_core.backends.kubernetes.api import ApiError

        params = {"container": self._container, "timestamps": "true", "limitBytes": str(most)}
        if self._cursor.since:
            params["sinceTime"] = self._cursor.since
        try:
            async with self._turns:
                data = await self._api.read(f"{self._path}/log", **params)
            self._failures = 0
            return data
        except ApiError as error:
            if error.status in (400, 404):  # the container has no log (yet)
                return None
            self._failures += 1
            if self._failures == _FAILURES:
                self._notes.append(f"its log can't be read: {error}")
            if patient and self._failures < _FAILURES:
                raise Unreachable(f"its log can't be read: {error}") from error
            return None
