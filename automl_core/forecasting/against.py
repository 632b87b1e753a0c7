"""Forecasts of a model's folder against what a table says came: errors, and how much of it the intervals held."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.metrics import coverage, find

if TYPE_CHECKING:
    from automl_core.modelfile.scoring.series.forecaster import Forecast, Forecaster
    from automl_core.modelfile.scoring.series.rows import Rows

Floats = NDArray[np.float64]

METRICS = (
    "mase", "rmsse", "smape", "normalized_root_mean_squared_error", "normalized_mean_absolute_error", "mae", "rmse",
)  # fmt: skip
"""Told of all series together; of each one `OF_EACH`."""

OF_EACH = ("mase", "smape", "mae", "rmse")


@dataclass(frozen=True)
class Against:
    """Forecasts, and what came.

    Attributes:
        forecast: from where the model's values ended.
        actual: (k, H), NaN where nothing came.
        history: of each series, what was known then, as far as the model and the table have it.
        first: slot of each history's first value.
        season: by which metrics scale.
    """

    forecast: Forecast
    actual: Floats
    history: tuple[Floats, ...]
    first: tuple[int, ...]
    season: int

    @property
    def came(self) -> int:
        """Values to compare with."""
        return int(np.count_nonzero(~np.isnan(self.actual)))

    def metrics(self, place: int | None = None) -> dict[str, float]:
        """Metric → its value, of all series or of one; those that have none are left out."""
        take = slice(None) if place is None else slice(place, place + 1)
        names = METRICS if place is None else OF_EACH
        found = {}
        for name in names:
            value = find(name).score(
                self.actual[take], self.forecast.values[take], self.history[take], self.season
            )  # fmt: skip
            if math.isfinite(value):
                found[name] = value
        return found

    def coverage(self, place: int | None = None) -> dict[float, float]:
        """Level → share of what came that its interval held; without those that have no bounds."""
        take = slice(None) if place is None else slice(place, place + 1)
        found = {}
        for rank, level in enumerate(self.forecast.levels):
            lower, upper = self.forecast.lower[rank, take], self.forecast.upper[rank, take]
            share = coverage(self.actual[take], lower, upper)
            if math.isfinite(share) and np.isfinite(lower).any():
                found[level] = share
        return found

    def as_json(self) -> dict[str, Any]:
        """All of it as plain data: of all series together, and of each that something came of."""
        each = [
            {
                "series": name,
                "values": int(np.count_nonzero(~np.isnan(self.actual[k]))),
                "metrics": self.metrics(k),
                "coverage": {f"{level:g}": share for level, share in self.coverage(k).items()},
            }
            for k, name in enumerate(self.forecast.names)
            if not np.isnan(self.actual[k]).all()
        ]
        share = {f"{level:g}": value for level, value in self.coverage().items()}
        return {"values": self.came, "series": len(each), "metrics": self.metrics(), "coverage": share, "each": each}


def compared(model: Forecaster, forecast: Forecast, rows: Rows | None, before: Mapping[str, Floats]) -> Against:
    """Lay what a table says beside forecasts.

    Args:
        model: whose forecasts they are; it may have been run on since.
        forecast: of some series.
        rows: of the table; None: only the histories are laid beside.
        before: series' name → the values that the model kept when it made the forecast, the last one at its `last`.
    """
    actual = np.full(forecast.values.shape, np.nan)
    histories, firsts = [], []
    for k, name in enumerate(forecast.names):
        last, kept = int(forecast.last[k]), before[name]
        first, told = last + 1 - len(kept), np.asarray(kept, dtype=np.float64)
        if rows is not None:
            part = rows.of_series(name)
            slots, values = rows.slot[part], rows.value[part]
            ahead = slots - last - 1
            take = (ahead >= 0) & (ahead < forecast.horizon)
            actual[k, ahead[take]] = values[take]
            old = slots < first
            if old.any():
                longer = np.full(first - int(slots[0]), np.nan)
                longer[slots[old] - int(slots[0])] = values[old]
                told, first = np.concatenate([longer, told]), int(slots[0])
        begin = int(np.argmax(~np.isnan(told))) if len(told) else 0
        histories.append(told[begin:])
        firsts.append(first + begin)
    return Against(forecast, actual, tuple(histories), tuple(firsts), model.season)


def kept(model: Forecaster, names: Sequence[str]) -> dict[str, Floats]:
    """Values that a model keeps of series, copied: what `compared` needs of the moment of a forecast."""
    return {name: model.history[model.place[name]].copy() for name in names}
