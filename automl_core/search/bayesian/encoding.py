"""Combinations as rows of numbers that a Gaussian process can compare.

A row has one column a dimension of the space: a tunable parameter, or a part of one whose value is a list (whether an
option is a member; a number, and the length). A numeric column holds the point of the unit interval of
the *value* (so integers and grids sit on their own lattice: the kernel is taken over rounded
values, Garrido-Merchán & Hernández-Lobato 2020); a categorical column holds the option's index.
A parameter that is not active says nothing: its column takes one constant, the middle of the
interval or the index -1, whatever the combination, so two combinations without it never differ in it. So are the last
numbers of a list that is shorter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from automl_core.space import ListParameter, Parameter, Params, Space, Value
from automl_core.space.lists import APART, SortedListParameter, SubsetParameter

Array: TypeAlias = npt.NDArray[np.float64]
"""A float64 array."""
Indices: TypeAlias = npt.NDArray[np.intp]
"""An array of positions."""
Mask: TypeAlias = npt.NDArray[np.bool_]
"""An array of booleans."""

MIDDLE = 0.5
"""Numeric column of an inactive parameter."""
ABSENT = -1.0
"""Categorical column of an inactive parameter."""

_LATTICE = 2048  # whole-number and grid parameters with more values than this are searched as continuous
_USUAL = 256  # rows drawn to count the columns that are active
_DIGITS = 6  # rows are rounded to this, so that the last bits of a machine's BLAS don't reach the journal


class Encoding:
    """Rows for the combinations of one space, and back.

    Attributes:
        space: the space.
        numeric: columns of numeric parameters.
        categorical: columns of categorical parameters.
        continuous: columns that a gradient may move: floats, and grids with very many values.
        lattice: column → sorted rows of its values, for numeric parameters with few values.
        choices: column → indices of the options of a categorical parameter that may be drawn.
        subsets: columns of each subset whose size is limited: a move of one column may have to take another along.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._dims = space.dimensions
        self._column = {p.name: j for j, p in enumerate(self._dims)}
        self.numeric = np.array([j for j, p in enumerate(self._dims) if p.kind != "categorical"], dtype=np.intp)
        self.categorical = np.array([j for j, p in enumerate(self._dims) if p.kind == "categorical"], dtype=np.intp)
        self.choices = {
            int(j): np.flatnonzero(np.array(self._dims[j].weights) > 0).astype(np.float64) for j in self.categorical
        }
        self.lattice: dict[int, Array] = {}
        for j in self.numeric:
            values = self._few_values(self._dims[j])
            if values is not None:
                units = [self._dims[j].unit_of(v) for v in values]
                self.lattice[int(j)] = np.unique(np.round(units, 12))
        self.continuous = np.array([j for j in self.numeric if int(j) not in self.lattice], dtype=np.intp)
        self._rounded = [int(j) for j in self.continuous if self._dims[j].kind == "int" or self._dims[j].step]
        self._index = {int(j): {_identity(o): i for i, o in enumerate(self._dims[j].options)} for j in self.categorical}
        limited = [
            p for p in space.tunable if isinstance(p, SubsetParameter) and not (p.fewest == 0 and p.most == len(p.free))
        ]
        self.subsets = [self._columns_of(p) for p in limited]
        self._sizes = [(p.fewest, p.most) for p in limited]
        self._sorted = [(p, self._numbers_of(p)) for p in space.tunable if isinstance(p, SortedListParameter)]
        self._bounded = any(p.at_least or p.at_most for p in space.parameters)
        self._conditional = [p for p in self._dims if p.when]
        self._allowed = {p.name: self._conditions(p) for p in self._conditional}

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self._dims)

    @cached_property
    def usual_width(self) -> float:
        """Number of columns that are active in a combination, on average."""
        if not self._conditional:
            return float(self.width)
        rows = self.sample(_USUAL, np.random.default_rng(0))
        return float(self.active(rows).sum(axis=1).mean())

    def rows(self, combinations: Sequence[Mapping[str, Value]]) -> Array:
        """Rows of combinations, shape (len(combinations), width)."""
        combinations = [self.space.spread(params) for params in combinations]
        out = np.empty((len(combinations), self.width))
        for j, parameter in enumerate(self._dims):
            name = parameter.name
            known: dict[object, float] = {}
            index = self._index.get(j)
            empty = MIDDLE if index is None else ABSENT
            for i, params in enumerate(combinations):
                if name not in params:
                    out[i, j] = empty
                    continue
                value = params[name]
                if index is not None:
                    out[i, j] = index[_identity(value)]
                    continue
                unit = known.get(value)
                if unit is None:
                    unit = known[value] = parameter.unit_of(value)
                out[i, j] = unit
        return out

    def params(self, row: Array) -> Params:
        """The combination nearest to a row."""
        params: Params = {}
        for parameter in self.space.parameters:
            if not self.space.is_active(parameter, params):
                continue
            low, high = self.space.bounds(parameter, params)
            columns = self.space.ranges[parameter.name]
            if isinstance(parameter, ListParameter):
                parts = [self._value(column, row[column]) for column in range(columns.start, columns.stop)]
                params[parameter.name] = parameter.fit(parts, low, high) if parts else parameter.middle(low, high)
            elif columns.start == columns.stop:
                params[parameter.name] = parameter.value_at(MIDDLE, low, high)
            else:
                value = self._value(columns.start, row[columns.start])
                if parameter.kind in ("int", "float") and not low <= value <= high:  # type: ignore[operator]
                    value = parameter.value_at(0.0 if value < low else 1.0, low, high)  # type: ignore[operator]
                params[parameter.name] = value
        return params

    def _value(self, column: int, number: float) -> Value:
        """The value of a dimension, on its own."""
        dimension = self._dims[column]
        if dimension.kind == "categorical":
            index = int(number)
            return dimension.options[index if index >= 0 else int(self.choices[column][0])]
        return dimension.value_at(round(float(number), _DIGITS))

    def settle(self, rows: Array) -> Array:
        """Rows of the combinations nearest to these rows: on the lattice, inactive columns at their constants."""
        if self._bounded:
            return self.rows([self.params(row) for row in rows])
        rows = rows.copy()
        for j, units in self.lattice.items():
            rows[:, j] = units[_nearest(units, rows[:, j])]
        for j in self._rounded:
            parameter = self._dims[j]
            rows[:, j] = [parameter.unit_of(parameter.value_at(round(u, _DIGITS))) for u in rows[:, j].tolist()]
        for parameter in self._conditional:  # parents stand before their children
            column = self._column[parameter.name]
            inactive = ~self._active(parameter, rows)
            rows[inactive, column] = ABSENT if parameter.kind == "categorical" else MIDDLE
            if parameter.kind == "categorical":
                missing = ~inactive & (rows[:, column] < 0)
                rows[missing, column] = self.choices[column][0]
        apart = self._sort_lists(rows) & self._fit_sizes(rows)
        if not apart.all():  # few, and one by one
            rows[~apart] = self.rows([self.params(row) for row in rows[~apart]])
        return rows

    def _sort_lists(self, rows: Array) -> Mask:
        """Bring the numbers of each list into order. Returns in which rows they are far enough apart."""
        fitting = np.ones(len(rows), dtype=np.bool_)
        if not self._sorted:
            return fitting
        active = self.active(rows)
        for parameter, columns in self._sorted:
            numbers = np.sort(np.where(active[:, columns], rows[:, columns], np.inf), axis=1)
            if parameter.distinct:
                with np.errstate(invalid="ignore"):  # between numbers that are not there
                    fitting &= ~(np.diff(numbers, axis=1) < APART).any(axis=1)
            rows[:, columns] = np.where(np.isinf(numbers), MIDDLE, numbers)
        return fitting

    def _fit_sizes(self, rows: Array) -> Mask:
        """Which rows have subsets of an allowed size."""
        fitting = np.ones(len(rows), dtype=np.bool_)
        for columns, (fewest, most) in zip(self.subsets, self._sizes, strict=True):
            members = (rows[:, columns] == 1).sum(axis=1)
            fitting &= (rows[:, columns[0]] == ABSENT) | ((members >= fewest) & (members <= most))
        return fitting

    def _columns_of(self, parameter: Parameter) -> Indices:
        own = self.space.ranges[parameter.name]
        return np.arange(own.start, own.stop, dtype=np.intp)

    def _numbers_of(self, parameter: SortedListParameter) -> Indices:
        """The columns of a list's numbers, without that of its length."""
        return self._columns_of(parameter)[int(parameter.varies) :]

    def active(self, rows: Array) -> Mask:
        """Which parameters are active in settled rows, same shape as the rows."""
        mask = np.ones(rows.shape, dtype=np.bool_)
        for parameter in self._conditional:
            mask[:, self._column[parameter.name]] = self._active(parameter, rows)
        return mask

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Settled rows drawn from the distributions of the file, shape (count, width)."""
        rows = rng.random((count, self.width))
        for j, choices in self.choices.items():
            weights = np.array(self._dims[j].weights)[choices.astype(np.intp)]
            edges = np.cumsum(weights / weights.sum())
            rows[:, j] = choices[np.minimum(np.searchsorted(edges, rows[:, j], side="right"), len(choices) - 1)]
        return self.settle(rows)

    def _active(self, parameter: Parameter, rows: Array) -> Mask:
        mask = np.ones(len(rows), dtype=np.bool_)
        for columns, allowed in self._allowed[parameter.name]:
            if not columns:
                mask &= bool(allowed.size)
                continue
            mask &= (np.abs(rows[:, columns, None] - allowed) < 1e-9).any(axis=(1, 2))
            grandparent = self._dims[columns[0]]
            if grandparent.when and grandparent.kind != "categorical":  # MIDDLE may look like a value
                mask &= self._active(grandparent, rows)
        return mask

    def _conditions(self, parameter: Parameter) -> list[tuple[list[int], Array]]:
        """(columns of a parent, rows of the values that let the parameter exist in one of them) a condition."""
        result: list[tuple[list[int], Array]] = []
        for name, values in parameter.when.items():
            known = self.space.by_name.get(name)
            parent = known if known is not None else self._dims[self._column[name]]  # a list's length
            if isinstance(parent, SubsetParameter):
                result.append(self._condition_on(parent, values))
                continue
            column = self._column.get(name)
            fitting = [v for v in values if parent.check(v) is None]
            if column is None:  # a parent with one value
                only = parent.value_at(MIDDLE)
                result.append(([], np.ones(1) if only in fitting else np.empty(0)))
            elif parent.kind == "categorical":
                index = self._index[column]
                result.append(([column], np.array([index[_identity(v)] for v in fitting], dtype=np.float64)))
            else:
                units = np.array([parent.unit_of(v) for v in fitting], dtype=np.float64)
                result.append(([column], np.round(units, 12)))
        return result

    def _condition_on(self, parent: SubsetParameter, values: Sequence[Value]) -> tuple[list[int], Array]:
        """One of the values is a member."""
        start, stop = self.space.ranges[parent.name].start, self.space.ranges[parent.name].stop
        if start == stop:  # there is one subset
            only = parent.middle()
            return [], np.ones(1) if any(value in only for value in values) else np.empty(0)
        members = {_identity(parent.options[i]): start + place for place, i in enumerate(parent.free)}
        columns = [members[_identity(value)] for value in values if _identity(value) in members]
        return columns, np.ones(1) if columns else np.empty(0)

    @staticmethod
    def _few_values(parameter: Parameter) -> Sequence[Value] | None:
        if parameter.size is None or parameter.size > _LATTICE:
            return None
        return parameter.values_within(parameter.low, parameter.high)


def _identity(value: Value) -> tuple[bool, object]:
    """True and 1 are two options."""
    return isinstance(value, bool), value


def _nearest(sorted_values: Array, x: Array) -> Indices:
    right = np.clip(np.searchsorted(sorted_values, x), 1, max(len(sorted_values) - 1, 1))
    right = np.minimum(right, len(sorted_values) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(x - sorted_values[left] <= sorted_values[right] - x, left, right).astype(np.intp)
