"""One line that says why something ended, out of a reason of many: what tables and notices have room for.

A reason is made where the training was watched (`automl_core.running.attempt`): what ended it, and below that the last
lines that it printed. Of those the line with the exception is the one that people look for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

LONGEST = 300
"""Characters of a headline at most."""

_INTRODUCES = re.compile(r"[.;]?\s*(?:its|the)?\s*last lines(?: of (?:the|its) log)?:\s*$", re.IGNORECASE)
_VAGUE = re.compile(r"exit(?:ed)?(?: with)?(?: code| status)? -?\d+|failed|error", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last)"
_FRAME = re.compile(r'\s+File "[^"]*", line \d+')
_QUOTED = re.compile(r"^\s*\| ?")
_GROUP = re.compile(r"[\s|+\-]*\+[\s+\-]*|\s*\|")  # the frame around the parts of an exception group
_TELLS = re.compile(
    r"^\S*(?:error|exception|interrupt|exit)\b\s*:"
    r"|\b(?:error|fatal|panic|not found|no such file|cannot|can't|denied)\b",
    re.IGNORECASE,
)


def headline(reason: str) -> str:
    """The line of a reason that says most: the last exception in it, else what ended the training.

    Args:
        reason: of an attempt, a trial or an experiment; of any number of lines.

    Returns:
        One line of at most `LONGEST` characters, empty for an empty reason.
    """
    lines = [line.rstrip() for line in reason.splitlines() if line.strip()]
    if not lines:
        return ""
    first = _INTRODUCES.sub("", lines[0]).strip()
    tail = [_QUOTED.sub("", line) for line in lines[1:]]
    if not tail:
        return _cut(first)
    if first.startswith(_TRACEBACK):
        return _cut(exception_of(lines) or lines[-1])
    if not _VAGUE.fullmatch(first):  # a time limit, a missing metric, no memory: that is the reason
        return _cut(first)
    told = exception_of(tail) or next((line for line in reversed(tail) if _TELLS.search(line)), None)
    if told is not None:
        return _cut(told.strip())
    return _cut(f"{first}; it printed last: {tail[-1].strip()}")


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
            return line
    return None


def _cut(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
