"""Columns with a role: the target, weights, groups and times, read from any source of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import Column, Source, UnreadableValue, were_texts
from automl_core.modelfile.scoring.values import Coded, Field, SchemaError, read_column
from automl_core.tabular.forms import form_of, is_number
from automl_core.tabular.metrics import MetricError, find
from automl_core.tabular.options import Options
from automl_core.tabular.problem import Kind, Problem, ordered
from automl_core.training.problems import TrainingError, nearest

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

OWN_CLASS = 30
"""Rows from which on a target with another text in most of them is refused: no class could be learned."""

FEW_VALUES = 20
"""A target of whole numbers with at most so many different ones is of classes, where the task is not said."""


@dataclass(frozen=True)
class Target:
    """A target as it is learned.

    Attributes:
        problem: its kind, classes and metric.
        y: (n,) positions of classes (int64) or numbers (float64); of rows without a target something, see `known`.
        known: (n,) whether a row has a target.
        why: how the kind was decided, in words; empty where the user said it.
    """

    problem: Problem
    y: NDArray[Any]
    known: NDArray[np.bool_]
    why: str = ""


def require(source: Source, name: str, role: str) -> None:
    """Refuse a column that isn't there, or is there twice.

    Raises:
        TrainingError: names the nearest that is.
    """
    if name not in source.names:
        raise TrainingError(f"{role}: the rows have no column {name!r}{nearest(name, source.names)}")
    if source.names.count(name) > 1:
        raise TrainingError(f"{role}: the rows have the column {name!r} {source.names.count(name)} times")


def target_of(source: Source, options: Options, weights: Floats | None = None) -> Target:
    """Read the target and decide what is to be predicted.

    Args:
        source: rows.
        options: task, target and metric.
        weights: (n,); classes of rows without weight alone are no classes to learn, yet they are known.

    Raises:
        TrainingError: no such column, no row with a target, texts where numbers are wanted, or an unfit metric.
    """
    require(source, options.target, "target")
    column = source.column(options.target)
    codes, levels = column.coded()
    if not (codes >= 0).any():
        raise TrainingError(f"target: the column {options.target!r} has no value in any of {source.rows:,} rows")
    kind, why = _kind(options, column.type, levels)
    if kind == "regression":
        return _numbers(column, options, why, weights)
    if column.type == "string":
        why = _of_texts(options, codes, levels) or why
    # levels of a frame may be of more rows than these: classes are what occurs
    occurring = np.unique(codes[codes >= 0])
    classes = ordered(levels[each] for each in occurring)
    places = {text: place for place, text in enumerate(classes)}
    table = np.array([*(places.get(level, -1) for level in levels), -1], dtype=np.int64)
    y = table[codes]
    actual: Kind = "multiclass" if len(classes) > 2 else "binary"
    if options.task in ("binary", "multiclass"):
        if options.task == "binary" and len(classes) > 2:
            raise TrainingError(f"task: binary, but {options.target!r} has {len(classes)} classes: {_some(classes)}")
        actual = "binary" if options.task == "binary" else "multiclass"
    if len(classes) == 1:
        # a class that nobody saw keeps probabilities two columns wide; the model says the one class, with its reason
        why = f"all rows are of the class {classes[0]!r}, so there is nothing to learn"
        actual = "multiclass"
    try:
        metric = find(options.metric, actual, classes=classes, direction=options.direction, needs=options.needs)
    except MetricError as error:
        raise TrainingError(f"metric: {error}") from None
    return Target(Problem(actual, options.target, classes, metric), y, y >= 0, why)


def _kind(options: Options, type_: str, levels: tuple[str, ...]) -> tuple[str, str]:
    if options.task == "regression":
        return "regression", ""
    if options.task != "auto":
        return "classes", ""
    if type_ not in ("integer", "number") or len(levels) < 2:
        return "classes", f"the target's values are of type {type_}"
    whole = all("." not in each and "e" not in each for each in levels)
    if whole and len(levels) <= FEW_VALUES:
        return "classes", f"the target has {len(levels)} different whole numbers"
    return "regression", f"the target has {len(levels):,} different numbers"


def _of_texts(options: Options, codes: NDArray[Any], levels: tuple[str, ...]) -> str:
    """What is to be said of texts as classes; empty where they are usual ones.

    Raises:
        TrainingError: most rows have a class of their own, so nothing could be learned; says what they seem to be.
    """
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    used = [level for level, count in zip(levels, counts.tolist(), strict=True) if count]
    known, name = int(counts.sum()), options.target
    others = [level for level in used if not is_number(level)]
    numbers = len(used) - len(others)
    among = ""
    if others and numbers > FEW_VALUES and len(others) <= 0.1 * len(used):
        marks = set(others)
        odd = np.array([*(level in marks for level in levels), False])[codes]  # a missing one has the code -1
        first, rows = int(np.flatnonzero(odd)[0]), int(odd.sum())
        among = (
            f"{name!r} is numbers but for {_some(tuple(others))} ({rows:,} of {known:,} rows, the first is row {first})"
            "; for a regression leave such cells empty"
        )
    if known < OWN_CLASS or int((counts == 1).sum()) <= known / 2:
        return f"the target's values are of type string: {among}" if among else ""
    many = f"As classes there would be {len(used):,} of them in {known:,} rows"
    if among:
        raise TrainingError(f"target: {among}. {many}")
    form = form_of(used)
    if form is not None or not others:
        plain = "plain numbers, with a point and without unit or separator"
        raise TrainingError(
            f"target: {name!r} is {form or 'numbers'} in a form that is not read as such ({_some(tuple(used[:3]))}); "
            f"write {'days since a first one' if form == 'dates' else plain}. {many}"
        )
    raise TrainingError(f"target: {name!r} has another text in most rows, of which nothing could be learned. {many}")


def _numbers(column: Any, options: Options, why: str, weights: Floats | None) -> Target:
    try:
        y = column.numbers()
    except UnreadableValue as error:
        raise TrainingError(
            f"target: a regression needs numbers; {options.target!r} has {error.value!r} in row {error.row}"
        ) from None
    known = np.isfinite(y)
    if not known.any():
        raise TrainingError(f"target: the column {options.target!r} has no finite number")
    try:
        metric = find(options.metric, "regression", direction=options.direction, needs=options.needs)
    except MetricError as error:
        raise TrainingError(f"metric: {error}") from None
    metric = metric.scaled(y[known], None if weights is None else weights[known])
    return Target(Problem("regression", options.target, (), metric), np.where(known, y, 0.0), known, why)


def y_of(source: Source, problem: Problem) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The target of other rows by a problem that is settled: (y, whether it is known); unknown classes are not."""
    require(source, problem.target, "target")
    column = source.column(problem.target)
    if problem.kind == "regression":
        try:
            y = column.numbers()
        except UnreadableValue as error:
            raise TrainingError(f"target: {error} is no number") from None
        known = np.isfinite(y)
        return np.where(known, y, 0.0), known
    codes, levels = column.coded()
    places = {text: place for place, text in enumerate(problem.classes)}
    table = np.array([*(places.get(level, -1) for level in levels), -1], dtype=np.int64)
    found = table[codes]
    return found, found >= 0


def weights_of(source: Source, name: str | None) -> Floats | None:
    """(n,) weights of rows; None where there are none.

    Raises:
        TrainingError: one is missing, negative or no number, or none is above 0.
    """
    if name is None:
        return None
    require(source, name, "weight")
    try:
        weights = source.column(name).numbers()
    except UnreadableValue as error:
        raise TrainingError(f"weight: {name!r} has {error.value!r} in row {error.row}, which is no number") from None
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        value = weights[bad[0]]
        what = "is missing" if np.isnan(value) else f"is {value:g}"
        raise TrainingError(f"weight: {name!r} {what} in row {bad[0]} ({bad.size:,} such rows); allowed: 0 and above")
    if not (weights > 0).any():
        raise TrainingError(f"weight: {name!r} is 0 in every row: nothing can be learned")
    return np.asarray(weights, dtype=np.float64)


def groups_of(source: Source, name: str | None) -> Codes | None:
    """(n,) codes of groups; a row without one is a group of its own. None where there are none."""
    if name is None:
        return None
    require(source, name, "group")
    codes, levels = source.column(name).coded()
    found = codes.astype(np.int64)
    missing = found < 0
    found[missing] = len(levels) + np.arange(int(missing.sum()))
    return found


def times_of(source: Source, name: str | None) -> Floats | None:
    """(n,) moments as numbers that grow with time, NaN where unknown. None where there are none.

    Raises:
        TrainingError: a value is neither a time nor a number.
    """
    if name is None:
        return None
    require(source, name, "time")
    column = source.column(name)
    try:
        if column.type in ("integer", "number"):
            return np.asarray(column.numbers(), dtype=np.float64)
        found = read_column(column, Field(name, "time"))
    except (SchemaError, UnreadableValue) as error:
        raise TrainingError(f"time: {error}") from None
    assert not isinstance(found, Coded)
    return np.asarray(found, dtype=np.float64)


def _some(classes: tuple[str, ...]) -> str:
    return ", ".join(map(repr, classes[:8])) + (", …" if len(classes) > 8 else "")


def narrowed(source: Source, names: list[str], rows: Codes | None = None) -> Source:
    """Some columns and rows of a source; None: all rows."""
    if rows is None:
        return Source(source.rows, names, source.column)
    return Source(len(rows), names, lambda name: _Taken(source.column(name), rows))


class _Taken:
    """A column's values in some rows."""

    def __init__(self, column: Column, rows: Codes) -> None:
        self._column, self._rows = column, rows
        self.type, self.texts = column.type, were_texts(column)

    def numbers(self) -> Floats:
        """As the column's own, of these rows."""
        return np.asarray(self._column.numbers()[self._rows])

    def seconds(self) -> Floats:
        """As the column's own, of these rows."""
        return np.asarray(self._column.seconds()[self._rows])

    def coded(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        """As the column's own, of these rows."""
        codes, levels = self._column.coded()
        return codes[self._rows], levels
