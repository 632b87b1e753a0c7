"""Reading a pod's log again and again, each line once.

The API gives lines from a second on (``sinceTime`` is cut to whole seconds on its way to the node), with the
nanosecond at which each was printed. What came before of that second is left out by its time *and* text, counted:
so neither a line that is printed twice is lost, nor one that is read twice doubled, also where standard output and
error bring their times a little out of order.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
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

_COMPLAINT = re.compile(r"unable to retrieve container logs|failed to (try|get|open|read|watch|create)")
"""How a node begins that answers 200 and has no log: its container was removed, say."""

_SECOND = len("2026-11-21T08:00:00")
"""Characters of a time up to its second."""

OVERLAP = timedelta(seconds=1)
"""Read again before the newest line: times of the two streams may be a little out of order."""


class LogCursor:
    """Where the reading of one container's log has come to.

    What is remembered are the lines handed over of the seconds that will be read again, whatever a single reading
    brought: one that is cut short knows less of them than the one before it.
    """

    def __init__(self) -> None:
        """At the beginning."""
        self._newest = ""
        self._since = ""
        self._seen: defaultdict[str, Counter[int]] = defaultdict(Counter)  # second → line → how often
        self._strange = ""

    @property
    def since(self) -> str | None:
        """``sinceTime`` of the next reading, None for all."""
        return f"{self._since}Z" if self._since else None

    def take(self, data: bytes, *, whole: bool) -> list[str]:
        """The lines of a reading that are new, without their times.

        Args:
            data: what was read from `since` on, with timestamps; it may be cut off anywhere.
            whole: whether a last line without its end is to be taken too: nothing more will be printed.
        """
        lines = data.decode("utf-8", "replace").split("\n")
        rest = lines.pop()
        if whole and rest:
            lines.append(rest)
        again: Counter[int] = Counter()
        new: list[str] = []
        for line in lines:
            mark, time = hash(line), _time_of(line)
            if not time:  # none that the training printed: the node's own words, or the rest of a line begun before
                self._strange = self._strange or line
                continue
            if time < self._since:  # as the node leaves them out: they are remembered no more
                continue
            again[mark] += 1
            seen = self._seen[time[:_SECOND]]
            if again[mark] <= seen[mark]:
                continue
            seen[mark] += 1
            self._newest = max(self._newest, time)
            new.append(line.partition(" ")[2].rstrip("\r"))
        if self._newest:
            self._advance(_text(_parse(self._newest) - OVERLAP))
        return new

    def take_complaint(self) -> str:
        """What the node said in place of a log since the last call, empty for nothing."""
        strange, self._strange = self._strange, ""
        return strange if _COMPLAINT.match(strange) else ""

    def skip_second(self) -> bool:
        """Go on a second later: for a flood of which not even one second can be read at once.

        Returns:
            Whether lines are left out: the newest one read is of the second that is skipped.
        """
        if not self._since:
            return False
        before = self._since
        self._advance(_text(_parse(before) + timedelta(seconds=1)))
        return self._newest[:_SECOND] <= before

    def _advance(self, since: str) -> None:
        """Read from a second on, never from an earlier one than before, and forget what lies before it."""
        if since > self._since:
            self._since = since
            for second in [second for second in self._seen if second < since]:
                del self._seen[second]


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

    def __init__(
        self, api: KubernetesApi, path: str, turn: Callable[[], AbstractAsyncContextManager[None]],
        container: str = CONTAINER,
    ) -> None:  # fmt: skip
        """Read nothing yet.

        Args:
            api: of the cluster.
            path: the pod's in the API.
            turn: bounds how many logs are read at once.
            container: whose log.
        """
        self._api, self._path, self._turn, self._container = api, path, turn, container
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
        await self._read(whole, patient=whole and not abandoned)
        return self.take()

    def take(self) -> list[str]:
        """The lines that were read and not handed over: of a pod that is gone there will be no more."""
        lines, self._read_so_far = self._read_so_far, []
        return lines

    async def catch_up(self) -> None:
        """Read all of an ended container's log now; `read` hands it over.

        Raises:
            Unreachable: as `read`.
        """
        await self._read(True, patient=True)

    async def _read(self, whole: bool, *, patient: bool) -> None:
        """Read on; where this fails, what was read waits for the rest."""
        most = LOG_BYTES
        for _ in range(_GOES_AT_THE_END if whole else _GOES):
            data = await self._ask(most, patient=patient)
            if data is None:
                return
            cut = len(data) >= most
            new = self._cursor.take(data, whole=whole and not cut)
            self._read_so_far += new
            if complaint := self._cursor.take_complaint():
                self._note(f"of its log the node says: {complaint[:300]}")
            if not cut:
                return
            if not new:  # all of it was known: the newest second alone is longer than what is read at once
                most *= 4
            if most > _MOST_LOG_BYTES:
                if self._cursor.since is None:
                    self._note("its log begins with a line that is too long to be read")
                    return
                if self._cursor.skip_second():
                    self._note("more was printed within a second than can be read; some lines are left out")
                most = LOG_BYTES
        if whole:
            self._note("its log is too long to be read to its end; its last lines are left out")

    def _note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)

    async def _ask(self, most: int, *, patient: bool) -> bytes | None:
        from automl_core.backends.kubernetes.api import ApiError

        params = {"container": self._container, "timestamps": "true", "limitBytes": str(most)}
        if self._cursor.since:
            params["sinceTime"] = self._cursor.since
        try:
            async with self._turn():
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
