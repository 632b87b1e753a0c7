"""Where the reading of one container's log has come to: each line once, and what is missing named.

The log API gives records from a time on (``sinceTime`` is cut to whole seconds on its way to the node), in the order of
the file, with the nanosecond of each line's first record. A file only grows at its end, and a rotation takes all of it
away. So the last line that was handed over says where to go on: what is before it in the file was read, what is behind
it is new, whatever the order of their times. Where a reading that begins before its time does not hold it, lines may be
missing: those between it and the first that is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from automl_core.backends.kubernetes.records import Lines

COMPLAINT = re.compile(
    r"unable to retrieve container logs|failed to (try resolving|get|open|read|watch|create|seek|tail|reset) ?"
)
"""How a node begins that answers 200 and has no (more) log: its container was removed, say."""

NO_FOLLOWING = re.compile(rb"failed to (create fsnotify watcher|watch directory)[^\r\n]*$")
"""What a node adds to a log that it can't follow any further."""

OVERLAP = timedelta(seconds=1)
"""Read again before the last line: times of the two streams may be a little out of order."""

_HELD = 1 << 22
"""Bytes that are kept of a reading while it is looked for the last line."""

_SECOND = len("2026-11-21T08:00:00")
_HEAD = 40
"""Bytes in which a line's time has ended."""

_UTC = ord("Z")

_BULK = 200
"""Lines that are worth a quicker way."""


_TIMES = 64
"""Times of lines that are counted: a flood has a million in a second, each but once."""


class _Mode(Enum):
    """What becomes of the line that is being read."""

    HEAR = auto()  # it has no time: the node's own words, or the rest of a line begun before
    SKIP = auto()  # it was read
    SEARCH = auto()  # it may be new: the last line was not found yet
    RESUME = auto()  # it is the last line, of which a part was handed over
    TAKE = auto()  # it is new


@dataclass(slots=True)
class _Place:
    """The last line that was handed over, or a part of it.

    Attributes:
        time: its own.
        nth: which one of the lines of that time it is.
        size: bytes of it that were handed over.
        ended: whether it was complete.
    """

    time: str
    nth: int
    size: int
    ended: bool


class LogCursor:
    """Takes in readings of a log, in pieces of any size, and gives its lines."""

    def __init__(self, since: float | None = None) -> None:
        """At the beginning.

        Args:
            since: seconds since 1970 before which nothing is read; None for all that there is.
        """
        self.lines = Lines()
        self._gaps: list[tuple[str, str]] = []
        self._since, self._second = ("" if since is None else _text(datetime.fromtimestamp(since, UTC))), ""
        self._place: _Place | None = None
        self._times: dict[str, int] = {}  # time → lines of that time, handed over
        self._strange = ""
        self._head = b""  # of a line: its time is not complete
        self._mode: _Mode | None = None  # of the line that is being read, None between two
        self._time = ""
        self._partial = bytearray()  # what was read of it, unless it is taken
        self._skip = 0  # bytes of it that were handed over before
        self._searching = False
        self._found = 0  # lines of the last line's time
        self._held: list[tuple[str, bytes]] = []  # lines that may be new
        self._held_size = 0

    @property
    def since(self) -> str | None:
        """``sinceTime`` of the next reading, None for all."""
        return f"{self._since}Z" if self._since else None

    @property
    def newest(self) -> str:
        """Time of the last line that was handed over, empty for none."""
        return self._place.time if self._place else ""

    def begin(self) -> None:
        """A reading begins, at `since`."""
        self._head, self._mode = b"", None
        self._searching, self._found = self._place is not None, 0
        self._held, self._held_size = [], 0

    def feed(self, data: bytes) -> None:
        """More of the reading. What is complete is in `lines`."""
        *whole, rest = data.split(b"\n")
        if len(whole) > _BULK and self._mode is None and not self._searching and not self._head:
            whole = self._feed_bulk(whole)
        for line in whole:
            self._piece(line)
            self._line_end()
        if rest:
            self._piece(rest)
            if self._mode is _Mode.TAKE and self.lines.handed > 0:
                self._note(self.lines.handed, ended=False)

    def _feed_bulk(self, lines: list[bytes]) -> list[bytes]:
        """Take most of many new lines at once. Returns the last of them: from those it is known where to go on."""
        for number, line in enumerate(lines[:-_TIMES]):
            space = line.find(b" ", 0, _HEAD)
            if space < _SECOND or line[space - 1] != _UTC or not self.lines.add(line[space + 1 :]):
                return lines[number:]
        return lines[-_TIMES:]

    def settle(self) -> None:
        """All is there that was printed up to now: what was held while the last line was looked for is new."""
        if self._searching and (self._held or self._mode is _Mode.SEARCH):
            self._go_on()

    def end(self, *, whole: bool = False, clean: bool = True) -> None:
        """The reading is over.

        Args:
            whole: whether nothing more will be printed: a last line without its end is taken too.
            clean: whether it came to the end of the log, and did not break off.
        """
        if self._head:  # a line shorter than a time
            self._begin("", self._head)
        if clean:
            self.settle()
        if self._mode is _Mode.HEAR or (whole and clean and self._mode is not None):
            self._line_end()
        if self._mode is _Mode.TAKE:
            self.lines.drop()
            if self.lines.handed <= 0:
                self._times[self._time] -= 1
        self._mode = None
        if whole and clean:
            self.lines.finish()
            if self._searching and not self._found and self._place is not None:
                self._gaps.append((self._place.time, ""))
                self._searching = False

    def take_complaint(self) -> str:
        """What the node said in place of a log since the last call, empty for nothing."""
        strange, self._strange = self._strange, ""
        return strange if COMPLAINT.match(strange) else ""

    def take_gaps(self) -> list[tuple[str, str]]:
        """Times of the lines between which others may be missing, each once; the second is empty at the log's end.

        Returns:
            Times in UTC as ISO 8601 writes them, without a zone.
        """
        gaps, self._gaps = self._gaps, []
        return gaps

    # --- the parts of a line ------------------------------------------------------------------------

    def _piece(self, data: bytes) -> None:
        """A part of a line, without its end."""
        if self._mode is not None:
            self._content(data)
            return
        head = self._head + data if self._head else data
        space = head.find(b" ", 0, _HEAD)
        if space < 0 and len(head) < _HEAD:
            self._head = head
            return
        time = _time_of(head[:space]) if space > 0 else ""
        self._begin(time, head[space + 1 :] if time else head)

    def _begin(self, time: str, content: bytes) -> None:
        """A line begins."""
        self._head, self._time = b"", time
        self._partial.clear()
        place = self._place
        if not time:
            self._mode = _Mode.HEAR
        elif time < self._since:  # as the node leaves them out
            self._mode = _Mode.SKIP
        elif self._searching and place is not None:
            self._mode = _Mode.SEARCH
            if time == place.time:
                self._found += 1
                if self._found == place.nth and not place.ended:
                    self._mode, self._skip = _Mode.RESUME, place.size
                    self._searching, self._held = False, []
                elif self._found <= place.nth:
                    self._mode = _Mode.SKIP
                    self._held, self._held_size = [], 0  # what is before it was read
                    self._searching = self._found < place.nth
            elif time[:_SECOND] > _text(_parse(place.time) + OVERLAP):
                self._go_on()
        else:
            self._begin_taking()
        if content:
            self._content(content)

    def _begin_taking(self) -> None:
        self._mode = _Mode.TAKE
        self._times[self._time] = self._times.get(self._time, 0) + 1
        if len(self._times) > _TIMES:
            del self._times[next(iter(self._times))]
        self.lines.begin()

    def _content(self, data: bytes) -> None:
        mode = self._mode
        if mode is _Mode.TAKE:
            self.lines.feed(data)
        elif mode is _Mode.SEARCH:
            self._partial += data
            self._held_size += len(data)
            if self._held_size > _HELD:
                self._hold_less()
        elif mode is _Mode.RESUME:
            if len(data) <= self._skip:
                self._skip -= len(data)
                return
            rest, self._skip = data[self._skip :], 0
            self._mode = _Mode.TAKE
            self.lines.feed(rest)
        elif mode is _Mode.HEAR and len(self._partial) < 1000:
            self._partial += data[:1000]

    def _line_end(self) -> None:
        """The line that is being read has ended."""
        if self._mode is None:  # it was shorter than a time
            self._begin("", self._head)
        if self._mode is _Mode.RESUME:  # all of it was handed over but its end
            self._mode = _Mode.TAKE
        if self._mode is _Mode.TAKE:
            self.lines.end()
            self._note(0, ended=True)
        elif self._mode is _Mode.SEARCH:
            self._held.append((self._time, bytes(self._partial)))
        elif self._mode is _Mode.HEAR:
            self._strange = self._strange or self._partial.decode("utf-8", "replace").strip()
        self._mode = None

    # --- where it has come to -----------------------------------------------------------------------

    def _go_on(self) -> None:
        """The last line is not there: go on with what was held, and with the line that is being read."""
        place, held, time, partial = self._place, self._held, self._time, bytes(self._partial)
        assert place is not None
        being_read = self._mode is _Mode.SEARCH
        self._searching, self._held, self._held_size = False, [], 0
        if not self._found:
            self._gaps.append((place.time, held[0][0] if held else time))
            self.lines.lose()
            self._times.clear()
        for self._time, content in held:
            self._begin_taking()
            self.lines.feed(content)
            self.lines.end()
            self._note(0, ended=True)
        self._mode = None  # the lines that were held have ended
        if being_read:
            self._time = time
            self._begin_taking()
            self.lines.feed(partial)
            self._partial.clear()

    def _hold_less(self) -> None:
        """Much was read without the last line: it is still to come where all that was is older, and else not there."""
        assert self._place is not None
        if self._time < self._place.time:
            self._held, self._held_size, self._mode = [], 0, _Mode.SKIP
        else:
            self._go_on()

    def _note(self, size: int, *, ended: bool) -> None:
        """Remember the line that is being taken as the last one, as far as it was handed over."""
        time, place = self._time, self._place
        if place is None:
            place = self._place = _Place("", 0, 0, ended=True)
        place.time, place.nth, place.size, place.ended = time, self._times.get(time, 1), size, ended
        if time[:_SECOND] != self._second:  # read from a second on, never from an earlier one than before
            self._second = time[:_SECOND]
            self._since = max(self._since, _text(_parse(time) - OVERLAP))


def gap_note(first: str, then: str) -> str:
    """Between which times lines may be missing, for people.

    Args:
        first: time of the last line before them, in UTC as ISO 8601 writes it.
        then: time of the first line after them, empty where there is none.
    """
    start, end = first[:23].replace("T", " "), then[:23].replace("T", " ")
    if not end:
        return f"lines printed after {start} UTC may be missing: the log was rotated, or is gone, before they were read"
    if end[:11] == start[:11]:
        end = end[11:]
    return f"lines printed between {start} and {end} UTC may be missing: the log was rotated before they were read"


def _time_of(head: bytes) -> str:
    """The time at the head of a line, cut so that texts compare as times do; empty where there is none."""
    if len(head) < 20 or head[10:11] != b"T":
        return ""
    text = head.decode("ascii", "replace")
    if text.endswith("Z"):
        return text[:-1]
    try:  # a node whose clock is not set to UTC
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    except ValueError:
        return ""


def _parse(time: str) -> datetime:
    return datetime.fromisoformat(time[:_SECOND]).replace(tzinfo=UTC)


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S")
