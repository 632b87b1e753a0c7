"""What a category's levels have: by cases, or by a join with a table of constants where there are many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from sqlglot import exp

from automl_core.modelfile.sql.constants import Constants, Key
from automl_core.modelfile.sql.nodes import Node, case, number
from automl_core.modelfile.sql.program import Program


class Category(Protocol):
    """A column of texts."""

    def missing(self) -> Node:
        """Whether its value is missing."""
        ...

    def one_of(self, levels: Sequence[str]) -> Node | None:
        """Whether its value is one of these texts; None: it can be none of them."""
        ...

    def keys(self, levels: Sequence[str]) -> list[tuple[exp.Column, dict[Key, int]]] | None:
        """How these texts are found by a join: columns of one type each, and which of their values is which text.

        None: they are better asked for one by one.
        """
        ...


BRANCHES = 40
"""Different values up to which a category's levels are cases; beyond, they are a table of constants."""


def lookup(
    program: Program, category: Category, levels: Sequence[str], columns: Sequence[Sequence[float]]
) -> list[Node]:
    """What each row's level has.

    Args:
        program: gets what stands between.
        category: the column.
        levels: different texts.
        columns: of each result, one for each level, then that of an unseen level and of a missing value; NaN is NULL.
    """
    if max((len(set(values)) for values in columns), default=0) <= BRANCHES:
        return [_cases(category, levels, values) for values in columns]
    keys = category.keys(levels)
    if keys is None:
        return [_cases(category, levels, values) for values in columns]
    found: list[Node] = [number(float(values[-2])) for values in columns]
    for key, places in keys:
        constants = Constants(
            tuple(places), tuple(tuple(float(values[place]) for place in places.values()) for values in columns)
        )
        for piece in constants.pieces(program.piece):
            found = list(program.over(key, piece, found))
    return [
        case([(category.missing(), number(float(values[-1])))], each)
        for values, each in zip(columns, found, strict=True)
    ]


def _cases(category: Category, levels: Sequence[str], values: Sequence[float]) -> Node:
    unseen, absent = (float(each) for each in values[-2:])
    by_value: dict[float, list[str]] = {}
    for level, value in zip(levels, values, strict=False):
        key = float(value)
        if not (key == unseen or (math.isnan(key) and math.isnan(unseen))):
            by_value.setdefault(math.nan if math.isnan(key) else key, []).append(level)
    pairs: list[tuple[Node, Node]] = [(category.missing(), number(absent))]
    for value, own in by_value.items():
        condition = category.one_of(own)
        if condition is not None:
            pairs.append((condition, number(value)))
    return case(pairs, number(unseen))
