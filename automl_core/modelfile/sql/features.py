"""What a model sees of rows, as expressions: the steps of `scoring.features`, one function each.

A matrix is a list of columns; what is missing is NULL. Steps whose result depends on letters of texts that training has
not seen (n-grams, hashes) have no SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sqlglot import exp

from automl_core.modelfile.scoring.features.base import LARGEST
from automl_core.modelfile.scoring.features.cross import name_of
from automl_core.modelfile.scoring.features.dates import DAY
from automl_core.modelfile.sql.calendar import Calendar
from automl_core.modelfile.sql.columns import Table
from automl_core.modelfile.sql.curves import middle
from automl_core.modelfile.sql.lookups import lookup
from automl_core.modelfile.sql.nodes import (
    Node,
    add,
    both,
    call,
    case,
    coalesce,
    compare,
    div,
    is_null,
    mul,
    number,
    sub,
    total,
)
from automl_core.modelfile.sql.program import Program
from automl_core.modelfile.sql.script import NotInSql

State = Mapping[str, Any]
Matrix = list[Node]
Step = Callable[[Program, Table, Matrix, State], Matrix]


def _numbers(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found: Matrix = []
    for name, fill in zip(state["columns"], np.asarray(state["fill"], dtype=np.float64).tolist(), strict=True):
        column: Node = table.numbers(str(name))
        if np.isfinite(fill):
            column = program.let(coalesce(column, number(fill)))
        found.append(column)
    return [*matrix, *found]


def _fill(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    values = np.asarray(state["values"], dtype=np.float64).tolist()
    filled = [
        column if np.isnan(value) else program.let(coalesce(column, number(value)))
        for column, value in zip(matrix, values, strict=True)
    ]
    gaps = [
        program.let(case([(is_null(matrix[place]), number(1))], number(0)))
        for place in np.asarray(state["indicators"], dtype=np.int64).tolist()
    ]
    return [*filled, *gaps]


def _scale(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found = list(matrix)
    columns = np.asarray(state["columns"], dtype=np.int64).tolist()
    sizes = (np.asarray(state[name], dtype=np.float64).tolist() for name in ("center", "scale", "low", "high"))
    for place, center, scale, low, high in zip(columns, *sizes, strict=True):
        scaled = program.let(div(sub(matrix[place], number(center)), number(scale)))
        found[place] = clipped(program, scaled, low, high)
    return found


def clipped(program: Program, column: Node, low: float, high: float) -> Node:
    """A number, or the nearest between two bounds, either of which may be infinite."""
    pairs = []
    if np.isfinite(low):
        pairs.append((compare(column, "<", number(low)), number(low)))
    if np.isfinite(high):
        pairs.append((compare(column, ">", number(high)), number(high)))
    return program.let(case(pairs, column.copy())) if pairs else column


def _quantile(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found = list(matrix)
    columns = np.asarray(state["columns"], dtype=np.int64).tolist()
    for place, knots in zip(columns, np.asarray(state["knots"], dtype=np.float64), strict=True):
        found[place] = program.let(middle(program.let(matrix[place]), knots, state["outputs"]))
    return found


def _select(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    return [matrix[place] for place in np.asarray(state["columns"], dtype=np.int64).tolist()]


def _arithmetic(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found: Matrix = []
    for sign, first, second in state["pairs"]:
        one, other = program.let(matrix[int(first)]), program.let(matrix[int(second)])
        found.append(program.let(_OPERATIONS[str(sign)](program, one, other)))
    return [*matrix, *found]


def _product(program: Program, first: Node, second: Node) -> Node:
    product = program.let(mul(first, second))
    within = both(compare(product, "<=", number(LARGEST)), compare(product, ">=", number(-LARGEST)))
    return case([(within, product.copy())])


def _ratio(program: Program, first: Node, second: Node) -> Node:
    """No division by what is 0 or too small: engines answer that with an error, NULL or infinity."""
    small = compare(call("ABS", first), "<=", mul(call("ABS", second), number(LARGEST)))
    return case([(both(compare(second, "<>", number(0)), small), div(first, second))])


_OPERATIONS: Mapping[str, Callable[[Program, Node, Node], Node]] = {
    "+": lambda program, first, second: add(first, second),
    "−": lambda program, first, second: sub(first, second),
    "×": _product,
    "÷": _ratio,
}


def _dates(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found: Matrix = []
    for name, parts in zip(state["columns"], state["parts"], strict=True):
        calendar = Calendar(program, table.numbers(str(name)))
        found += [calendar.part(str(each)) for each in parts]
    for first, second in state["between"]:
        passed = sub(table.numbers(str(second)), table.numbers(str(first)))
        found.append(program.let(div(passed, number(DAY))))
    return [*matrix, *found]


def _codes(program: Program, table: Table, name: str, levels: Any, values: Any) -> list[exp.Column]:
    """What a category's levels have.

    Args:
        program: gets it.
        table: has the category.
        name: of the category.
        levels: different texts.
        values: (n + 2, results), or (n + 2,) of one: of each level, of an unseen one, of a missing value.
    """
    columns = np.atleast_2d(np.asarray(values, dtype=np.float64).T).tolist()
    return [program.let(each) for each in lookup(program, table.category(name), list(levels), columns)]


def _ordinal(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    sources = zip(state["columns"], state["levels"], state["codes"], strict=True)
    return [
        *matrix,
        *(each for name, levels, codes in sources for each in _codes(program, table, str(name), levels, codes)),
    ]


def _onehot(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found: Matrix = []
    sources = zip(state["columns"], state["levels"], state["places"], state["names"], strict=True)
    for name, levels, places, names in sources:
        [place] = _codes(program, table, str(name), levels, places)
        found += [
            program.let(case([(compare(place, "=", number(each)), number(1))], number(0))) for each in range(len(names))
        ]
    return [*matrix, *found]


def _encode(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found: Matrix = []
    for name, levels, values in zip(state["columns"], state["levels"], state["values"], strict=True):
        found += _codes(program, table, str(name), levels, values)
    return [*matrix, *found]


def _group(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    found: Matrix = []
    for (category, name), levels, means in zip(state["pairs"], state["levels"], state["means"], strict=True):
        [usual] = _codes(program, table, str(category), levels, means)
        found += [usual, program.let(sub(table.numbers(str(name)), usual))]
    return [*matrix, *found]


def _cross(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    for first, second in state["pairs"]:
        table.cross(name_of(str(first), str(second)), str(first), str(second))
    return matrix


def _project(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    mean, components = (np.asarray(state[name], dtype=np.float64) for name in ("mean", "components"))
    centred = [program.let(sub(column, number(each))) for column, each in zip(matrix, mean.tolist(), strict=True)]
    return [
        program.let(total([mul(column, number(each)) for column, each in zip(centred, row.tolist(), strict=True)]))
        for row in components
    ]


def _hashing(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    names = ", ".join(map(str, state["columns"]))
    raise NotInSql(
        f"features: the hash of a category ({names}) is a CRC-32 of its text, which dialects have not: encode it "
        "another way"
    )


def _text(program: Program, table: Table, matrix: Matrix, state: State) -> Matrix:
    raise NotInSql(
        f"features: n-grams of the text {state['column']!r} have no SQL: leave the column out of the model's columns"
    )


STEPS: Mapping[str, Step] = {
    "arithmetic": _arithmetic, "cross": _cross, "dates": _dates, "encode": _encode, "fill": _fill, "group": _group,
    "hashing": _hashing, "numbers": _numbers, "onehot": _onehot, "ordinal": _ordinal, "project": _project,
    "quantile": _quantile, "scale": _scale, "select": _select, "text": _text,
}  # fmt: skip
"""A step's name → its expressions."""


def matrix_of(program: Program, table: Table, states: Any) -> Matrix:
    """The columns that a model reads.

    Args:
        program: gets what stands between.
        table: the table's columns; steps that add to it add to a copy.
        states: of the steps, in order.

    Raises:
        NotInSql: a step has no SQL.
    """
    table = table.copy()
    matrix: Matrix = []
    for state in states:
        name = str(state["step"])
        if name not in STEPS:
            raise NotInSql(f"features: the step {name!r} has no SQL; a later release wrote it")
        matrix = STEPS[name](program, table, matrix, state)
    return matrix


__all__ = ["STEPS", "Matrix", "clipped", "matrix_of"]
