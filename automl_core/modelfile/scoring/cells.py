"""One row as a model reads it, without numpy: the very numbers and texts that `values.Schema.read` finds in it.

Values of JSON are read here. A row with any other, or with one that is wrong, is `Unlike`, and left to what reads all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .features.base import LARGEST, Cells
from .texts import number_of, text_of, typed_text
from .times import seconds_of
from .values import Field, Schema

_EXACT = 1 << 53
"""Whole numbers up to it are float64."""


class Unlike(Exception):
    """A row that is read by `values.Schema.read`, which says what is wrong with it where something is."""


class CellReader:
    """What reads rows of a schema."""

    def __init__(self, schema: Schema) -> None:
        self._numbers = [field.name for field in schema if field.kind == "number"]
        self._others = [(field.name, _reader(field)) for field in schema if field.kind != "number"]
        self._optional = frozenset(field.name for field in schema if field.optional)
        self.typed = [field.name for field in schema if _is_typed(field)]
        """Columns whose texts are read by their type where, and only where, a column has a text at all."""

    def value(self, row: Mapping[str, Any], name: str) -> Any:
        """Of a column, None where a row may lack it and does."""
        return None if name in self._optional and name not in row else row[name]

    def __call__(self, row: Mapping[str, Any]) -> Cells:
        """The cells of a row.

        Raises:
            Unlike: it has to be read otherwise.
        """
        cells: Cells = {}
        if not self._optional <= row.keys():
            row = {**dict.fromkeys(self._optional), **row}
        try:
            for name in self._numbers:
                value = row[name]
                if type(value) is not float or not -LARGEST <= value <= LARGEST:
                    value = _number(value)
                cells[name] = value
            for name, read in self._others:
                cells[name] = read(row[name])
        except (KeyError, ValueError, OverflowError):
            raise Unlike from None
        return cells


def _number(value: Any) -> float:
    """As a column of this value alone, and as features take it."""
    if value is None:
        return math.nan
    kind = type(value)
    if kind is int and -_EXACT <= value <= _EXACT:
        return float(value)
    if kind is bool:
        return float(value)
    if kind is str:
        return _usable(number_of(value))
    if kind is float:
        return _usable(value)
    raise Unlike


def _usable(value: float) -> float:
    if -LARGEST <= value <= LARGEST:
        return value
    return math.nan if math.isinf(value) or math.isnan(value) else math.copysign(LARGEST, value)


def _time(value: Any) -> float:
    if type(value) not in _PLAIN:
        raise Unlike
    return _usable(seconds_of(value))


def _text(value: Any) -> str | None:
    if type(value) not in _PLAIN:
        raise Unlike
    return text_of(value)


_PLAIN = frozenset((str, int, float, bool, type(None)))


def _is_typed(field: Field) -> bool:
    return field.kind == "category" and field.type in ("integer", "number", "boolean")


def _reader(field: Field) -> Callable[[Any], float | str | None]:
    if field.kind == "time":
        return _time
    if not _is_typed(field):
        return _text

    def typed(value: Any) -> str | None:
        text = _text(value)
        return typed_text(text, field.type) if text is not None and type(value) is str else text

    return typed
