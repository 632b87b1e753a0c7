"""Which columns of the table a column of the matrix was made of, read from what its steps have learned.

A column made of several columns is theirs in equal parts; a principal component is theirs by the size of its loadings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
State = Mapping[str, Any]


class UnknownStep(ValueError):
    """A step whose columns can't be followed back."""


def shares(states: Iterable[State], columns: Sequence[str]) -> Floats:
    """(p, m) the part that each of m columns of the table has in each of p columns of the matrix; rows sum to 1.

    Args:
        states: of the features, in their order.
        columns: of the table, as the schema names them.

    Raises:
        UnknownStep: a state of a step that is not known here.
    """
    table = dict(zip(columns, np.eye(len(columns)), strict=True))
    found = np.empty((0, len(columns)))
    for state in states:
        name = str(state["step"])
        if name == "cross":
            for first, second in state["pairs"]:
                table[f"{first} & {second}"] = (table[first] + table[second]) / 2
        elif name in _APPENDING:
            new = [part for parts in _APPENDING[name](state, table) for part in parts]
            found = np.vstack([found, *new]) if new else found
        elif name in _REPLACING:
            found = _REPLACING[name](state, found)
        else:
            raise UnknownStep(f"the columns that the step {name!r} makes can't be followed back to the table's")
    return found


Parts = Iterable[list[Floats]]
Table = Mapping[str, Floats]


def _one_each(state: State, table: Table) -> Parts:
    return [[table[name]] for name in state["columns"]]


def _named(state: State, table: Table) -> Parts:
    return [[table[name]] * len(names) for name, names in zip(state["columns"], state["names"], strict=True)]


def _hashed(state: State, table: Table) -> Parts:
    return [[table[name]] * int(state["buckets"]) for name in state["columns"]]


def _dates(state: State, table: Table) -> Parts:
    parts = [[table[name]] * len(each) for name, each in zip(state["columns"], state["parts"], strict=True)]
    return [*parts, *([(table[first] + table[second]) / 2] for first, second in state["between"])]


def _text(state: State, table: Table) -> Parts:
    from .features.text import SURFACE

    return [[table[str(state["column"])]] * (len(state["components"]) + len(SURFACE))]


def _group(state: State, table: Table) -> Parts:
    return [[table[category], (table[category] + table[number]) / 2] for category, number in state["pairs"]]


def _arithmetic(state: State, found: Floats) -> Floats:
    new = [(found[int(first)] + found[int(second)]) / 2 for _, first, second in state["pairs"]]
    return np.vstack([found, *new])


def _fill(state: State, found: Floats) -> Floats:
    return np.vstack([found, found[np.asarray(state["indicators"], dtype=np.int64)]])


def _select(state: State, found: Floats) -> Floats:
    return found[np.asarray(state["columns"], dtype=np.int64)]


def _project(state: State, found: Floats) -> Floats:
    loadings = np.abs(np.asarray(state["components"], dtype=np.float64))
    total = loadings.sum(axis=1, keepdims=True)
    even = np.full_like(loadings, 1.0 / max(1, loadings.shape[1]))
    return np.asarray(np.where(total > 0, loadings / np.where(total > 0, total, 1.0), even) @ found)


def _same(state: State, found: Floats) -> Floats:
    return found


_APPENDING = {
    "dates": _dates, "encode": _named, "group": _group, "hashing": _hashed, "numbers": _one_each, "onehot": _named,
    "ordinal": _one_each, "text": _text,
}  # fmt: skip
"""Steps that append columns to the matrix, made of the table's."""

_REPLACING = {
    "arithmetic": _arithmetic, "fill": _fill, "project": _project, "quantile": _same, "scale": _same, "select": _select,
}  # fmt: skip
"""Steps over the matrix."""
