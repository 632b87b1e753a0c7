"""Rolling origins: the dates at which a forecast is made and then compared with what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from automl_core.forecasting.finding import SeriesFinding
from automl_core.forecasting.panel import Integers, Panel


@dataclass(frozen=True)
class Origins:
    """When forecasts are made, and what of each series is known then.

    Attributes:
        ends: (O, S) how many leading steps of each series are known at each origin, the earliest origin first; -1
            where a series has too little before it or nothing to compare with after it.
        horizon: steps that each forecast has.
        step: steps from one origin to the next.
        by: ``date``: one date for all series at each origin. ``end``: series end at times of their own, so origins
            count back from each one's end (no series' history reaches beyond the date of the latest).
        findings: what the reader should know of it, such as a horizon that left room for one origin only.
    """

    ends: Integers
    horizon: int
    step: int
    by: Literal["date", "end"] = "date"
    findings: tuple[SeriesFinding, ...] = ()

    def __len__(self) -> int:
        return len(self.ends)


def plan(panel: Panel, horizon: int, count: int | None = None, step: int | None = None, *, season: int = 1) -> Origins:
    """Where to validate.

    Args:
        panel: the series, their ends among them.
        horizon: steps to forecast.
        count: of origins; None: by the series' length, at most 5.
        step: between origins; None: by the room that there is, at most the horizon.
        season: steps of the main season: where there is room, two whole ones are known at the earliest origin.

    Raises:
        SeriesError: no series is long enough for this horizon; says which are allowed.
    """
    raise NotImplementedError


def last_look(panel: Panel, horizon: int) -> Origins | None:
    """One origin at the very end, for a look at what no trial has seen; None where series are too short to spare it.

    What trials may see is ``panel.until(last_look(panel, horizon).ends[0])`` (where an end is -1, all of the series).
    """
    raise NotImplementedError
