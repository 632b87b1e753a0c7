"""What a model sees of rows: the steps of `scoring.features`, one function each, over (n, p) matrices of float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from automl_core.modelfile.onnx.calendar import Calendar
from automl_core.modelfile.onnx.curves import interpolated
from automl_core.modelfile.onnx.graph import ML, Graph
from automl_core.modelfile.onnx.problems import NotInOnnx
from automl_core.modelfile.scoring.features.base import LARGEST
from automl_core.modelfile.scoring.features.cross import BETWEEN, name_of
from automl_core.modelfile.scoring.features.dates import DAY

State = Mapping[str, Any]


@dataclass
class Table:
    """The table's columns as values of the graph.

    Attributes:
        numbers: name → (n, 1) numbers and times.
        texts: name → (n, 1) texts of categories, empty where missing.
        gaps: name → the text that says missing; empty for columns of the table.
    """

    numbers: dict[str, str]
    texts: dict[str, str]
    gaps: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Table:
        """For steps that add columns."""
        return Table(dict(self.numbers), dict(self.texts), dict(self.gaps))


def usable(graph: Graph, column: str) -> str:
    """A column of numbers: what is infinite is missing, what is beyond `LARGEST` ends there."""
    within = graph.clipped(column, -LARGEST, LARGEST)
    return graph.where(graph.add("IsInf", column), graph.constant(np.nan), within)


def _looked_up(graph: Graph, table: Table, name: str, levels: Sequence[str], values: Any) -> str:
    """(n, k) of (levels + 2, k) values: those of each row's level; the last two are an unseen level's and a gap's."""
    if name not in table.texts:
        raise NotInOnnx(f"features: the category {name!r} is no input of texts")
    if len(set(levels)) < len(levels) or "" in levels:
        raise NotInOnnx(f"features: levels of {name!r} that are empty or occur twice")
    keys = [*levels, table.gaps.get(name, "")]
    places = [*range(len(levels)), len(levels) + 1]
    flat = graph.add("Reshape", table.texts[name], graph.constant([-1], np.int64))
    place = graph.add(
        "LabelEncoder", flat, domain=ML, keys_strings=keys, values_int64s=places, default_int64=len(levels)
    )
    held = np.asarray(values, dtype=np.float64)
    return str(graph.add("Gather", graph.constant(held.reshape(len(levels) + 2, -1)), place, axis=0))


Matrix = str | None
Step = Callable[[Graph, Table, Matrix, State], Matrix]


def _with(graph: Graph, matrix: Matrix, columns: Sequence[str]) -> Matrix:
    there = [*([] if matrix is None else [matrix]), *columns]
    return graph.beside(there) if there else None


def _whole(matrix: Matrix) -> str:
    if matrix is None:
        raise NotInOnnx("features: a step over a matrix without columns")
    return matrix


def _filled(graph: Graph, values: str, fill: Any) -> str:
    fill = np.asarray(fill, dtype=np.float64)
    if not np.isfinite(fill).any():
        return values
    return graph.where(graph.add("IsNaN", values), graph.constant(fill), values)


def _numbers(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    columns = [table.numbers[str(name)] for name in state["columns"]]
    if not columns:
        return matrix
    return _with(graph, matrix, [_filled(graph, graph.beside(columns), state["fill"])])


def _fill(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    values, places = _whole(matrix), np.asarray(state["indicators"], dtype=np.int64)
    found = _filled(graph, values, state["values"])
    if not len(places):
        return found
    return graph.beside([found, graph.add("Cast", graph.add("IsNaN", graph.taken(values, places)), to=11)])


def _scale(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    places = np.asarray(state["columns"], dtype=np.int64)
    if not len(places):
        return matrix
    center, scale = (graph.constant(np.asarray(state[each], dtype=np.float64)) for each in ("center", "scale"))
    scaled = graph.add("Div", graph.add("Sub", graph.taken(_whole(matrix), places), center), scale)
    return _kept_places(graph, _whole(matrix), places, graph.clipped(scaled, state["low"], state["high"]))


def _kept_places(graph: Graph, matrix: str, places: Any, columns: str) -> str:
    """The matrix with some of its columns replaced, in their places."""
    rows = graph.add("Shape", columns)
    where = graph.add("Expand", graph.constant(np.asarray(places, dtype=np.int64)[None, :], np.int64), rows)
    return str(graph.add("ScatterElements", matrix, where, columns, axis=1))


def _quantile(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    places = np.asarray(state["columns"], dtype=np.int64)
    outputs = np.asarray(state["outputs"], dtype=np.float64)
    columns = []
    for place, knots in zip(places.tolist(), np.asarray(state["knots"], dtype=np.float64), strict=True):
        column = graph.taken(_whole(matrix), [place])
        upper = interpolated(graph, column, knots, outputs)
        lower = interpolated(graph, graph.add("Neg", column), -knots[::-1], -outputs[::-1])
        columns.append(graph.add("Div", graph.add("Sub", upper, lower), graph.constant(2.0)))
    return _kept_places(graph, _whole(matrix), places, graph.beside(columns)) if columns else matrix


def _select(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    places = np.asarray(state["columns"], dtype=np.int64)
    return graph.taken(_whole(matrix), places) if len(places) else None


def _arithmetic(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    columns = []
    for sign, first, second in state["pairs"]:
        one, other = (graph.taken(_whole(matrix), [int(each)]) for each in (first, second))
        found = graph.add({"+": "Add", "−": "Sub", "×": "Mul", "÷": "Div"}[str(sign)], one, other)
        if sign in "×÷":
            within = graph.add("LessOrEqual", graph.add("Abs", found), graph.constant(LARGEST))
            found = graph.where(within, found, graph.constant(np.nan))
        columns.append(found)
    return _with(graph, matrix, columns)


def _ordinal(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    sources = zip(state["columns"], state["levels"], state["codes"], strict=True)
    return _with(graph, matrix, [_looked_up(graph, table, str(name), levels, codes) for name, levels, codes in sources])


def _onehot(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    columns = []
    for name, levels, places, names in zip(
        state["columns"], state["levels"], state["places"], state["names"], strict=True
    ):
        ones = np.zeros((len(levels) + 2, len(names) + 1))
        ones[np.arange(len(ones)), np.asarray(places, dtype=np.int64)] = 1.0
        if len(names):
            columns.append(_looked_up(graph, table, str(name), levels, ones[:, :-1]))
    return _with(graph, matrix, columns)


def _encode(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    sources = zip(state["columns"], state["levels"], state["values"], strict=True)
    return _with(
        graph, matrix, [_looked_up(graph, table, str(name), levels, values) for name, levels, values in sources]
    )


def _group(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    columns = []
    for (category, name), levels, means in zip(state["pairs"], state["levels"], state["means"], strict=True):
        usual = _looked_up(graph, table, str(category), levels, means)
        columns += [usual, graph.add("Sub", table.numbers[str(name)], usual)]
    return _with(graph, matrix, columns)


def _cross(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    for first, second in state["pairs"]:
        name, between = name_of(str(first), str(second)), graph.texts([[BETWEEN]])
        one = graph.add("StringConcat", table.texts[str(first)], between)
        table.texts[name] = graph.add("StringConcat", one, table.texts[str(second)])
        table.gaps[name] = BETWEEN
    return matrix


def _project(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    mean, components = (np.asarray(state[name], dtype=np.float64) for name in ("mean", "components"))
    centred = graph.add("Sub", _whole(matrix), graph.constant(mean))
    return str(graph.add("MatMul", centred, graph.constant(components.T)))


def _dates(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    columns = []
    for name, parts in zip(state["columns"], state["parts"], strict=True):
        calendar = Calendar(graph, table.numbers[str(name)])
        columns += [calendar.parts[str(each)]() for each in parts]
    for first, second in state["between"]:
        passed = graph.add("Sub", table.numbers[str(second)], table.numbers[str(first)])
        columns.append(graph.add("Div", passed, graph.constant(DAY)))
    return _with(graph, matrix, columns)


def _hashing(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    raise NotInOnnx(f"features: ONNX has no CRC-32, by which {', '.join(map(str, state['columns']))} is hashed")


def _text(graph: Graph, table: Table, matrix: Matrix, state: State) -> Matrix:
    raise NotInOnnx(f"features: n-grams of the text {state['column']!r}")


STEPS: Mapping[str, Step] = {
    "arithmetic": _arithmetic, "cross": _cross, "dates": _dates, "encode": _encode, "fill": _fill, "group": _group,
    "hashing": _hashing, "numbers": _numbers, "onehot": _onehot, "ordinal": _ordinal, "project": _project,
    "quantile": _quantile, "scale": _scale, "select": _select, "text": _text,
}  # fmt: skip
"""A step's name → its nodes."""


def matrix_of(graph: Graph, table: Table, states: Sequence[State]) -> str:
    """The (n, p) matrix that a model reads.

    Raises:
        NotInOnnx: a step has no graph, or no column is left.
    """
    table, matrix = table.copy(), None
    for state in states:
        name = str(state["step"])
        if name not in STEPS:
            raise NotInOnnx(f"features: the step {name!r}; a later release wrote it")
        matrix = STEPS[name](graph, table, matrix, state)
    return _whole(matrix)
