"""Times as numbers: the parts that vary."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.features.dates import DAY, part
from automl_core.tabular.features.base import Rows, Transformer

CALENDAR = ("days", "year", "month", "day", "weekday", "hour", "minute")
"""Parts that trees cut well."""
CYCLIC = ("year sin", "year cos", "week sin", "week cos", "day sin", "day cos")
"""Parts in which December is beside January."""
MOST_PAIRS = 6


class Dates(Transformer):
    """Parts of the calendar, where in the year, the week and the day, and the days between times of one row."""

    def __init__(self, columns: Sequence[str], *, cyclic: bool = True) -> None:
        self.columns, self.parts = columns, (*CALENDAR, *CYCLIC) if cyclic else CALENDAR

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn which parts vary."""
        columns, parts = [], []
        for name in self.columns:
            seconds = rows.work.numbers(name)
            known = seconds[np.isfinite(seconds)]
            if not len(known):
                continue
            whole_days = not np.any(known % DAY)
            varying = [
                each for each in self.parts
                if not (whole_days and each.startswith("day ")) and np.ptp(part(each, known)) > 1e-9
            ]  # fmt: skip
            if varying:
                columns.append(name)
                parts.append(varying)
        if not columns:
            return None
        between = [list(pair) for pair in combinations(columns, 2)][:MOST_PAIRS]
        return {"step": "dates", "columns": columns, "parts": parts, "between": between}
