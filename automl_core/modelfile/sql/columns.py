"""The table's columns as the scorer reads them: numbers, times, categories, whatever their types are in the table.

`scoring.values.Schema.read` says what a value means; this says the same in SQL. A category is never turned into a text:
engines write `1.0`, `true` and times each in their own way. Its levels are turned into literals of the column's type.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from sqlglot import exp

from automl_core.modelfile.scoring.features.base import LARGEST
from automl_core.modelfile.scoring.features.cross import BETWEEN
from automl_core.modelfile.scoring.texts import _FALSE, _TRUE, MISSING_WORDS, typed_text
from automl_core.modelfile.scoring.times import seconds_of
from automl_core.modelfile.scoring.values import Field, Schema
from automl_core.modelfile.sql.calendar import seconds
from automl_core.modelfile.sql.dialects import column_type
from automl_core.modelfile.sql.nodes import (
    Node,
    among,
    between,
    both,
    case,
    cast,
    compare,
    either,
    is_null,
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


def usable(column: Node) -> Node:
    """`scoring.features.base.usable`. NaN is NULL, whether an engine takes it for the largest number or for none."""
    return case(
        [
            (between(-LARGEST, column, LARGEST), column.copy()),
            (both(compare(column, ">", number(LARGEST)), compare(column, "<=", number(MOST))), number(LARGEST)),
            (both(compare(column, "<", number(-LARGEST)), compare(column, ">=", number(-MOST))), number(-LARGEST)),
        ]
    )


class Category(Protocol):
    """A column of texts."""

    def missing(self) -> Node:
        """Whether its value is missing."""
        ...

    def one_of(self, levels: Sequence[str]) -> Node | None:
        """Whether its value is one of these texts; None: it can be none of them."""
        ...


LARGE = 20_000
"""Bytes, about, of the levels that one expression looks up: of more there are several, which statements can share."""


def lookup(program: Program, category: Category, levels: Sequence[str], values: Sequence[float]) -> Node:
    """What each row's level has.

    Args:
        program: gets the parts of a large one.
        category: the column.
        levels: different texts.
        values: one for each, then that of an unseen level and of a missing value; NaN is NULL.
    """
    unseen, absent = (float(each) for each in values[-2:])
    by_value: dict[float, list[str]] = {}
    for level, value in zip(levels, values, strict=False):
        key = float(value)
        if not (key == unseen or (math.isnan(key) and math.isnan(unseen))):
            by_value.setdefault(math.nan if math.isnan(key) else key, []).append(level)
    missing = (category.missing(), number(absent))
    parts: list[list[tuple[Node, Node]]] = [[]]
    size = 0
    for value, own in by_value.items():
        condition = category.one_of(own)
        if condition is None:
            continue
        size += sum(len(each.encode()) + 8 for each in own) + 50
        if size > LARGE and parts[-1] and not math.isnan(value):
            parts.append([])
            size = 0
        parts[-1].append((condition, number(value)))
    if len(parts) == 1 or any(map(math.isnan, by_value)):  # a level whose value is NULL can't be told from none
        return case([missing, *(pair for part in parts for pair in part)], number(unseen))
    found = [program.let(case(part)) for part in parts]
    return case([missing], exp.Coalesce(this=found[0], expressions=[*found[1:], number(unseen)]))


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
            return either(is_null(self._column), compare(self._column, "=", text("")))
        if self._type in ("number", "float"):
            return either(is_null(self._column), negated(between(-MOST, self._column, MOST)))
        return is_null(self._column)

    def one_of(self, levels: Sequence[str]) -> Node | None:
        """Whether its value is one of these texts; None: no value of its type has such a text."""
        conditions = [each for each in self._conditions(levels) if each is not None]
        return either(*conditions) if conditions else None

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
        if self._type == "integer":
            if level.removeprefix("-").isdecimal() and str(int(level)) == level and -(2**63) < int(level) < 2**63:
                return whole(int(level))
            return None
        if self._type in ("date", "timestamp", "timestamp_ns"):
            return _time_literal(level, self._type)
        value = _number_of(level)
        if value is None:
            return None
        if self._type == "float":
            return cast(number(value), "float")
        return number(value)


def _number_of(level: str) -> float | None:
    """The number whose text a level is; None where it is no number's."""
    try:
        value = float(level)
    except ValueError:
        return None
    return value if math.isfinite(value) and typed_text(level, "number") == level else None


def _time_literal(level: str, type_: str) -> Node | None:
    try:
        value: Any = datetime.fromisoformat(level) if type_ != "date" else date.fromisoformat(level)
    except ValueError:
        return None
    if value.isoformat() != level and not level.endswith("+00:00"):
        return None
    return number(seconds_of(value))


class Absent:
    """A category whose column the table has not: it is missing in each row."""

    def missing(self) -> Node:
        """It is."""
        return compare(number(1), "=", number(1))

    def one_of(self, levels: Sequence[str]) -> Node | None:
        """None of them."""
        del levels
        return None


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
        return column_type(field.name, self._types[field.name]) if field.name in self._types else field.type

    def numbers(self, name: str) -> exp.Column:
        """A column of numbers, or of times as seconds; NULL is missing.

        Raises:
            NotInSql: the table's column holds neither.
        """
        if name not in self._numbers:
            field = self._schema[name]
            type_, column = self._type(field), self._program.read(name)
            if field.kind == "time":
                found: Node = seconds(self._program, column, type_, name)
            else:
                found = _numbers(self._program, column, type_, name)
            if type_ in ("float", "number", "string", "decimal"):
                found = usable(self._program.let(found))
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


def _numbers(program: Program, column: exp.Column, type_: str, name: str) -> Node:
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


__all__ = ["Absent", "Category", "Crossed", "Plain", "Table", "lookup", "usable"]
