"""Why an attempt failed, in one line: for tables, for stop reasons, for the end of a command's output."""

from __future__ import annotations

import re
from collections.abc import Sequence

ITS_LAST_LINES = "Its last lines:"
"""What stands at the end of a reason's first line where the end of the log follows."""

_TRACEBACK = "Traceback (most recent call last)"
_EXCEPTION = re.compile(
    r"^(?:\[[^\]]{1,40}\]:?\s+)*"  # what a launcher puts before each line
    r"(?:[\w.$]+\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Fault)\b(?::|$)"
)
_WORDS = re.compile(
    r"\b(?:error|exception|panic|fatal|abort(?:ed)?|segmentation fault|core dumped|killed|out of memory|"
    r"can(?:no|')t|could not|unable to|no such|not found|no module named|denied|unrecognized|invalid|failed)\b",
    re.IGNORECASE,
)
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LONGEST = 300


def error_line(lines: Sequence[str]) -> str:
    """The line of a log's end that says what went wrong, whatever the program is written in.

    The exception of the last Python traceback goes before any other exception's line, and that before one that has a
    word for failure; of a kind the last is taken, and without any the last line of all.

    Args:
        lines: the last lines of the log.

    Returns:
        It, without colours, cut at 300 characters; empty where nothing was printed.
    """
    found = _of_traceback(lines)
    if found is not None:
        return _cut(found)
    plain = [text for line in lines if (text := _COLOURS.sub("", line.rpartition("\r")[2] or line).strip())]
    for pattern in (_EXCEPTION, _WORDS):
        found = next((line for line in reversed(plain) if pattern.search(line)), None)
        if found is not None:
            return _cut(found)
    return _cut(plain[-1]) if plain else ""


def _of_traceback(lines: Sequence[str]) -> str | None:
    """The exception of the last traceback, without what a launcher puts before each line (``[rank0]: ``)."""
    start = next((n for n in range(len(lines) - 1, -1, -1) if _TRACEBACK in lines[n]), None)
    if start is None:
        return None
    before = lines[start][: lines[start].index(_TRACEBACK)]
    inside = (line.removeprefix(before).rstrip() for line in lines[start + 1 :])
    return next((line for line in inside if line[:1] not in (" ", "\t", "|", "+", "")), None)


def headline(reason: str) -> str:
    """The first line of a failure's reason, with the line of the error where the reason itself leaves it to its log.

    Args:
        reason: of an attempt or of a trial, as recorded.
    """
    first, _, rest = reason.strip().partition("\n")
    if not first.lower().endswith(ITS_LAST_LINES.lower()):
        return first.rstrip(".")
    head = first[: -len(ITS_LAST_LINES)].rstrip(" .;")
    said = error_line(rest.splitlines())
    return head if not said or said in head else f"{head}: {said}"


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
