"""Which frequency times have: found by how far they lie apart, as local days and months where they follow these."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.frequency import ALLOWED, Frequency, Unit
from automl_core.forecasting.grid import Grid, Times, Written
from automl_core.forecasting.panel import SeriesError

_DAY = 86_400
_MOST_ROWS, _MOST_SERIES, _LEAST_ROWS = 300_000, 1_000, 30
"""So many are looked at; whether all lie on what was found is looked at afterwards, for each row."""

_NEARLY_ALL = 0.95
_MOST = 0.75
_LEAST_FILLED = {"second": 0.1, "day": 0.02, "business_day": 0.02, "month": 0.05, "month_end": 0.05, "step": 0.02}
"""Share of the steps that must be there: less, and the common divisor of odd distances is a chance find."""


@dataclass(frozen=True)
class Apart:
    """Times of many series, each series' in order and once.

    Attributes:
        local: (M,) what the clock showed, or whole numbers.
        same: (M - 1,) whether two neighbours are of one series.
    """

    local: Times
    same: NDArray[np.bool_]

    @classmethod
    def of(cls, local: Times, codes: NDArray[np.int64]) -> Apart:
        """Sort, and leave out what is there twice; of very many series some, and of very long ones the beginning.

        So each series says about as much as another one: a long one of another frequency is not the rule.

        Args:
            local: (N,) times.
            codes: (N,) positions of their series.
        """
        count = int(codes.max()) + 1 if len(codes) else 0
        most = max(1, min(_MOST_SERIES, _MOST_ROWS * max(count, 1) // max(len(codes), 1)))
        if count > most:
            chosen = np.zeros(count, dtype=bool)
            chosen[np.linspace(0, count - 1, most).astype(np.int64)] = True
            kept = chosen[codes]
            local, codes = local[kept], codes[kept]
        order = np.lexsort((local, codes))
        local, codes = local[order], codes[order]
        first = np.ones(len(local), dtype=bool)
        first[1:] = (np.diff(local) != 0) | (np.diff(codes) != 0)
        local, codes = local[first], codes[first]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(codes) != 0]))
        lengths = np.diff(np.append(starts, len(codes)))
        early = np.arange(len(codes)) - np.repeat(starts, lengths) < max(_LEAST_ROWS, int(np.median(lengths)))
        local, codes = local[early], codes[early]
        return cls(local, np.diff(codes) == 0)

    def distances(self, positions: Times) -> Times:
        """Between neighbours of one series, those of no length left out."""
        found: Times = np.diff(positions)[self.same]
        return found[np.flatnonzero(found)]


def find_grid(apart: Apart, *, number: bool, written: Written, zone: str | None, given: Frequency | None) -> Grid:
    """The grid that times lie on, all or most of them.

    Args:
        apart: the times.
        number: whether they are whole numbers, not times.
        written: how the table wrote them.
        zone: whose clock they are of.
        given: what the user said; None: it is found.

    Raises:
        SeriesError: times lie too far from any frequency, or are too few to tell; says what is allowed.
    """
    if given is not None and (given.unit == "step") != number:
        what = "whole numbers" if number else "times"
        raise SeriesError(
            f"frequency {given.alias}: found {what} in the table; allowed: "
            + ("step (a number before it: 2step), or leave it out" if number else ALLOWED.replace(" or step", ""))
        )
    clock = _usual(apart.local % _DAY)
    daily = 0 if number or clock[1] < _NEARLY_ALL else clock[0]
    unit = _unit(apart, number, written, given, clock[1] >= _NEARLY_ALL)
    positions = _positions(unit, apart.local)
    if given is None:
        count = _step(apart, positions, unit)
        anchored = None
    else:
        count, anchored = given.count, given.anchored
    return _anchored(apart.local, positions, unit, count, anchored, daily, written, zone)


def _unit(apart: Apart, number: bool, written: Written, given: Frequency | None, one_clock: bool) -> Unit:
    if number:
        return "step"
    if given is not None and given.unit not in ("month", "month_end"):
        return given.unit
    if given is None and not one_clock:
        return "second"
    days = apart.local // _DAY
    distances = apart.distances(days)
    far = len(distances) > 0 and float((distances >= 28).mean()) >= _NEARLY_ALL
    if given is not None or far or written in ("month", "quarter", "year"):
        rule = _month_rule(days)
        if rule is not None:
            return rule
        if given is not None:
            return given.unit
    if _no_weekends(days, distances):
        return "business_day"
    return "day"


def _month_rule(days: Times) -> Unit | None:
    """Whether dates are one day of the month, or its end; None where they are neither."""
    day, length = _day_and_length(days)
    ends = float((day == length).mean())
    usual, _ = _usual(day)
    if ends == 1.0 or (ends >= _NEARLY_ALL and usual >= 28):
        return "month_end"
    if float((day == np.minimum(usual, length)).mean()) >= _NEARLY_ALL:
        return "month"
    return None


def _no_weekends(days: Times, distances: Times) -> bool:
    """Whether dates are Mondays to Fridays alone, where weekends would have been among them."""
    if len(distances) < 9 or float((distances == 1).mean()) < 0.5:
        return False
    unique = np.unique(days)
    return len(unique) >= 10 and int(unique[-1] - unique[0]) >= 13 and not bool(((unique + 3) % 7 >= 5).any())


def _positions(unit: Unit, local: Times) -> Times:
    """Times in whole units."""
    if unit in ("step", "second"):
        return local
    days = local // _DAY
    if unit == "day":
        return days
    if unit == "business_day":
        from_monday = days + 3
        return from_monday // 7 * 5 + np.minimum(from_monday % 7, 4)
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _step(apart: Apart, positions: Times, unit: Unit) -> int:
    """How many units lie between two values: the usual distance, or what divides nearly all of them."""
    distances = apart.distances(positions)
    if not len(distances):
        raise SeriesError(
            f"no series has two times, so no frequency can be found; give `frequency` (allowed: {ALLOWED})"
        )
    values, counts = np.unique(distances, return_counts=True)
    ordered = values[np.argsort(-counts, kind="stable")][:20].tolist()
    for step in [*ordered, int(np.gcd.reduce(values))]:
        divided = counts[values % step == 0].sum() / counts.sum()
        on = _usual(positions % step)[1]
        filled = len(distances) / (distances.sum() / step)
        if divided >= _MOST and on >= _MOST and filled >= _LEAST_FILLED[unit]:
            return int(step)
    usual = Frequency(unit, int(ordered[0]))
    share = counts.max() / counts.sum()
    if share >= _MOST:
        there = len(distances) / (distances.sum() / ordered[0])
        raise SeriesError(
            f"most times are {usual.alias} apart, and between the first and the last ones only {there:.2g} of all "
            f"steps are there (allowed: from {_LEAST_FILLED[unit]:g}): is a time wrong? Else give `frequency`"
        )
    raise SeriesError(
        f"times are irregular: the usual distance is {usual.alias}, and only {share:.0%} of the times follow it; give "
        "`frequency`, and with `duplicates` (mean, sum or last) what the values within one step become"
    )


def _anchored(
    local: Times, positions: Times, unit: Unit, count: int, anchored: int | None, daily: int, written: Written,
    zone: str | None,
) -> Grid:  # fmt: skip
    """The grid through most of the times: its phase, and what of it has a name."""
    phase, share = _usual(positions % count)
    if unit == "day" and count % 7 == 0:
        weekday = anchored
        if weekday is None:  # Monday where dates have no day in common
            usual, often = _usual((positions + 3) % 7)
            weekday = int(usual) if often >= _MOST else 0
        if share < _MOST or (phase + 3) % 7 != weekday:
            phase = (weekday - 3) % 7
        anchor = _first_at(positions, phase, count) * _DAY + daily
        return Grid(Frequency(unit, count, weekday), zone, anchor, written)
    if unit in ("month", "month_end"):
        if anchored is not None:
            phase = (anchored - 1) % count
        elif share < _MOST:
            phase = 0
        month = _first_at(positions, phase, count)
        name = _month_name(month, count, unit)
        return Grid(Frequency(unit, count, name), zone, _month_anchor(local, month, count, unit) + daily, written)
    if share < _MOST:
        phase = 0
    first = _first_at(positions, phase, count)
    if unit in ("step", "second"):
        return Grid(Frequency(unit, count), zone, first, written)
    if unit == "business_day":
        first = first // 5 * 7 + first % 5 - 3
    return Grid(Frequency(unit, count), zone, first * _DAY + daily, written)


def _month_name(month: int, count: int, unit: Unit) -> int | None:
    """The month that quarters and years are named by, as pandas does: `QS-JAN`, `QE-DEC`."""
    if count == 3:
        return month % 3 + (1 if unit == "month" else 10)
    return month % 12 + 1 if count % 3 == 0 else None


def _month_anchor(local: Times, month: int, count: int, unit: Unit) -> int:
    """Seconds at index 0: in the first month that has the usual day."""
    day, length = _day_and_length(local // _DAY)
    usual = 1
    if unit == "month":
        found, _ = _usual(day)
        usual = int(found) if float((day == np.minimum(found, length)).mean()) >= _NEARLY_ALL else 1
    for _ in range(12):
        first, until = (np.int64(month + ahead).astype("datetime64[M]").astype("datetime64[D]") for ahead in (0, 1))
        if int((until - first).astype(np.int64)) >= usual:
            break
        month += count
    return int((first.astype(np.int64) + usual - 1) * _DAY)


def _first_at(positions: Times, phase: int, count: int) -> int:
    """The last position of a phase at or before the first of all."""
    low = int(positions.min())
    return low - (low - int(phase)) % count


def _day_and_length(days: Times) -> tuple[Times, Times]:
    """Days of the month, and how many days their months have."""
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    first = months.astype("datetime64[D]").astype(np.int64)
    return days - first + 1, (months + 1).astype("datetime64[D]").astype(np.int64) - first


def _usual(values: Times) -> tuple[int, float]:
    """The value that is there most often, the least of several, and its share."""
    found, counts = np.unique(values, return_counts=True)
    at = int(counts.argmax())
    return int(found[at]), float(counts[at] / len(values))
