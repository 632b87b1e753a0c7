"""Metrics in a line of text, as people print them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

MAX_LINE = 65_536
"""Characters of a line that are looked at."""

_NUMBER = r"[-+]?(?:(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?|(?i:nan|inf(?:inity)?))"
# What may follow a number. A ':' would make it a time, a '.' and a digit an address, a letter a unit, a ',' and a
# digit a list or a decimal comma, and "%|" is a progress bar.
_END = r"(?=$|[\s;|)\]}\"'<>]|%(?!\|)|,(?![0-9])|\.(?:\s|$))"
# What may not precede a name: these make it a part of a path, an address, an option or a query.
_START = r"(?<![\w./\\@?&%$#~+-])"
_CALL = r"(?:(?:torch\.)?tensor\(|array\(|(?:np|numpy)\.\w{1,16}\()?"  # numbers that print as Python objects
_QUOTE = r"[\"']?"
_NAME = r"[^\W\d][\w./@%+-]*+"

_PAIR = re.compile(
    rf"{_START}{_QUOTE}(?P<name>{_NAME}){_QUOTE}(?P<sign>[ \t]*+[=:][ \t]*+){_QUOTE}{_CALL}(?P<number>{_NUMBER}){_END}"
)
_NUMBER_ALONE = re.compile(_NUMBER)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_MAX_NAME = 200
_MAX_HEADING = 200


def plain(text: str) -> str:
    """The text without ANSI colours and other escape sequences."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def bounded(text: str) -> str:
    """The text up to `MAX_LINE` characters, cut between words so that no number is cut short."""
    if len(text) <= MAX_LINE:
        return text
    head = text[: MAX_LINE + 1]
    return head[: max(head.rfind(" "), head.rfind("\t"), 0)]


def number(value: Any) -> float | None:
    """A metric's value from a number of JSON or its text, None when it is neither."""
    if isinstance(value, float):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str) and _NUMBER_ALONE.fullmatch(value.strip()):
        return float(value)
    return None


def pairs(text: str) -> dict[str, float]:
    """Name → value of every ``name=value`` and ``name: value`` in a text; of a name that comes twice, the last.

    Not taken for a metric: times, dates, addresses, paths, options such as ``--lr=0.1``, numbers with a unit.
    A ':' without a space after it counts only where the name can't be a host or a file.
    """
    found = {}
    for match in _PAIR.finditer(text):
        name = match["name"]
        if len(name) <= _MAX_NAME and not (match["sign"] == ":" and _is_place(name, text, match.start())):
            found[name] = float(match["number"])
    return found


def _is_place(name: str, text: str, start: int) -> bool:
    """Whether ``name:123`` rather is a host and port, a file and line, or a part of an address."""
    return "." in name or "/" in name or name == "localhost" or text[max(start - 1, 0) : start] == ":"


class StepNames:
    """The names under which a line states its step, such as ``Epoch [3/10]`` or ``step=4``; upper or lower case."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(dict.fromkeys(name.lower() for name in names))
        either = "|".join(re.escape(name) for name in sorted(self.names, key=len, reverse=True)) or r"(?!)"
        self._stated = re.compile(
            rf"{_START}({either}){_QUOTE}[ \t]*+[=:#]?[ \t]*+[\[(\"']?[ \t]*+([0-9]{{1,18}})(?:\.0+)?"
            r"(?=$|[\s,;|)\]}/\"'%]|:(?![0-9])|\.(?:\s|$))",
            re.IGNORECASE,
        )
        self._heading = re.compile(
            rf"[^\w/]{{0,80}}({either})[^\w/]{{0,4}}([0-9]{{1,18}})(?:[ \t]*+(?:/|of)[ \t]*+[0-9]+)?[^\w/]{{0,80}}",
            re.IGNORECASE,
        )

    def stated(self, text: str) -> dict[str, int]:
        """Name → number of every step that a line states; of a name that comes twice, the first."""
        found: dict[str, int] = {}
        for match in self._stated.finditer(text):
            found.setdefault(match[1].lower(), int(match[2]))
        return found

    def heading(self, text: str) -> dict[str, int]:
        """Name → number of the step of a line that says nothing else, such as ``Epoch 3/10``."""
        match = self._heading.fullmatch(text) if len(text) <= _MAX_HEADING else None
        return {match[1].lower(): int(match[2])} if match else {}

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.names
