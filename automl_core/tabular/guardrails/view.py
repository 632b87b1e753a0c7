"""What all checks look at: the columns of a frame once as numbers and codes, of a sample of its rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.times import seconds_of
from automl_core.tabular.guardrails.quick import BINS, Bins, binned, binned_codes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROWS = 20_000
"""Rows that are looked at; of more a sample, in the file's order."""


@dataclass
class ColumnView:
    """One column.

    Attributes:
        name: its name.
        kind: ``number``, ``category``, ``text`` or ``time``.
        numbers: (n,) its values; codes of categories as they come; NaN for missing.
        levels: the texts of a category's codes.
        texts: of a category that is looked at as moments here, its texts: it is learned as a category all the same.
    """

    name: str
    kind: str
    numbers: Floats
    levels: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether its values are quantities or times."""
        return self.kind in ("number", "time")

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """(n,) where a value is."""
        return ~np.isnan(self.numbers)

    @cached_property
    def _coded(self) -> tuple[Ints, Floats]:
        codes = np.full(len(self.numbers), -1, dtype=np.int64)
        values, inverse = np.unique(self.numbers[self.there], return_inverse=True)
        codes[self.there] = inverse.reshape(-1)
        return codes, values

    @property
    def codes(self) -> Ints:
        """(n,) the position of each row's value among `values`; -1 for missing."""
        return self._coded[0]

    @property
    def values(self) -> Floats:
        """(k,) the different values that occur, in order."""
        return self._coded[1]

    @property
    def distinct(self) -> int:
        """How many different values occur."""
        return len(self.values)

    @cached_property
    def counts(self) -> Ints:
        """(k,) how often each of `values` occurs."""
        return np.bincount(self.codes[self.there], minlength=self.distinct)

    @cached_property
    def whole(self) -> bool:
        """Whether all its numbers are whole."""
        known = self.numbers[self.there]
        return self.numeric and len(known) > 0 and bool(np.all(known == np.floor(known)))

    @cached_property
    def bins(self) -> Bins:
        """(n,) for the quick model."""
        return binned(self.numbers) if self.numeric else binned_codes(self.codes)

    def text(self, code: int) -> str:
        """A value as people read it."""
        value = self.values[code]
        if self.levels:
            return self.levels[int(value)]
        return str(np.datetime64(int(value), "s")) if self.kind == "time" else f"{value:g}"


@dataclass
class View:
    """A table and its target.

    Attributes:
        rows: how many there are in all.
        columns: the features.
        target: (n,) numbers, or positions of classes.
        classes: how many classes; 0 for a regression.
        taken: (n,) which rows of the table these are.
    """

    rows: int
    columns: list[ColumnView]
    target: Floats
    classes: int
    target_name: str
    taken: Ints
    weights: Floats | None = None
    class_names: tuple[str, ...] = ()
    roles: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Rows that are looked at."""
        return len(self.target)

    @cached_property
    def outcomes(self) -> Floats:
        """(n, q) the target as columns of mean 0 and deviation 1: itself, or its three most frequent classes."""
        if not self.classes:
            columns = [clipped(self.target)]
        else:
            codes = self.target.astype(np.int64)
            frequent = np.argsort(-np.bincount(codes, minlength=self.classes), kind="stable")
            columns = [(codes == which).astype(np.float64) for which in frequent[: 1 if self.classes == 2 else 3]]
        made = [(values - values.mean()) / (values.std() or 1.0) for values in columns]
        return np.stack(made, axis=1)

    def matrix(self, columns: list[ColumnView], rows: Ints | None = None) -> Bins:
        """(n, p) columns for the quick model."""
        if not columns:
            return np.zeros((self.count if rows is None else len(rows), 0), dtype=np.int64)
        made = np.stack([column.bins for column in columns], axis=1)
        return made if rows is None else made[rows]

    def column(self, name: str) -> ColumnView:
        """The column of a name."""
        return next(column for column in self.columns if column.name == name)


def view(
    frame: Any, schema: Any, y: NDArray[Any], problem: Any, *, weights: Floats | None = None, rows: int = ROWS,
    roles: dict[str, str] | None = None, seed: int = 0,
) -> View:  # fmt: skip
    """A table as the checks see it.

    Args:
        frame: the features; the target among them is passed over.
        schema: the kinds of its columns.
        y: (n,) numbers, or positions of classes.
        problem: what is predicted.
        weights: (n,) rows of weight 0 are passed over.
        rows: how many to look at.
        roles: what columns are for, name → ``group``, ``time``, ``weight``, ``id``.
        seed: decides which rows are looked at.
    """
    truth = np.asarray(y, dtype=np.float64)
    usable = np.isfinite(truth) if weights is None else np.isfinite(truth) & (np.asarray(weights) > 0)
    taken = np.flatnonzero(usable)
    if len(taken) > rows:
        taken = np.sort(np.random.default_rng(seed).choice(taken, rows, replace=False))
    kinds = {one.name: str(one.kind) for one in schema.fields}
    columns = [
        column_view(name, kinds.get(name, "number"), column, taken)
        for name, column in frame.columns.items()
        if name != problem.target
    ]
    classification = problem.kind != "regression"
    return View(
        frame.n, columns, truth[taken], len(problem.classes) if classification else 0, problem.target, taken,
        None if weights is None else np.asarray(weights, dtype=np.float64)[taken],
        tuple(problem.classes) if classification else (), roles or {},
    )  # fmt: skip


def column_view(name: str, kind: str, column: Any, rows: Ints) -> ColumnView:
    """A column of a frame, of some rows."""
    if hasattr(column, "codes"):
        codes = np.asarray(column.codes)[rows]
        levels = tuple(column.levels)
        moments = moments_of(levels) if kind != "time" else None
        if moments is not None:
            return ColumnView(name, "time", np.append(moments, np.nan)[codes], texts=levels)
        return ColumnView(name, kind, np.where(codes < 0, np.nan, codes.astype(np.float64)), levels)
    numbers = np.asarray(column, dtype=np.float64)[rows]
    # what is infinite is missing to all features, and would make each figure here none
    return ColumnView(name, kind, np.where(np.isinf(numbers), np.nan, numbers))


_QUARTER = re.compile(r"(\d{4})[ -]?Q([1-4])")
_YEAR_MONTH = re.compile(r"(\d{4})[ /-]?([A-Za-z]{3})[a-z]*")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})")
MONTHS_OF_YEAR = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
    "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip


def moments_of(levels: tuple[str, ...]) -> Floats | None:
    """Texts as seconds since 1970 UTC, where all of them are dates; None otherwise.

    ISO dates and times, quarters (``1970 Q1``) and months (``1970 Jan``).
    """
    if len(levels) < 5 or not any(letter.isdigit() for letter in levels[0]):
        return None
    made = np.empty(len(levels))
    for place, level in enumerate(levels):
        moment = _moment(level)
        if moment is None:
            return None
        made[place] = moment
    return made


def _moment(text: str) -> float | None:
    quarter = _QUARTER.fullmatch(text)
    if quarter:
        return _first_of(int(quarter[1]), 3 * int(quarter[2]) - 2)
    month = _YEAR_MONTH.fullmatch(text)
    if month and month[2].lower() in MONTHS_OF_YEAR:
        return _first_of(int(month[1]), MONTHS_OF_YEAR[month[2].lower()])
    slashed = _SLASHED.fullmatch(text)
    if slashed:
        # month before day, as where such dates are written; a first part above 12 is the day
        one, other, year = int(slashed[1]), int(slashed[2]), int(slashed[3])
        month_number, day = (one, other) if one <= 12 else (other, one)
        if len(slashed[3]) == 2:
            year += 1900 if year >= 70 else 2000
        return _first_of(year, month_number) + 86_400.0 * (day - 1) if 1 <= month_number <= 12 else None
    if len(text) < 8 or text.isdigit():
        return None
    try:
        return seconds_of(text)
    except ValueError:
        return None


def _first_of(year: int, month: int) -> float:
    return float(np.datetime64(f"{year:04d}-{month:02d}-01", "s").astype(np.int64))


def clipped(values: Floats) -> Floats:
    """Numbers without the last thousandth on either side, so that one row decides nothing."""
    if len(values) < 50:
        return values
    low, high = np.quantile(values, [0.001, 0.999])
    return np.clip(values, low, high)


__all__ = ["BINS", "MONTHS_OF_YEAR", "ROWS", "ColumnView", "View", "clipped", "column_view", "view"]


def view_of_features(frame: Any, schema: Any, problem: Any, *, rows: int = ROWS) -> View:
    """Rows whose target is not known, as the checks see them."""
    return view(frame, schema, np.zeros(frame.n), _Nothing(problem.target), rows=rows)


@dataclass(frozen=True)
class _Nothing:
    """A problem of which only the target's name is known."""

    target: str
    kind: str = "regression"
    classes: tuple[str, ...] = ()
