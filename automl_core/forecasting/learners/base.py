"""What a learner of series is: parameters it takes, how it fits all series of a panel, what it leaves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.learners.fallback import naive
from automl_core.forecasting.learners.shape import Shape

if TYPE_CHECKING:
    from automl_core.forecasting.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Document = dict[str, Any]


class CannotFit(ValueError):
    """A learner can't learn from this panel at all, in words: a failed trial, never the end of a search."""


class Fitted(ABC):
    """What a fit has left for all series.

    Attributes:
        notes: name of a series → what was done in place of the learner's own, and why. Whoever forecasts a series that
            the fit has not seen adds to it.
        season: of what is forecast where the learner's own is not possible; 1: there is none.
        level: what is forecast of a series without any value.
        importing: seconds that the fit took to import its library, which the next one does not.
    """

    importing: float = 0.0

    def __init__(self, season: int = 1, level: float = 0.0) -> None:
        self.notes: dict[str, str] = {}
        self.season = max(1, season)
        self.level = level

    def forecast(self, panel: Panel, ends: Ints, horizon: int) -> Floats:
        """(S, H) forecasts of each series from its first `ends` values, parameters as fitted.

        Args:
            panel: series that were fitted, longer or shorter than then; and others.
            ends: (S,) values of each that are known; they may go on after those of the fit: states run forward, nothing
                is fitted again. Below 0: the series is not asked for, its forecasts are NaN.
            horizon: steps ahead, at least 1.
        """
        ends = np.asarray(ends, dtype=np.int64)
        found = np.full((len(ends), horizon), np.nan)
        asked = np.flatnonzero(ends > 0)
        if len(asked):
            found[asked] = self._forecast(panel, ends, asked, horizon)
        for place in np.flatnonzero((ends >= 0) & ~np.isfinite(found).all(axis=1)):
            one = panel.series[place]
            if ends[place] > 0:
                self.notes.setdefault(one.name, "the forecast was no number: seasonal naive")
            found[place] = naive(one.values[: ends[place]], horizon, self.season, self.level)
        return found

    @abstractmethod
    def _forecast(self, panel: Panel, ends: Ints, asked: Ints, horizon: int) -> Floats:
        """(len(asked), H) the learner's own forecasts; NaN where it has none and the fallback is to be taken.

        Args:
            panel: all series.
            ends: (S,) of all.
            asked: places of the series to forecast, each with at least one value.
            horizon: steps ahead.
        """

    def export(self) -> Document | None:
        """What the numpy scorer reads (`modelfile.scoring.series`); None where it can't do it."""
        return None


class Learner(ABC):
    """One kind of model for all series of a panel.

    Attributes:
        name: in parameters and reports.
        title: for people.
        defaults: its parameters where nobody searched, unprefixed, whatever the panel.
        optional: never in a search unless it is asked for.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    optional: ClassVar[bool] = False

    @abstractmethod
    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """What may be searched of it on a panel: parameters as under ``space:`` of a file, unprefixed."""

    def default(self, shape: Shape) -> dict[str, Any]:
        """All its parameters where nobody searched, unprefixed.

        Args:
            shape: of the panel.
        """
        return dict(self.defaults)

    def suits(self, shape: Shape) -> bool:
        """Whether it is worth a trial on a panel of this shape."""
        return True

    def portfolio(self, shape: Shape) -> list[dict[str, Any]]:
        """Parameters that are tried first, best first, unprefixed: what was good on other data.

        Args:
            shape: of the panel.
        """
        return [self.default(shape)]

    @abstractmethod
    def fit(
        self,
        panel: Panel,
        ends: Ints,
        *,
        params: Mapping[str, Any],
        horizon: int,
        seasons: Sequence[int],
        seed: int = 0,
        threads: int = 1,
        start: Fitted | None = None,
        deadline: float | None = None,
    ) -> Fitted:
        """Learn.

        Args:
            panel: all series.
            ends: (S,) how many of each one's first values may be seen; below 1: none, it is left out.
            params: unprefixed; what is left out has its default.
            horizon: steps ahead that will be asked for.
            seasons: lengths of seasons in steps, shortest first; empty: there is none.
            seed: with one thread, same seed, same model.
            threads: at most.
            start: what the same learner left with the same parameters on fewer or more values of these series: choices
                that it made are taken over (a form of ETS), only what follows is fitted anew.
            deadline: on the monotonic clock; series whose turn has not come by then get the fallback (see their notes).

        Raises:
            CannotFit: no series can be learned from.
        """

    def warm(self) -> None:  # noqa: B027 - a learner of numpy alone has nothing to import
        """Import its library, for processes that will be forked: starts no thread.

        Raises:
            ImportError: it is not there.
        """

    def settled(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters: those given, and the defaults of the others."""
        return {**self.defaults, **params}


def level_of(panel: Panel, ends: Ints) -> float:
    """The median of the series' medians: what is said of a series that has no value at all.

    Args:
        panel: all series.
        ends: (S,) how many values of each may be seen.
    """
    medians = []
    for one, end in zip(panel.series, ends, strict=True):
        values = one.values[: max(0, int(end))]
        values = values[np.isfinite(values)]
        if len(values):
            medians.append(float(np.median(values)))
    return float(np.median(medians)) if medians else 0.0
