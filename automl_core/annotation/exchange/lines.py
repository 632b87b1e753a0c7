"""A line of a file of labels: read, and what is wrong with it named with its field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from automl_core.spec.errors import Problem, did_you_mean, show

ANSWER = ("label", "author", "seconds", "price", "skipped", "time")
"""Fields that say something of an item."""

EXPORTED = ("item", "batch", "key", "content", "shown", "classes", "opinion")
"""Fields that say which item is meant, and those that an exported line has beside."""

LONGEST = 2_000_000
"""Bytes of a line: an item has half of that at most."""


@dataclass(slots=True)
class Line:
    """A line that can be read.

    Attributes:
        number: from 1.
        item: our id; None where the line has none.
        content: what was shown; empty where the line does not have it.
        shown: digest of that, where the line says it.
        batch: the one that asked, where the line says it.
        key: the source's own id.
        label: the class; empty where it was skipped.
        author: who says so; empty where the line does not say.
        seconds, price, time, skipped: as the line has them.
        answered: whether it says anything; an exported line that nobody has filled in does not.
        extra: fields that mean nothing here.
    """

    number: int
    item: str | None = None
    content: dict[str, Any] = field(default_factory=dict)
    shown: str | None = None
    batch: int | None = None
    key: str | None = None
    label: str = ""
    author: str = ""
    seconds: float | None = None
    price: float = 0.0
    time: float | None = None
    skipped: bool = False
    answered: bool = True
    extra: tuple[str, ...] = ()


class _Wrong(ValueError):
    """A line that is refused: field, words, what was found, what is allowed."""

    def __init__(self, name: str, words: str, found: Any = None, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.name, self.found, self.allowed = name, found, allowed


def read_lines(lines: Iterable[str | bytes], file: str) -> Iterator[Line | Problem]:
    """Each line of a file, or what is wrong with it; empty lines are none.

    Args:
        lines: with or without line breaks at their ends.
        file: what to call it in problems.
    """
    for number, raw in enumerate(lines, start=1):
        try:
            text = _text(raw, first=number == 1)
            if text:
                yield _read(_object(text), number)
        except _Wrong as wrong:
            path = (wrong.name,) if wrong.name else ()
            found = None if wrong.found is None else show(wrong.found)
            yield Problem(str(wrong), path, file, number, found=found, allowed=wrong.allowed)


def _text(raw: str | bytes, *, first: bool) -> str:
    if len(raw) > LONGEST:
        raise _Wrong("", f"the line has more than {LONGEST:,} bytes")
    if isinstance(raw, bytes):
        try:
            raw = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Wrong("", f"it is no UTF-8 (byte {error.start + 1})") from None
    return (raw.removeprefix("\ufeff") if first else raw).strip()


def _object(text: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise _Wrong(name, f"{name!r} stands there twice")
            found[name] = value
        return found

    def refuse(word: str) -> Any:
        raise _Wrong("", f"{word} is no value of JSON")

    try:
        found = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except json.JSONDecodeError as error:
        like_csv = ' Labels are JSON lines: {"text": …, "label": …}' if "{" not in text else ""
        raise _Wrong("", f"it is no JSON: {error.msg} (column {error.colno}).{like_csv}") from None
    except RecursionError:
        raise _Wrong("", "it is nested too deeply") from None
    except _Wrong:
        raise
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        raise _Wrong("", "it has a number of thousands of digits") from None
    if not isinstance(found, dict):
        raise _Wrong("", 'a line is an object: {"item": …, "label": …}', found)
    if "\\u" in text:  # half of a pair may be written so, which no store takes
        for name, value in found.items():
            try:
                json.dumps({name: value}, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise _Wrong(name if name.isprintable() else "", "a text that is no valid Unicode") from None
    return found


def _read(given: dict[str, Any], number: int) -> Line:
    line = Line(number)
    item = given.get("item")
    if item is not None and not isinstance(item, str):
        raise _Wrong("item", "an id is text", item)
    line.item = item
    content = given.get("content")
    if content is not None and not isinstance(content, dict):
        raise _Wrong("content", "what was shown is an object of columns", content)
    known = (*ANSWER, *EXPORTED)
    rest = {name: value for name, value in given.items() if name not in known}
    line.content = dict(content or {})
    if item is None and content is None:  # the simple form: what is shown beside the label, column by column
        # a column may be called as an answer's field is; then the item is to be written as `content`
        line.content, rest = rest, {}
    line.extra = tuple(rest)
    line.shown, line.key, line.batch = _optional(given, "shown"), _key(given), _batch(given)
    _answer(given, line, rest)
    return line


def _answer(given: Mapping[str, Any], line: Line, rest: Mapping[str, Any]) -> None:
    skipped = given.get("skipped")
    if skipped is not None and not isinstance(skipped, bool):
        raise _Wrong("skipped", "found something else than true or false", skipped, ("true", "false"))
    label = given.get("label")
    if isinstance(label, bool) or not isinstance(label, str | int | float | None):
        raise _Wrong("label", "a class is text", label)
    if isinstance(label, float) and not label.is_integer():
        raise _Wrong("label", "a class is text", label)
    text = "" if label is None else str(int(label)) if isinstance(label, float) else str(label).strip()
    line.skipped, line.label = bool(skipped), text
    line.answered = bool(text) or line.skipped
    if not line.answered and "label" not in given:
        meant = next((name for name in (*rest, *line.content) if did_you_mean(name, ["label"])), None)
        raise _Wrong("label", "there is no label" + (f": does {meant!r} mean it?" if meant else ""))
    if line.skipped and text:
        raise _Wrong("label", "it was skipped, and yet has a label", label)
    line.author = (_optional(given, "author") or "").strip()
    line.seconds = _amount(given, "seconds")
    line.price = _amount(given, "price") or 0.0
    line.time = _time(given.get("time"))


def _optional(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise _Wrong(name, "text is wanted", value)
    return value


def _key(given: Mapping[str, Any]) -> str | None:
    value = given.get("key")
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise _Wrong("key", "the source's id is text or a whole number", value)
    return None if value is None else str(value)


def _batch(given: Mapping[str, Any]) -> int | None:
    value = given.get("batch")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise _Wrong("batch", "the number of the batch that asked is wanted, from 1", value)
    return value


def _amount(given: Mapping[str, Any], name: str) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    number = _number(value)
    if number is None or not (math.isfinite(number) and number >= 0):
        raise _Wrong(name, "a number from 0 is wanted", value)
    return number


def _number(value: Any) -> float | None:
    """A number; None of what is none, or beyond what a float holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _time(value: Any) -> float | None:
    if value is None:
        return None
    number = _number(value)
    if number is not None:
        return number
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        words = "a time is wanted, such as 2026-11-30T02:05:00Z, or seconds since 1970"
        raise _Wrong("time", words, value) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
