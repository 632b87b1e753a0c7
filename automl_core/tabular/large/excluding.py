"""Rows that a fit on all rows must leave out, so that the test part stays what nothing has learned from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.values import Field, read_column
from automl_core.tabular.guardrails.view import View, column_view
from automl_core.tabular.large.refit import Excluded
from automl_core.tabular.prepared import Prepared
from automl_core.tabular.structure import times as timing

Mask = NDArray[np.bool_]


def excluded_by(prepared: Prepared, positions: NDArray[np.int64]) -> Excluded | None:
    """What tells, of any piece, which rows belong to the test part's side; None where there is no test part.

    Of a test part of whole groups these are all rows of these groups; of one of the latest rows all that are as late;
    otherwise the very rows.

    Args:
        prepared: the sample.
        positions: (n,) which rows of all its rows are.
    """
    test = prepared.test[prepared.test < len(positions)]
    if not len(test):
        return None
    mine = np.sort(positions[test])
    group = prepared.options.group or (
        prepared.structure.get("group") if prepared.structure.get("kind") == "group" else None
    )
    columns = (prepared.options.time,) if prepared.options.time else tuple(prepared.structure.get("time_columns", ()))
    in_time = prepared.options.time is not None or prepared.structure.get("kind") == "time"
    if in_time and prepared.times is not None:
        first = float(np.nanmin(prepared.times[test]))
        if not columns:
            return lambda source, places: places >= mine[0]
        return lambda source, places: _moments(source, columns) >= first
    if group is not None and prepared.groups is not None:
        return _Groups(group, mine)
    return lambda source, places: np.isin(places, mine)


class _Groups:
    """Rows of groups that have a row in the test part: which ones, shows in a pass over the rows that come first."""

    def __init__(self, column: str, mine: NDArray[np.int64]) -> None:
        self.column, self.mine = column, mine
        self.texts: set[str] = set()

    def see(self, source: Any, places: NDArray[np.int64]) -> None:
        """Note the groups of the test part's rows among these."""
        rows = np.flatnonzero(np.isin(places, self.mine))
        if len(rows):
            codes, levels = source.column(self.column).coded()
            self.texts.update(levels[code] for code in np.unique(codes[rows]) if code >= 0)

    def __call__(self, source: Any, places: NDArray[np.int64]) -> Mask:
        codes, levels = source.column(self.column).coded()
        known = np.array([*(level in self.texts for level in levels), False])
        return np.asarray(known[codes] | np.isin(places, self.mine))


def _moments(source: Any, columns: tuple[str, ...]) -> NDArray[np.float64]:
    rows = np.arange(source.rows)
    views = []
    for name in columns:
        column = source.column(name)
        if column.type in ("integer", "number"):
            views.append(column_view(name, "number", column.numbers(), rows))
        elif len(columns) == 1:
            views.append(column_view(name, "time", read_column(column, Field(name, "time")), rows))
        else:
            views.append(column_view(name, "category", read_column(column, Field(name, "category")), rows))
    if len(views) == 1:
        return views[0].numbers
    made = timing.moments(View(source.rows, views, np.zeros(source.rows), 0, "", rows), columns)
    return np.full(source.rows, np.inf) if made is None else made
