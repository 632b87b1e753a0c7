"""Why an attempt failed, in one line: for tables and plots, for stop reasons, for the end of a command's output.

A reason is made where the training was watched (`automl_core.running.attempt`): what ended it, with the line of the
error where its end alone says little, and below that the last lines that it printed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ITS_LAST_LINES = "Its last lines:"
"""What stands at the end of a reason's first line where the end of the log follows."""

LONGEST = 300
"""Characters of a line at most."""

_INTRODUCES = re.compile(r"[.;]?\s*(?:its|the)?\s*last lines(?: of (?:the|its) log)?:\s*$", re.IGNORECASE)
_VAGUE = re.compile(
    r"(?:worker \d+: )?(?!.*memory)"
    r"(?:exit(?:ed)?(?: with)?(?: code| status)? -?\d+(?:: a (?:command|process) in it .*)?|"
    r"(?:killed|ended) by signal \d+ \([^)]*\)|failed|error)",
    re.IGNORECASE,
)
"""How a process ended, which says little of why; a time limit or a missing metric says all."""

_TRACEBACK = "Traceback (most recent call last)"
_FRAME = re.compile(r'\s+File "[^"]*", line \d+')
_QUOTED = re.compile(r"^\s*\| ?")
_GROUP = re.compile(r"[\s|+\-]*\+[\s+\-]*|\s*\|")  # the frame around the parts of an exception group
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


def error_line(lines: Sequence[str]) -> str:
    """The line of a log's end that says what went wrong, whatever the program is written in.

    Args:
        lines: the last lines of the log.

    Returns:
        It, without colours, cut at `LONGEST`; without any such line the last line of all, empty where nothing was
        printed.
    """
    told = _telling(lines)
    if told is not None:
        return _cut(told)
    plain = _plain(lines)
    return _cut(plain[-1]) if plain else ""


def with_error(what: str, lines: Sequence[str]) -> str:
    """How a training ended, with the line of its error where that alone says little.

    Args:
        what: how it ended, without a full stop.
        lines: the last lines that it printed.
    """
    if not _VAGUE.fullmatch(what):  # a time limit, a missing metric, no memory: that is the reason
        return what
    told = _telling(lines)
    if told is not None:
        return what if told in what else f"{what}: {_cut(told)}"
    plain = _plain(lines)
    return f"{what}; it printed last: {_cut(plain[-1])}" if plain else what


def headline(reason: str) -> str:
    """The line of a reason that says most: what ended the training, and the error in it where that says little.

    Args:
        reason: of an attempt, a trial or an experiment, as recorded; of any number of lines.

    Returns:
        One line of at most `LONGEST` characters without its full stop, empty for an empty reason.
    """
    lines = [line.rstrip() for line in reason.splitlines() if line.strip()]
    if not lines:
        return ""
    first = _INTRODUCES.sub("", lines[0]).strip()
    if first.startswith(_TRACEBACK):
        return _cut(exception_of(lines) or lines[-1])
    line = _cut(with_error(first, [_QUOTED.sub("", line) for line in lines[1:]]) if lines[1:] else first)
    return line.rstrip(".") or line


def exception_of(lines: Sequence[str]) -> str | None:
    """The exception at the end of the last Python traceback in some lines, None where there is none.

    A traceback whose beginning was cut off is known by its frames. What launchers put before each line
    (``[rank0]: ``) is taken off.
    """
    start = next((n for n in range(len(lines) - 1, -1, -1) if _TRACEBACK in lines[n]), None)
    if start is not None:
        before = lines[start][: lines[start].index(_TRACEBACK)]
        inside = [line.removeprefix(before) for line in lines[start + 1 :]]
    else:
        frames = [n for n, line in enumerate(lines) if _FRAME.match(line)]
        if not frames:
            return None
        inside = list(lines[frames[-1] :])
    for line in inside:
        if line[:1] not in (" ", "\t", "") and not _GROUP.match(line):
            return line.rstrip()
    return None


def _telling(lines: Sequence[str]) -> str | None:
    """The line that says what went wrong, None where no line says so.

    The exception of the last Python traceback goes before any other exception's line, and that before one that has a
    word for failure; of a kind the last is taken.
    """
    found = exception_of(lines)
    if found is not None:
        return found
    plain = _plain(lines)
    for pattern in (_EXCEPTION, _WORDS):
        found = next((line for line in reversed(plain) if pattern.search(line)), None)
        if found is not None:
            return found
    return None


def _plain(lines: Sequence[str]) -> list[str]:
    """Lines without colours, as a terminal shows them, without empty ones."""
    return [text for line in lines if (text := _COLOURS.sub("", line.rpartition("\r")[2] or line).strip())]


def _cut(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
