"""Seasons of a panel: by its frequency, and by what the values say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from automl_core.forecasting.finding import SeriesFinding
from automl_core.forecasting.frequency import Frequency
from automl_core.forecasting.panel import Floats, Panel, SeriesError

_HOUR, _DAY = 3600, 86_400
_MOST_SERIES, _MOST_STEPS = 300, 4_000
"""So many series, and of each the last steps, are looked at."""
_WEAK, _CLEAR = 0.1, 0.3
"""Correlations a season apart: a usual season is left out where the values show that it is weaker than the first; one
that nothing but the values suggest has to be stronger than the second."""
_LONGEST_FOUND = 60
"""Steps of a season that is found by the values alone, without a calendar."""


@dataclass(frozen=True)
class Seasons:
    """What was found.

    Attributes:
        lengths: in steps, the main season first; empty where there is none.
        findings: why, and what was not used.
    """

    lengths: tuple[int, ...]
    findings: tuple[SeriesFinding, ...] = ()

    @property
    def main(self) -> int:
        """The season of seasonal naive forecasts and of MASE; 1 where there is none."""
        return self.lengths[0] if self.lengths else 1


def seasons(panel: Panel, given: int | Sequence[int] | None = None) -> tuple[int, ...]:
    """Lengths of seasons in steps, the main one first; those that the user gives stand first. Empty: none."""
    return find_seasons(panel, given).lengths


def find_seasons(panel: Panel, given: int | Sequence[int] | None = None) -> Seasons:
    """`seasons` with the reasons.

    What the user gives is all that is used. Else the calendar suggests seasons, and the values decide: the usual one
    (24 hours, 7 days, 12 months) is used unless they show that there is none; a longer one beside it (168 hours, 365
    days) only where they show it once the usual one is taken away. A season needs two whole ones in half of the
    series, else nothing can be said of it.

    Args:
        panel: the series.
        given: lengths in steps; 1 alone: there is no season.

    Raises:
        SeriesError: a season that was given is no whole number above 0.
    """
    if given is not None:
        return _given(panel, given)
    usual = candidates(panel.grid.frequency)
    long = float(np.median(panel.lengths)) if len(panel) else 0.0
    values = _sample(panel)
    findings: list[SeriesFinding] = []
    found: list[int] = []
    taken: tuple[int, ...] = ()
    for place, length in enumerate(usual):
        if long < 2 * length:
            findings.append(
                _finding(length, "certain", f"half of the series have fewer than two seasons of {length} steps", False)
            )
            continue
        strength, error = evidence(values, length, taken)
        numbers = {"strength": strength, "error": error}
        if not found and place == 0:
            if np.isnan(strength) or strength + 1.96 * error >= _WEAK:
                found.append(length)
                findings.append(_finding(length, "certain", _words(panel, length, strength), True, numbers))
            else:
                text = f"values {length} steps apart are not alike (correlation {strength:.2f})"
                findings.append(_finding(length, "certain", text, False, numbers))
        elif strength - 1.96 * error > _WEAK:
            found.append(length)
            findings.append(_finding(length, "certain", _words(panel, length, strength), True, numbers))
        taken = tuple(found)
    if panel.grid.frequency.unit == "step":  # no calendar says anything
        length, strength = _by_values(values, int(long) // 2)
        if length:
            found.append(length)
            findings.append(_finding(length, "doubtful", _words(panel, length, strength), True, {"strength": strength}))
    return Seasons(tuple(found), tuple(findings))


def candidates(frequency: Frequency) -> tuple[int, ...]:
    """Seasons that a calendar suggests, the usual one first; of plain numbers and years none."""
    unit, count = frequency.unit, frequency.count
    if unit == "second":
        if count >= _DAY or _DAY % count:
            return ()
        day = _DAY // count
        if count < 60:  # seconds: of minutes and hours, where they come out even
            return tuple(length // count for length in (60, _HOUR) if length % count == 0)
        hour = _HOUR // count if count < 600 and _HOUR % count == 0 else 0
        return (hour, day) if hour > 1 else tuple(each for each in (day, 7 * day) if each > 1)
    if unit == "day":
        if count % 7 == 0:
            return (52,) if count == 7 else (26,) if count == 14 else (13,) if count == 28 else ()
        return (7, 365) if count == 1 else ()
    if unit == "business_day":
        return (5, 260) if count == 1 else ()
    if unit in ("month", "month_end"):
        return (12 // count,) if count < 12 and 12 % count == 0 else ()
    return ()


def evidence(values: Sequence[Floats], length: int, taken: Sequence[int] = ()) -> tuple[float, float]:
    """How alike values a season apart are, once trend and other seasons are taken away.

    Args:
        values: of series, NaN where a step is missing.
        length: of the season.
        taken: seasons whose means are taken away first.

    Returns:
        The autocorrelation at this lag over all series, each weighing by its pairs of values, and its standard error
        if there were none (Bartlett: one by the root of the number of pairs). NaN where no series is long enough.
    """
    total = weight = 0.0
    for one in values:
        if len(one) < 2 * length:
            continue
        rest = _rest(one, length, taken)
        pairs = ~np.isnan(rest[length:]) & ~np.isnan(rest[:-length])
        spread = np.nanmean(rest**2) if pairs.any() else 0.0
        if spread <= 1e-12 * max(float(np.nanmean(one**2)), 1e-300):
            continue
        count = int(pairs.sum())
        total += float((rest[length:][pairs] * rest[:-length][pairs]).sum() / spread)
        weight += count
    return (total / weight, 1 / np.sqrt(weight)) if weight else (np.nan, np.nan)


def _rest(values: Floats, length: int, taken: Sequence[int]) -> Floats:
    """Values without their trend (a centred moving mean of a season, a line where that is too short) and seasons."""
    rest = values - _trend(values, length)
    for season in taken:
        for phase in range(season):
            part = rest[phase::season]
            if not np.isnan(part).all():
                rest[phase::season] = part - np.nanmean(part)
    return rest - np.nanmean(rest) if not np.isnan(rest).all() else rest


def _trend(values: Floats, length: int) -> Floats:
    """The trend (n,): a centred moving mean over one season, or a straight line where fewer than three are there."""
    there = ~np.isnan(values)
    if len(values) < 3 * length:
        time = np.arange(len(values), dtype=np.float64)
        middle, level = time[there].mean(), values[there].mean()
        spread = ((time[there] - middle) ** 2).sum()
        slope = ((time[there] - middle) * (values[there] - level)).sum() / spread if spread > 0 else 0.0
        return np.asarray(level + slope * (time - middle))
    weights = np.ones(length + 1 - length % 2)
    if length % 2 == 0:
        weights[[0, -1]] = 0.5
    half = len(weights) // 2
    padded = np.concatenate([np.zeros(half), np.where(there, values, 0.0), np.zeros(half)])
    counted = np.concatenate([np.zeros(half), there.astype(np.float64), np.zeros(half)])
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.convolve(padded, weights, "valid") / np.convolve(counted, weights, "valid")
    found[:half], found[len(found) - half :] = np.nan, np.nan  # no whole season around them
    return found


def _by_values(values: Sequence[Floats], longest: int) -> tuple[int, float]:
    """The season that values alone show: the lag of the clearest peak of their autocorrelation, else 0."""
    lags = range(2, min(_LONGEST_FOUND, longest) + 1)
    found = {lag: evidence(values, lag) for lag in lags}
    best, strength = 0, _CLEAR
    for lag, (value, error) in found.items():
        neighbours = [found[each][0] for each in (lag - 1, lag + 1) if each in found]
        peak = value - 1.96 * error > strength and all(value > each + 0.05 for each in neighbours)
        if peak and (not best or lag % best or value > strength + 0.1):  # a multiple of a season is one too
            best, strength = lag, value
    return best, strength


def _given(panel: Panel, given: int | Sequence[int]) -> Seasons:
    lengths: list[Any] = [given] if isinstance(given, int) else list(given)
    for each in lengths:
        if isinstance(each, bool) or not isinstance(each, int | np.integer) or each < 1:
            raise SeriesError(f"season: found {each!r}; allowed: whole numbers of steps, 1 for none")
    findings = [
        SeriesFinding(
            "season", "doubtful", f"no series has two seasons of {each} steps", "used as given",
            "series shorter than that are forecast without it", numbers={"length": each},
        )
        for each in lengths
        if each > 1 and bool((panel.lengths < 2 * each).all())
    ]  # fmt: skip
    return Seasons(tuple(int(each) for each in lengths if each > 1), tuple(findings))


def _sample(panel: Panel) -> list[Floats]:
    """Values of some series, the last of each."""
    count = len(panel)
    chosen = range(count) if count <= _MOST_SERIES else np.linspace(0, count - 1, _MOST_SERIES).astype(int).tolist()
    return [
        panel.series[at].values[-_MOST_STEPS:] for at in chosen if np.count_nonzero(~np.isnan(panel.series[at].values))
    ]


def _words(panel: Panel, length: int, strength: float) -> str:
    if np.isnan(strength) or strength < _WEAK:
        return f"usual for series that are {panel.grid.frequency.words}, and the values don't speak against it"
    return f"values {length} steps apart are alike (correlation {strength:.2f})"


def _finding(
    length: int, certainty: str, found: str, used: bool, numbers: dict[str, float] | None = None
) -> SeriesFinding:
    done = f"a season of {length} steps is used" if used else f"no season of {length} steps is used"
    told = {name: value for name, value in (numbers or {}).items() if not np.isnan(value)}
    advice = "give `season` where that is wrong"
    return SeriesFinding(
        "season", "certain" if certainty == "certain" else "doubtful", found, done, advice,
        numbers={"length": length, "used": float(used), **told},
    )  # fmt: skip
