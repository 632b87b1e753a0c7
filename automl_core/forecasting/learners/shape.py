"""How many series there are, how long and of what kinds: what spaces, portfolios and choices of learners depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.forecasting.panel import Panel


@dataclass(frozen=True)
class Shape:
    """A panel to learn from.

    Attributes:
        series: how many.
        shortest: known values of the shortest one.
        median: known values of the one in the middle.
        longest: known values of the longest one.
        horizon: steps ahead that are asked for.
        seasons: lengths in steps, shortest first; empty: none.
        known: columns that are known ahead.
        positive: whether every value is above 0.
        intermittent: share of the series of which more than half of the values are 0.
    """

    series: int
    shortest: int
    median: int
    longest: int
    horizon: int
    seasons: tuple[int, ...] = ()
    known: int = 0
    positive: bool = True
    intermittent: float = 0.0

    @property
    def values(self) -> int:
        """About how many values there are in all."""
        return self.series * self.median

    @classmethod
    def of(cls, panel: Panel, horizon: int, seasons: Sequence[int] = ()) -> Shape:
        """The shape of a panel.

        Args:
            panel: to learn from.
            horizon: steps ahead.
            seasons: lengths in steps.
        """
        import numpy as np

        lengths, positive, many_zeros = [], True, 0
        for one in panel.series:
            known = one.values[np.isfinite(one.values)]
            lengths.append(len(known))
            positive = positive and bool((known > 0).all())
            many_zeros += bool(len(known) and np.mean(known == 0) > 0.5)
        count = len(lengths)
        return cls(
            series=count,
            shortest=min(lengths, default=0),
            median=int(np.median(lengths)) if lengths else 0,
            longest=max(lengths, default=0),
            horizon=horizon,
            seasons=tuple(int(each) for each in seasons if each > 1),
            known=len(panel.known),
            positive=positive,
            intermittent=many_zeros / count if count else 0.0,
        )
