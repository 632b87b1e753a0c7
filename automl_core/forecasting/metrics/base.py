"""What a metric of forecasts is: a name, a direction, and a value per series and for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Direction = Literal["minimize", "maximize"]

PerSeries = Callable[[Floats, Floats, Sequence[Floats], int], Floats]
"""``(actual (S, H), forecast (S, H), history, season) -> (S,)``, NaN where a series has no such value."""


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
        unit: whether the value is in the target's unit, and so sums over series of different sizes.
    """

    name: str
    direction: Direction
    source: str
    function: PerSeries = field(repr=False, compare=False)
    level: float | None = None
    unit: bool = False

    def per_series(self, actual: Floats, forecast: Floats, history: Sequence[Floats] = (), season: int = 1) -> Floats:
        """The value of each series.

        Args:
            actual: (S, H) what came; NaN where nothing did: such steps don't count.
            forecast: (S, H).
            history: S arrays, the values known when the forecast was made, for metrics that scale by them.
            season: steps of the season that scales (MASE, RMSSE); 1 for none.

        Returns:
            (S,), NaN where a series has no such value (nothing came, or what divides is 0).

        Raises:
            MetricError: shapes don't fit.
        """
        raise NotImplementedError

    def score(self, actual: Floats, forecast: Floats, history: Sequence[Floats] = (), season: int = 1) -> float:
        """The mean over the series that have a value; NaN where none has. See `per_series`."""
        raise NotImplementedError

    def as_loss(self, value: float) -> float:
        """A score so that lower is better; its own inverse."""
        return value if self.direction == "minimize" else -value
