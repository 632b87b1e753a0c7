"""Metrics in a line of text, as people print them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from automl_core.metrics.naming import OWNER, Sections
from automl_core.metrics.points import Step, step_of

MAX_LINE = 65_536
"""Characters of a line that are looked at."""

# Not a number and infinity as libraries print them: C (nan, -nan, nan(ind)), Microsoft's C (1.#QNAN, -1.#IND),
# Lightning (nan.0, inf.0, -inf.: it pads numbers to five characters), JSON, Java, Go.
_STRANGE = r"1\.#(?:IND|INF|QNAN|SNAN)[0-9]*+|(?i:nan(?:\(\w{0,20}\))?|inf(?:inity)?)(?:\.0*+)?|∞"
# With thousands parted by commas where it can be nothing else: 1,234 may have a decimal comma.
_GROUPED = r"[1-9][0-9]{0,2}(?:,[0-9]{3})++\.[0-9]++|[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}+"
_PLAIN = r"(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?"
_NUMBER = rf"[-+]?(?:{_STRANGE}|{_GROUPED}|{_PLAIN})"
# What may follow a number. A ':' would make it a time, a '.' and a digit an address, a letter a unit, a ',' and a
# digit a list or a decimal comma, and "%|" is a progress bar. A deviation may follow: 0.947+0.004.
_END = r"(?=$|[\s;|)\]}\"'<>]|[+±][0-9]++\.[0-9]|%(?!\|)|,(?![0-9])|\.(?:\s|$))"
# What may not precede a name: these make it a part of a path, an address, an option or a query.
_START = r"(?<![\w./\\@?&%$#~+-])"
_CALL = r"(?:(?:torch\.)?tensor\(|array\(|(?:np|numpy)\.\w{1,16}\()?"  # numbers that print as Python objects
_QUOTE = r"[\"']?"
_NAME = r"[^\W\d][\w./@%+-]*+"

_PAIR = re.compile(
    rf"{_START}{_QUOTE}(?=[^\W\d])(?P<name>{OWNER}?{_NAME}){_QUOTE}(?P<sign>[ \t]*+[=:][ \t]*+){_QUOTE}{_CALL}"
    rf"(?P<number>{_NUMBER}){_END}"
)
_NUMBER_ALONE = re.compile(_NUMBER)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
# A step: 3, 0.25, 1e+03, or with parted thousands: 1,500 and 1_500. A decimal comma is none: 0,25.
_STEP = r"[1-9][0-9]{0,2}(?:[,_][0-9]{3})++(?![0-9])|[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,2})?"
_BOOSTING = re.compile(r"(?:\[([0-9]{1,18})\]|([0-9]{1,18}):)\t")
_BOOSTING_NAME = "iteration"
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
        return _value(value.strip())
    return None


def _value(text: str) -> float:
    """The number that a text is which `_NUMBER` matches."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        pass
    lower = text.lower()
    if "nan" in lower or "#ind" in lower:
        return math.nan
    return -math.inf if lower.startswith("-") else math.inf


def pairs(text: str) -> dict[str, float]:
    """Name → value of every ``name=value`` and ``name: value`` in a text; of a name that comes twice, the last.

    Not taken for a metric: times, dates, addresses, paths, options such as ``--lr=0.1``, numbers with a unit.
    A ':' without a space after it counts only where the name can't be a host or a file.
    """
    found: dict[str, float] = {}
    sections = None
    for match in _PAIR.finditer(text):
        name = match["name"]
        if len(name) > _MAX_NAME or (match["sign"] == ":" and _is_place(name, match["number"], text, match.start())):
            continue
        if sections is None:
            sections = Sections(text)
        found[sections.name(match.start(), name)] = _value(match["number"])
    return found


def _is_place(name: str, number: str, text: str, start: int) -> bool:
    """Whether ``name:123`` rather is a host and port, a file and line, or a part of an address."""
    if text[max(start - 1, 0) : start] == ":":
        return True
    return number.isdigit() and ("." in name or "/" in name or name == "localhost")


class StepNames:
    """The names under which a line states its step, such as ``Epoch [3/10]`` or ``step=4``; upper or lower case."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(dict.fromkeys(name.lower() for name in names))
        either = "|".join(re.escape(name) for name in sorted(self.names, key=len, reverse=True)) or r"(?!)"
        self._stated = re.compile(
            # mmengine: Epoch(val) [3][2/2]
            rf"{_START}({either})(?:\((?i:train|val|test)\))?{_QUOTE}[ \t]*+[=:#]?[ \t]*+[\[(\"']?[ \t]*+({_STEP})"
            r"(?=$|[\s;|)\]}/\"']|,(?![0-9])|:(?![0-9])|\.(?:\s|$))",
            re.IGNORECASE,
        )
        self._heading = re.compile(
            rf"[^\w/]{{0,80}}({either})[^\w/]{{0,4}}({_STEP})(?:[ \t]*+(?:/|of)[ \t]*+[0-9][0-9,_.]*+)?[^\w/]{{0,80}}",
            re.IGNORECASE,
        )

    def stated(self, text: str) -> dict[str, Step]:
        r"""Name → number of every step that a line states; of a name that comes twice, the first.

        The round of a boosting library's line (``[7]\tvalid-auc:0.9``, ``7:\tlearn: 0.6``) is its ``iteration``.
        """
        found: dict[str, Step] = {}
        for match in self._stated.finditer(text):
            _add_step(found, match[1], match[2])
        if _BOOSTING_NAME in self.names and (match_ := _BOOSTING.match(text)):
            _add_step(found, _BOOSTING_NAME, match_[1] or match_[2])
        return found

    def heading(self, text: str) -> dict[str, Step]:
        """Name → number of the step of a line that says nothing else, such as ``Epoch 3/10``."""
        found: dict[str, Step] = {}
        if len(text) <= _MAX_HEADING and (match := self._heading.fullmatch(text)):
            _add_step(found, match[1], match[2])
        return found

    def __contains__(self, name: str) -> bool:
        """Whether a name is a step's, also with a word before it (``best epoch``): that is no metric."""
        return name.lower().rpartition(" ")[2] in self.names


def _add_step(found: dict[str, Step], name: str, text: str) -> None:
    step = step_of(float(text.replace(",", "").replace("_", "")))
    if step is not None:
        found.setdefault(name.lower(), step)
