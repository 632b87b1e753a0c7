"""The table's columns as the scorer reads them: numbers, times, categories, whatever their types are in the table.

`scoring.values.Schema.read` says what a value means; this says the same in SQL. A category is never turned into a text:
engines write `1.0`, `true` and times each in their own way. Its levels are turned into literals of the column's type.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from sqlglot import exp

from automl_core.modelfile.scoring.features.base import LARGEST
from automl_core.modelfile.scoring.features.cross import BETWEEN
from automl_core.modelfile.scoring.texts import _FALSE, _TRUE, MISSING_WORDS, typed_text
from automl_core.modelfile.scoring.times import seconds_of
from automl_core.modelfile.scoring.values import Field, Schema
from automl_core.modelfile.sql.calendar import seconds
from automl_core.modelfile.sql.constants import Key
from automl_core.modelfile.sql.dialects import column_type
from automl_core.modelfile.sql.lookups import Category, lookup
from automl_core.modelfile.sql.nodes import (
    Node,
    add,
    among,
    between,
    both,
    call,
    case,
    cast,
    compare,
    either,
    is_null,
    mul,
    negated,
    number,
    text,
    whole,
)
from automl_core.modelfile.sql.program import Program
from automl_core.modelfile.sql.script import NotInSql

MOST = 1.7976931348623157e308
"""The largest DOUBLE."""

NUMERAL = "[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
"""A text that is a number, as a pattern that SIMILAR TO and RLIKE both take."""


def missing_word(plain: Node) -> Node:
    """Whether a text, without blanks around it, is a word for a missing value."""
    return among(plain, [text(word) for word in sorted(MISSING_WORDS)])


def usable(column: Node, dialect: str = "ansi") -> Node:
    """`scoring.features.base.usable`. NaN is NULL, whether an engine takes it for the largest number or for none."""
    if dialect == "duckdb":  # planned in a third of the time
        bounded = call("LEAST", call("GREATEST", column, number(-LARGEST)), number(LARGEST))
        return case([(call("ISFINITE", column), bounded)])
    return case(
        [
            (between(-LARGEST, column, LARGEST), column.copy()),
            (both(compare(column, ">", number(LARGEST)), compare(column, "<=", number(MOST))), number(LARGEST)),
            (both(compare(column, "<", number(-LARGEST)), compare(column, ">=", number(-MOST))), number(-LARGEST)),
        ]
    )


class Plain:
    """A category that is a column of the table."""

    def __init__(self, program: Program, column: Node, type_: str, field: Field) -> None:
        self._program, self._type, self._field = program, type_, field
        self._column = column
        self._number: Node | None = None
        if type_ in ("date", "timestamp", "timestamp_ns"):
            self._column = program.let(seconds(program, column, type_, field.name))
        elif type_ in ("number", "decimal"):
            self._column = program.let(cast(column, "double"))
        elif type_ == "string" and field.type in ("integer", "number"):
            plain = program.let(exp.Trim(this=column.copy()))
            if program.target.name == "maxcompute":
                numeral: Node = exp.RegexpLike(this=plain.copy(), expression=text(f"^{NUMERAL}$"))
            else:
                numeral = exp.SimilarTo(this=plain.copy(), expression=text(NUMERAL))
            self._number = program.let(case([(numeral, cast(plain, "double"))]))

    def missing(self) -> Node:
        """Whether its value is missing."""
        if self._type == "string":
            nothing = compare(self._column, "=", text(""))
            if self._field.type in ("integer", "number", "boolean"):  # texts of such are no words: see `typed_text`
                nothing = missing_word(exp.Trim(this=self._column.copy()))
            return either(is_null(self._column), nothing)
        if self._type in ("number", "float"):
            return either(is_null(self._column), negated(between(-MOST, self._column, MOST)))
        return is_null(self._column)

    def one_of(self, levels: Sequence[str]) -> Node | None:
        """Whether its value is one of these texts; None: no value of its type has such a text."""
        conditions = [each for each in self._conditions(levels) if each is not None]
        return either(*conditions) if conditions else None

    def keys(self, levels: Sequence[str]) -> list[tuple[exp.Column, dict[Key, int]]] | None:
        """See `Category.keys`. A text that is no value of the column's type is left out."""
        if self._type == "boolean" or (self._type == "string" and self._field.type == "boolean"):
            return None
        column, found, others = self._program.let(self._column), dict[Key, int](), dict[Key, int]()
        if self._type == "string" and self._number is None:
            return [(column, {level: place for place, level in enumerate(levels)})]
        for place, level in enumerate(levels):
            key = _number_of(level) if self._type == "string" else self._key(level)
            if key is not None:
                found.setdefault(key, place)
            elif self._type == "string":
                others[level] = place
        if self._number is not None:
            parts = [(self._program.let(self._number), found), (column, others)]
            return [part for part in parts if part[1]]
        if self._type == "float":
            column = self._program.let(cast(column, "double"))
        return [(column, found)] if found else []

    def _conditions(self, levels: Sequence[str]) -> list[Node | None]:
        if self._type == "boolean":
            return [
                self._column.copy() if "true" in levels else None,
                negated(self._column) if "false" in levels else None,
            ]
        if self._type != "string":
            literals = [each for level in levels if (each := self._literal(level)) is not None]
            return [among(self._column, literals)] if literals else []
        if self._field.type == "boolean":
            words = {"true": _TRUE, "false": _FALSE}
            texts = [word for level in levels for word in sorted(words.get(level, (level,)))]
            return [among(self._column, [text(word) for word in texts])] if texts else []
        if self._number is None:
            return [among(self._column, [text(level) for level in levels])] if levels else []
        numbers = [value for level in levels if (value := _number_of(level)) is not None]
        others = [level for level in levels if _number_of(level) is None]
        return [
            among(self._number, [number(each) for each in numbers]) if numbers else None,
            among(self._column, [text(level) for level in others]) if others else None,
        ]

    def _literal(self, level: str) -> Node | None:
        """A level as a literal of the column's type; None where no value of this type has this text."""
        if self._type == "float":
            value = _number_of(level)
            return None if value is None else cast(number(value), "float")
        key = self._key(level)
        if key is None:
            return None
        return whole(key) if isinstance(key, int) else number(key)

    def _key(self, level: str) -> int | float | None:
        """A level as a value of the column's type, which is no text; None where no value of this type has this text."""
        if self._type == "integer":
            if level.removeprefix("-").isdecimal() and str(int(level)) == level and -(2**63) < int(level) < 2**63:
                return int(level)
            return None
        if self._type in ("date", "timestamp", "timestamp_ns"):
            return _seconds_of(level, self._type)
        value = _number_of(level)
        return float(np.float32(value)) if self._type == "float" and value is not None else value


def _number_of(level: str) -> float | None:
    """The number whose text a level is; None where it is no number's."""
    try:
        value = float(level)
    except ValueError:
        return None
    return value if math.isfinite(value) and typed_text(level, "number") == level else None


def _seconds_of(level: str, type_: str) -> float | None:
    try:
        value: Any = datetime.fromisoformat(level) if type_ != "date" else date.fromisoformat(level)
    except ValueError:
        return None
    if value.isoformat() != level and not level.endswith("+00:00"):
        return None
    return float(seconds_of(value))


class Absent:
    """A category whose column the table has not: it is missing in each row."""

    def missing(self) -> Node:
        """It is."""
        return compare(number(1), "=", number(1))

    def one_of(self, levels: Sequence[str]) -> Node | None:
        """None of them."""
        del levels
        return None

    def keys(self, levels: Sequence[str]) -> None:
        """None: there is nothing to join."""
        del levels


class Crossed:
    """Two categories as one: see `scoring.features.cross`. A level is a pair of theirs; an empty half is missing."""

    def __init__(self, program: Program, first: Category, second: Category) -> None:
        self._program, self._halves = program, (first, second)

    def missing(self) -> Node:
        """Where both are."""
        first, second = self._halves
        return both(_whether(self._program, first.missing()), _whether(self._program, second.missing()))

    def one_of(self, levels: Sequence[str]) -> Node | None:
        """One of these pairs."""
        by_first: dict[str, list[str]] = {}
        for level in levels:
            first, between_, second = level.partition(BETWEEN)
            if between_:
                by_first.setdefault(first, []).append(second)
        found = []
        for first, seconds_ in by_first.items():
            halves = self._half(0, [first]), self._half(1, seconds_)
            if halves[0] is not None and halves[1] is not None:
                found.append(both(halves[0], halves[1]))
        return either(*found) if found else None

    def keys(self, levels: Sequence[str]) -> list[tuple[exp.Column, dict[Key, int]]] | None:
        """See `Category.keys`: both halves as numbers from 1, 0 where missing, are the digits of one."""
        pairs = [level.partition(BETWEEN) for level in levels]
        halves = [dict.fromkeys(pair[at] for pair in pairs if pair[1] and pair[at]) for at in (0, 2)]
        numbers = [{text_: place for place, text_ in enumerate(half, 1)} for half in halves]
        codes = []
        for category, known in zip(self._halves, numbers, strict=True):
            values = [*map(float, known.values()), math.nan, 0.0]
            codes.append(self._program.let(lookup(self._program, category, list(known), [values])[0]))
        base = len(numbers[1]) + 1
        key = self._program.let(add(mul(codes[0], number(base)), codes[1]))
        return [
            (key, {
                float(numbers[0].get(first, 0) * base + numbers[1].get(second, 0)): place
                for place, (first, between_, second) in enumerate(pairs) if between_
            })
        ]  # fmt: skip

    def _half(self, half: int, levels: Sequence[str]) -> Node | None:
        category = self._halves[half]
        conditions = []
        if "" in levels:
            conditions.append(_whether(self._program, category.missing()))
        known = [level for level in levels if level]
        there = category.one_of(known) if known else None
        if there is not None:
            conditions.append(there)
        return either(*conditions) if conditions else None


def _whether(program: Program, condition: Node) -> Node:
    """A condition that is asked for often, as a column that is 1 where it holds."""
    return compare(program.let(case([(condition, number(1))], number(0))), "=", number(1))


def dates_of_texts(field: Field) -> bool:
    """Whether a column is a category of dates or times that training read from texts: tables have either."""
    return field.written == "text" and field.kind == "category" and field.type in ("date", "timestamp")


class Table:
    """The table's columns at work: numbers by `numbers`, categories by `category`."""

    def __init__(
        self, program: Program, schema: Schema, types: Mapping[str, str], absent: Collection[str] = ()
    ) -> None:
        """Make one.

        Args:
            program: gets what is read.
            schema: the model's columns.
            types: of the table's columns, by name; what is not there is as in training.
            absent: categories that are no columns of the table.
        """
        self._program, self._schema, self._types, self._absent = program, schema, types, absent
        self._numbers: dict[str, exp.Column] = {}
        self._categories: dict[str, Category] = {}

    def copy(self) -> Table:
        """The same columns, to which steps may add their own."""
        other = Table(self._program, self._schema, self._types, self._absent)
        other._numbers, other._categories = self._numbers, dict(self._categories)
        return other

    def _type(self, field: Field) -> str:
        if field.name in self._types:
            return column_type(field.name, self._types[field.name])
        # a category's values are compared with literals, and a DATE with no text: where there are texts, that is said
        return "string" if field.written == "text" and not dates_of_texts(field) else field.type

    def _as_written(self, field: Field) -> Node:
        """The column; where training read a time from texts, a text whatever the table has: DATE or STRING."""
        column = self._program.read(field.name)
        if field.kind == "time" and field.written == "text" and field.name not in self._types:
            return self._program.let(cast(column, "varchar"))
        return column

    def numbers(self, name: str) -> exp.Column:
        """A column of numbers, or of times as seconds; NULL is missing.

        Raises:
            NotInSql: the table's column holds neither.
        """
        if name not in self._numbers:
            field = self._schema[name]
            type_, column = self._type(field), self._as_written(field)
            if field.kind == "time":
                found: Node = seconds(self._program, column, type_, name)
            else:
                found = _numbers(self._program, column, type_, name)
            if type_ in ("float", "number", "string", "decimal"):
                found = usable(self._program.let(found), self._program.target.name)
            self._numbers[name] = self._program.let(found)
        return self._numbers[name]

    def category(self, name: str) -> Category:
        """A column of texts."""
        if name not in self._categories:
            field = self._schema[name]
            self._categories[name] = (
                Absent() if name in self._absent
                else Plain(self._program, self._program.read(name), self._type(field), field)
            )  # fmt: skip
        return self._categories[name]

    def cross(self, name: str, first: str, second: str) -> None:
        """Add the pair of two categories under a name."""
        self._categories[name] = Crossed(self._program, self.category(first), self.category(second))


def _numbers(program: Program, column: Node, type_: str, name: str) -> Node:
    if type_ == "boolean":
        return case([(column, number(1)), (negated(column), number(0))])
    if type_ == "string":
        plain = program.let(exp.Trim(this=column.copy()))
        truths = [text(word) for word in ("true", "True", "TRUE")]
        lies = [text(word) for word in ("false", "False", "FALSE")]
        return case(
            [(missing_word(plain), exp.null()), (among(plain, truths), number(1)), (among(plain, lies), number(0))],
            cast(plain, "double"),
        )
    if type_ in ("integer", "float", "number", "decimal"):
        return cast(column, "double")
    raise NotInSql(f"column {name!r} is a {type_} in the table, and the model reads numbers")


__all__ = ["Absent", "Crossed", "Plain", "Table", "usable"]
