"""A container's lines, put together again from the records that its node wrote.

containerd writes what a container prints as records of 16,384 bytes at most, those of standard output and error in
the order of their writing; only the last record of a line has a line end. The log API puts records one after the other
(cri-client's ``logs.go``, Kubernetes 1.36). So a record without a line end is followed by whatever record comes next,
of the other stream too, with neither line end nor time: a bar that redraws itself with carriage returns fills a
record, and the next line of metrics is glued to it. Where that may have happened is known, at multiples of 16,384
bytes of a line; whether it has must be told from the text:

- What holds a carriage return goes on with the bar.
- What looks like a line that was printed before but for its numbers is a line of its own, and so is a whole JSON object
  at the end of what is none.
- In a line that is drawn again, what is left belongs to the bar where it makes its last redraw more like the one before
  it; else it is a line of its own, and the redraw that was cut goes on with the next record that does.
- All else is one line, however long.
"""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher

from automl_core.backends.output import LINE_LIMIT

RECORD = 16_384
"""Bytes of content in a record at most (containerd's ``max_container_log_line_size``)."""

_LIKE_BEFORE = 0.6
"""A redraw that is put together from two records is at least so like the one before it (`SequenceMatcher.ratio`)."""

_LOOKS = 64
"""Lines that are looked at for the rest of a redraw, should it be without a carriage return."""

_LONGEST_LIKENESS = 500
"""Characters that are compared."""

_REMEMBERED = 8
"""Kinds of lines that are remembered, to be known again."""

_NOTED_AT_ONCE = 50
"""Lines between two takings of which the kind is noted: a flood is not worth it."""

_NUMBERS = re.compile(r"[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?")
_BARS = re.compile("[█▉▊▋▌▍▎▏━╸╺#=>. ]+")


class Lines:
    r"""The lines of one container, and the pieces of those that are drawn again, in order.

    A piece ends with the ``\r`` behind it and the line goes on with what follows it; pieces that nobody has taken yet
    are put together, so that people see the last of them only.
    """

    def __init__(self) -> None:
        """Nothing was printed yet."""
        self.size = 0
        """Characters that wait to be taken."""
        self._out: list[str] = []
        self._goes_on = False  # whether what comes next belongs to the line that the last text in `_out` is a piece of
        self._handed = 0  # bytes of the node's line that were handed over, or are kept in `_open`
        self._buffer = bytearray()  # what follows them
        self._cut = 0  # bytes of a line too long that were left out behind the buffer
        self._start = 0  # where the record begins that is being read
        self._decided = True  # whether it is known that this record goes on with what is before it
        self._drawn_again = False  # whether the line has carriage returns
        self._last_drawn = b""  # the last whole redraw
        self._open = b""  # the beginning of a redraw whose rest is still to come, on another line of the log
        self._looks = 0
        self._kinds: dict[str, None] = {}  # the newest last
        self._noted = 0

    @property
    def handed(self) -> int:
        """Bytes of the line that has begun which need not be read again."""
        return self._handed

    def take(self) -> list[str]:
        """What is complete, once."""
        out, self._out, self.size, self._noted = self._out, [], 0, 0
        return out

    def begin(self) -> None:
        """A line begins."""
        self._handed, self._start, self._drawn_again, self._decided = 0, 0, False, not self._open
        self._goes_on = False

    def feed(self, data: bytes) -> None:
        """More of the line, without its end."""
        if self._cut or (len(self._buffer) > LINE_LIMIT and b"\r" not in data):
            self._cut += len(data)  # nobody reads so long a line
            return
        self._buffer += data
        self._advance(final=False)

    def end(self) -> None:
        """The line has ended."""
        simple = self._decided and not self._handed and not self._cut and len(self._buffer) < RECORD
        if simple and b"\r" not in self._buffer:  # most lines
            self._line(bytes(self._buffer))
            self._buffer.clear()
            return
        if self._cut:
            more = self._cut + len(self._buffer) - LINE_LIMIT
            self._put(f"{self._text(self._buffer[:LINE_LIMIT])} … [{more:,} more bytes of this line were cut]")
            self._cut = 0
            self._buffer.clear()
        else:
            self._advance(final=True)
        self._goes_on = False

    def add(self, line: bytes) -> bool:
        """Take a whole line at once, where no line has begun. Returns False for one that has to be looked at closer."""
        if self._open or b"\r" in line or len(line) >= RECORD:
            return False
        self._goes_on = False
        self._handed = self._start = 0
        self._drawn_again, self._decided = False, True
        self._line(line)
        return True

    def drop(self) -> None:
        """The reading broke off: what was not handed over of the line will be read again."""
        if self._handed < 0:  # the beginning of what was dropped lies on another line, and is not read again
            self._open, self._handed = bytes(self._buffer[: -self._handed]), 0
        self._buffer.clear()
        self._cut = 0
        self._start = self._handed - self._handed % RECORD
        self._decided = bool(self._handed % RECORD) or not (self._open if not self._handed else self._drawn_again)

    def lose(self) -> None:
        """Lines are missing: what they were the rest of has no end."""
        self.drop()
        self._open = b""

    def finish(self) -> None:
        """Nothing more will be printed."""
        if self._open:
            self._goes_on = False
            self._put(self._text(self._open))
            self._open = b""

    # --- records ------------------------------------------------------------------------------------

    def _advance(self, *, final: bool) -> None:
        """Hand over what can be, record by record."""
        while True:
            have = self._handed + len(self._buffer)
            full = have > self._start + RECORD or (have == self._start + RECORD and not final)
            stop = min(have, self._start + RECORD) - self._handed
            if not self._decided:
                begin = self._start - self._handed
                record = bytes(self._buffer[begin:stop])
                if not (full or final or b"\r" in record[:-1]):
                    return  # it can't be told yet
                self._decide(record, begin, full=full)
                stop = min(have, self._start + RECORD) - self._handed
            self._hand_over(stop if full else len(self._buffer), ends=final and not full)
            if not full:
                return
            self._start += RECORD
            self._decided = not self._drawn_again

    def _decide(self, record: bytes, begin: int, *, full: bool) -> None:
        """Whether a record goes on with the redraw before it, or is a line of its own."""
        self._decided = True
        before = self._open if begin == 0 and self._open else bytes(self._buffer[:begin])
        if self._goes_on_with(before, record, full=full):
            if before is self._open:
                self._buffer[:0] = before
                self._handed -= len(before)  # may be below zero: it lies on another line of the log
                self._open = b""
            return
        if before is not self._open:
            self._open, self._looks = before, 0
            del self._buffer[:begin]
            self._handed += begin
        self._goes_on = self._drawn_again = False

    def _goes_on_with(self, before: bytes, record: bytes, *, full: bool) -> bool:
        if b"\r" in record.rstrip(b"\r") or not record.strip():
            return True
        self._looks += 1
        if full or self._looks > _LOOKS:
            return False
        text = self._text(record)
        if self._is_known(text) or _is_object(text):
            return False
        drawn, cut = _likeness(self._text(self._last_drawn)), _likeness(self._text(before))
        both = _likeness(self._text(before + record))
        return _ratio(drawn, both) > max(_LIKE_BEFORE, _ratio(drawn, cut))

    def _hand_over(self, stop: int, *, ends: bool) -> None:
        """Hand over the redraws that are complete before a position in the buffer, and the line where it ends there."""
        if ends:
            whole = bytes(self._buffer)
            self._handed += len(whole)
            self._buffer.clear()
            if not whole and self._handed > 0:
                return
            if self._drawn_again or b"\r" in whole:
                self._note_redraw(whole)
                self._put(self._text(whole.rstrip(b"\r")))
            else:
                self._long_line(whole)
            return
        last = self._buffer.rfind(b"\r", 0, min(stop, len(self._buffer) - 1))  # one at the end may be of a line's end
        if last < 0:
            return
        pieces = bytes(self._buffer[: last + 1])
        del self._buffer[: last + 1]
        self._handed += last + 1
        self._drawn_again = True
        self._note_redraw(pieces)
        self._put(self._text(pieces))
        self._goes_on = True

    def _note_redraw(self, pieces: bytes) -> None:
        for piece in reversed(pieces.rsplit(b"\r", 3)):
            if piece.strip():
                self._last_drawn = piece[-RECORD:]
                return

    def _long_line(self, whole: bytes) -> None:
        """A line of several records that nothing was drawn again in: one, unless its last record is clearly another."""
        cut = (len(whole) - 1) // RECORD * RECORD
        if cut > 0:
            text = self._text(whole[cut:])
            if self._is_known(text) or (_is_object(text) and not _is_object(self._text(whole))):
                self._put(self._text(whole[:cut]))
                self._goes_on = False
                self._line(whole[cut:])
                return
        self._line(whole)

    def _line(self, whole: bytes) -> None:
        text = self._text(whole)
        if len(text) <= _LONGEST_LIKENESS and self._noted < _NOTED_AT_ONCE:
            self._noted += 1
            kind = _kind(text)
            self._kinds.pop(kind, None)
            self._kinds[kind] = None
            if len(self._kinds) > _REMEMBERED:
                del self._kinds[next(iter(self._kinds))]
        self._put(text)

    def _is_known(self, text: str) -> bool:
        return len(text) <= _LONGEST_LIKENESS and _kind(text) in self._kinds

    def _put(self, text: str) -> None:
        if self._goes_on and self._out and len(self._out[-1]) < LINE_LIMIT:
            self._out[-1] += text
        else:
            self._out.append(text)
        self.size += len(text) + 1

    @staticmethod
    def _text(data: bytes | bytearray) -> str:
        return data.decode("utf-8", "replace")


def _kind(text: str) -> str:
    """A line without its numbers: lines that report progress are alike but for them."""
    return _NUMBERS.sub("0", text)


def _likeness(text: str) -> str:
    """A redraw without its numbers and its bar, for a comparison."""
    return _BARS.sub(" ", _NUMBERS.sub("0", text[-_LONGEST_LIKENESS:])).strip()


def _ratio(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _is_object(text: str) -> bool:
    text = text.strip()
    if not (text.startswith("{") and text.endswith("}")):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
