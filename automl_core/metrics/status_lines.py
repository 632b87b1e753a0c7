"""TAO's status file: which values its lines tell, and of which epoch.

A file of JSON lines, appended to while a training runs (`StatusLogger` of nvidia-tao-core 7.3.0, tao_pytorch_backend
6.25.10 and tao_tensorflow1_backend). Values stand under ``kpi``, ``graphical`` and ``categorical``. These three belong
to the *logger*, not to the line: each line repeats what was set last, also a line of an epoch that set nothing. And
the line with an epoch's values says no epoch: ``Eval metrics generated.`` comes before the line that states its epoch,
``Train metrics generated.`` after it. So a reader of lines puts an evaluation at the epoch before.

This file goes along with trainings, too: Python 3.8 and the standard library alone.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

FIELDS = ("graphical", "kpi")
"""Fields whose members are metrics of their own names; of one that is in both, the last one counts."""

BY_CLASS = "categorical"
"""The field whose members have a value a class: ``average_precision.car``."""

_EVALUATED = re.compile(r"^\s*(eval|evaluation|val|validation)\b.*\bmetrics\b", re.IGNORECASE)
_TRAINED = re.compile(r"^\s*train\b.*\bmetrics\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"^\s*[-+]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|nan|inf(?:inity)?)\s*$", re.IGNORECASE
)


class Values(NamedTuple):
    """What one line tells.

    Attributes:
        epoch: that they are of, None where the file states none at all.
        metrics: name → value; may be NaN or infinite.
    """

    epoch: float | None
    metrics: dict[str, float]


class BadLine(ValueError):
    """A line that is no JSON object. The message says which."""


class StatusLines:
    """Puts the values of a status file at their epochs, line by line."""

    def __init__(self) -> None:
        self._epoch: float | None = None
        self._set: dict[str, dict[str, float]] = {}
        self._waiting: dict[str, float] = {}
        self._line = 0

    def feed(self, line: str) -> Iterator[Values]:
        """What a whole line tells, and what waited for it.

        Raises:
            BadLine: it is no JSON object.
        """
        self._line += 1
        if not line.strip():
            return
        try:
            body = json.loads(line)
        except (ValueError, RecursionError):
            raise BadLine(f"line {self._line} is not JSON: {line.strip()!r:.60}") from None
        if not isinstance(body, dict):
            raise BadLine(f"line {self._line} is no object: {line.strip()!r:.60}")
        yield from self._told(body)

    def end(self) -> Iterator[Values]:
        """What still waits for a line with its epoch: an evaluation after the last one that was stated."""
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            yield Values(None if self._epoch is None else self._epoch + 1, waiting)

    def _told(self, body: dict[str, Any]) -> Iterator[Values]:
        fields, epoch = values_of(body), _number(body.get("epoch"))
        message = body.get("message")
        message = message if isinstance(message, str) else ""
        trained, evaluated = _TRAINED.match(message), _EVALUATED.match(message)
        new: dict[str, float] = {}
        for field, found in fields.items():
            if trained or evaluated or _sets_all(body, message) or not _same(self._set.get(field, {}), found):
                new.update(found)
        self._set.update(fields)
        if epoch is not None and epoch >= 0:
            self._epoch = epoch
            waiting, self._waiting = self._waiting, {}
            if waiting or new:
                yield Values(epoch, dict(waiting, **new))
        elif evaluated or self._epoch is None:
            self._waiting.update(new)
        elif new:
            yield Values(self._epoch, new)


def _sets_all(body: dict[str, Any], message: str) -> bool:
    """Whether a line's values were set for it: those of Keras (TensorFlow 1) state an epoch and no step."""
    return "epoch" in body and "step" not in body and bool(message)


def read(lines: Iterable[str]) -> list[Values]:
    """All that a file tells, in its order.

    Raises:
        BadLine: a line is no JSON object.
    """
    status = StatusLines()
    found: list[Values] = []
    for line in lines:
        found.extend(status.feed(line))
    found.extend(status.end())
    return found


def values_of(body: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Field → metrics of a line: numbers, also those that are written as text (TAO writes ``str(mAP)``)."""
    found: dict[str, dict[str, float]] = {}
    for field in FIELDS:
        members = body.get(field)
        if isinstance(members, dict):
            found[field] = _numbers(members, "")
    groups = body.get(BY_CLASS)
    if isinstance(groups, dict):
        found[BY_CLASS] = {}
        for group, members in groups.items():
            found[BY_CLASS].update(_numbers(members, f"{group}.") if isinstance(members, dict) else {})
    return found


def _numbers(members: dict[str, Any], prefix: str) -> dict[str, float]:
    numbers = {prefix + str(name): _number(value) for name, value in members.items()}
    return {name: value for name, value in numbers.items() if value is not None}


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return None
    if isinstance(value, str) and _NUMBER.match(value):
        return float(value)
    return None


def _same(left: dict[str, float], right: dict[str, float]) -> bool:
    """Whether two fields hold the same; NaN is as good as NaN here."""
    return left.keys() == right.keys() and all(
        value == left[name] or (math.isnan(value) and math.isnan(left[name])) for name, value in right.items()
    )
