"""What a metric of forecasts is: a name, a direction, and a value per series and for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.metrics.history import Histories

Floats = NDArray[np.float64]
Direction = Literal["minimize", "maximize"]

PerSeries = Callable[[Floats, Floats, Histories, int], Floats]
"""``(actual (S, H), forecast (S, H), histories, season) -> (S,)``: NaN where a series has no such value. ``actual`` and
``forecast`` are NaN where nothing came."""


class MetricError(ValueError):
    """There is no such metric, or what it was given has not the shape it takes; says what is allowed."""


@dataclass(frozen=True)
class Metric:
    """A measure of forecasts against what came.

    Attributes:
        name: as users write it.
        direction: which value is better.
        source: where the formula is from.
        function: computes it per series, see `PerSeries`.
        level: the quantile that a forecast should be; None: forecasts are of the middle.
        unit: whether the value is in the target's unit, so that large series weigh more.
        pooled: whether `score` takes all series' values together, as Azure does; else it is the series' mean.
    """

    name: str
    direction: Direction
    source: str
    function: PerSeries = field(repr=False, compare=False)
    level: float | None = None
    unit: bool = False
    pooled: bool = False

    def per_series(
        self, actual: Floats, forecast: Floats, history: Sequence[Floats] | Histories = (), season: int = 1
    ) -> Floats:
        """The value of each series.

        Args:
            actual: (S, H) what came; NaN where nothing did: such steps don't count.
            forecast: (S, H).
            history: S arrays, the values known when the forecast was made, for metrics that scale by them. Made a
                `Histories` once where many forecasts are measured.
            season: steps of the season that scales (MASE); 1 for none.

        Returns:
            (S,), NaN where a series has no such value: nothing came, what divides is 0, or a forecast is missing.

        Raises:
            MetricError: shapes don't fit.
        """
        actual, forecast, histories, missing = self._checked(actual, forecast, history, season)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = np.asarray(self.function(actual, forecast, histories, season), dtype=np.float64)
        return np.where(missing | ~np.isfinite(found), np.nan, found)

    def score(
        self, actual: Floats, forecast: Floats, history: Sequence[Floats] | Histories = (), season: int = 1
    ) -> float:
        """The value of all: the mean over the series that have one, or of all values together (`pooled`).

        NaN where no series has one, and where a forecast is missing of something that came: a metric that passed over
        what could not be forecast would reward it. Arguments as in `per_series`.

        Raises:
            MetricError: shapes don't fit.
        """
        actual, forecast, histories, missing = self._checked(actual, forecast, history, season)
        if missing.any():
            return math.nan
        if self.pooled:
            actual, forecast, histories = actual.reshape(1, -1), forecast.reshape(1, -1), Histories.of([np.empty(0)])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = np.asarray(self.function(actual, forecast, histories, season), dtype=np.float64)
        found = found[np.isfinite(found)]
        return float(found.mean()) if len(found) else math.nan

    def as_loss(self, value: float) -> float:
        """A score so that lower is better; its own inverse."""
        return value if self.direction == "minimize" else -value

    def reached(self, value: float, wanted: float) -> bool:
        """Whether a value is at least as good as the one that is wanted (``exit_score``)."""
        return self.as_loss(value) <= self.as_loss(wanted)

    def _checked(
        self, actual: Floats, forecast: Floats, history: Sequence[Floats] | Histories, season: int
    ) -> tuple[Floats, Floats, Histories, NDArray[np.bool_]]:
        actual, forecast = np.asarray(actual, dtype=np.float64), np.asarray(forecast, dtype=np.float64)
        if actual.ndim != 2 or actual.shape != forecast.shape:
            raise MetricError(
                f"{self.name} takes what came and forecasts of one shape (series, steps); "
                f"found {actual.shape} and {forecast.shape}"
            )
        if season < 1:
            raise MetricError(f"{self.name}: found a season of {season}; allowed: 1 or more steps")
        histories = history if isinstance(history, Histories) else Histories.of(history)
        if not len(histories):
            histories = Histories.of([np.empty(0)] * len(actual))
        if len(histories) != len(actual):
            raise MetricError(f"{self.name}: found {len(histories)} histories of {len(actual)} series")
        came = ~np.isnan(actual)
        missing: NDArray[np.bool_] = np.any(came & ~np.isfinite(forecast), axis=1)
        kept: Floats = np.where(came, forecast, np.nan)
        return actual, kept, histories, missing


def mean(values: Floats) -> Floats:
    """Mean of each row (S,) over the steps that came; NaN where none did."""
    came = ~np.isnan(values)
    found: Floats = np.where(came, values, 0.0).sum(axis=1) / came.sum(axis=1)
    return found
