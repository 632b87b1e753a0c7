"""Features of boosted trees over lags: the one code of training and scoring.

A forest forecasts a series from its last values, whatever the series: values are taken less a level and by a unit that
both follow from these last values, so that one forest serves series of all sizes. It is asked for each step ahead by
itself (direct), with the number of the step among the features and lags counted from the origin; steps beyond the
`block` that it learned are asked for from its own forecasts (with a block of 1 all are: recursive forecasting).

Document::

    {"block": 12,                      steps ahead that the forest answers directly
     "lags": 12,                       last values that are features, the newest first
     "seasons": [12],                  for each: the newest values of the step's place in the season,
     "cycles": 2,                      so many of them
     "windows": [3, 12],               means and spreads of so many last values
     "calendar": ["month"],            fields of the step (see `calendar`)
     "known": 1,                       known columns of the step, as they are
     "series": false,                  whether the series' code is a feature
     "logarithm": false,               of values first; what is not above 0 counts as missing
     "level": 12,                      the level is the mean of so many last values
     "unit": "spread" | "level" | "one",    spread: the mean change over a season (`seasons`' first) in the last `reach`
                                       values; level: the mean size of the level's values; one: 1
     "base": "level" | "last" | "season"}   what the forest's answer is added to: the level, the newest value, or the
                                       newest of the step's place in the first season
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.grid import Grid
from .calendar import field

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNITS = ("spread", "level", "one")
BASES = ("level", "last", "season")


@dataclass(frozen=True)
class Frame:
    """What values of some histories are taken less and by.

    Attributes:
        level: (n,)
        unit: (n,) 0 where all values are the same: they go on, whatever the forest says.
    """

    level: Floats
    unit: Floats


class Recipe:
    """How features are made of last values, and forecasts of a forest's answers."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Read it.

        Raises:
            ValueError: a unit or a base that is not known.
        """
        self.document = dict(document)
        self.block, self.lags = max(1, int(document["block"])), max(1, int(document["lags"]))
        self.seasons = [int(each) for each in document["seasons"]]
        self.cycles = int(document["cycles"])
        self.windows = [int(each) for each in document["windows"]]
        self.calendar = [str(each) for each in document["calendar"]]
        self.known, self.series = int(document["known"]), bool(document["series"])
        self.logarithm, self.level_window = bool(document["logarithm"]), max(1, int(document["level"]))
        self.unit, self.base = str(document["unit"]), str(document["base"])
        if self.unit not in UNITS or self.base not in BASES:
            raise ValueError(f"no recipe with the unit {self.unit!r} ({', '.join(UNITS)}) "
                             f"and the base {self.base!r} ({', '.join(BASES)})")  # fmt: skip
        longest = max(self.seasons, default=1)
        self.reach = max(self.lags, longest * (max(self.cycles, 1) + 1), self.level_window, *self.windows, 2)

    @property
    def names(self) -> list[str]:
        """Of the features, in their order."""
        found = ["step", *(f"lag {lag}" for lag in range(self.lags))]
        found += [f"season {season} back {cycle + 1}" for season in self.seasons for cycle in range(self.cycles)]
        found += [f"{what} {window}" for window in self.windows for what in ("mean", "spread")]
        found += ["unit by level", *self.calendar, *(f"known {column}" for column in range(self.known))]
        return [*found, "series"] if self.series else found

    def values(self, history: Floats) -> Floats:
        """Values as features take them: with a logarithm, theirs."""
        if not self.logarithm:
            return history
        return np.log(np.where(history > 0, history, np.nan))

    def frame(self, history: Floats) -> Frame:
        """Level and unit of each history.

        Args:
            history: (n, reach) as `values` gives them, the last column is the origin.

        Returns:
            NaN as the level where a history has no value at all.
        """
        level = mean(history[:, -self.level_window :])
        level = np.where(np.isnan(level), mean(history), level)
        lowest, highest = np.fmin.reduce(history, axis=1), np.fmax.reduce(history, axis=1)
        moves = highest > lowest
        if self.unit == "one":
            return Frame(level, moves.astype(np.float64))
        size = mean(np.abs(history[:, -self.level_window :]))
        unit = np.where(np.isnan(size) | (size <= 0), mean(np.abs(history)), size)
        if self.unit == "spread":
            apart = self.seasons[0] if self.seasons else 1
            unit = mean(np.abs(history[:, apart:] - history[:, :-apart]))
            steps = mean(np.abs(np.diff(history, axis=1)))
            for other in (steps, size, highest - lowest):
                unit = np.where(np.isnan(unit) | (unit <= 0), other, unit)
        return Frame(level, np.where(moves, unit, 0.0))

    def _in_units(self, history: Floats, frame: Frame) -> Floats:
        return (history - frame.level[:, None]) / np.where(frame.unit > 0, frame.unit, 1.0)[:, None]

    def places(self, steps: Ints, season: int, cycle: int) -> Ints:
        """Columns from the end (1: the origin) that hold the newest known value of each step's place in a season.

        Args:
            steps: (n,) ahead, from 1.
            season: its length.
            cycle: 0: the newest; 1: a season before it.
        """
        return (season - steps % season) % season + 1 + cycle * season

    def features(
        self, history: Floats, frame: Frame, of: Ints, steps: Ints, clock: Ints, known: Floats, codes: Ints
    ) -> Floats:
        """(n, F) features of steps ahead, a row each.

        Args:
            history: (k, reach) as `values` gives them.
            frame: of these.
            of: (n,) each row's history.
            steps: (n,) how far ahead, 1 to `block`.
            clock: (n,) of the step (`Grid.local`).
            known: (n, known) of the step.
            codes: (n,) of the series; -1: not known to training.
        """
        z = self._in_units(history, frame)
        size = np.abs(frame.level)
        own = [z[:, -1 - lag] for lag in range(self.lags)]
        for window in self.windows:
            part = z[:, -window:]
            center = mean(part)
            own += [center, mean(np.abs(part - center[:, None]))]
        own.append(np.divide(frame.unit, size, out=np.full(len(size), np.nan), where=size > 0))
        of_origin = np.column_stack(own)[of]
        places = [(season, cycle) for season in self.seasons for cycle in range(self.cycles)]
        found = [steps[:, None].astype(np.float64), of_origin[:, : self.lags]]
        found += [z[of, z.shape[1] - self.places(steps, *each)][:, None] for each in places]
        found += [of_origin[:, self.lags :], *(field(name, clock)[:, None] for name in self.calendar), known]
        if self.series:
            found.append(np.where(codes < 0, np.nan, codes)[:, None])
        return np.hstack(found)

    def bases(self, history: Floats, frame: Frame, of: Ints, steps: Ints) -> Floats:
        """(n,) what a forest's answer is added to, in units: see the document.

        Args:
            history: (k, reach) as `values` gives them.
            frame: of these.
            of: (n,) each row's history.
            steps: (n,) ahead.
        """
        if self.base == "level":
            return np.zeros(len(steps))
        z = self._in_units(history, frame)
        found = z[of, -1]
        if self.base == "season" and self.seasons:
            found = z[of, z.shape[1] - self.places(steps, self.seasons[0], 0)]
        return np.where(np.isnan(found), 0.0, found)

    def forecast(
        self, history: Floats, horizon: int, *, last: Ints, grid: Grid, known: Floats, codes: Ints,
        margin: Callable[[Floats], Floats],
    ) -> Floats:  # fmt: skip
        """(k, H) forecasts.

        Args:
            history: (k, L) last values of k series, the last column is slot `last`; NaN where there is none. What is
                missing of `reach` is NaN, what is more is not looked at.
            horizon: steps ahead.
            last: (k,) slots of the last column.
            grid: clock of slots.
            known: (k, H, c) known columns of the steps ahead.
            codes: (k,) place of each series among those of training, -1: a new one.
            margin: (n, F) features → (n,) the forest's answers.

        Returns:
            NaN where a series has no value in its last `reach` (with a logarithm: none above 0).
        """
        count = len(history)
        held = self.values(np.asarray(history, dtype=np.float64)[:, -self.reach :])
        held = np.hstack([np.full((count, self.reach - held.shape[1]), np.nan), held])
        found = np.empty((count, horizon))
        for done in range(0, horizon, self.block):
            steps = np.arange(1, min(self.block, horizon - done) + 1)
            frame = self.frame(held)
            many = np.repeat(np.arange(count), len(steps))
            ahead = np.tile(steps, count)
            slots = last[many] + done + ahead
            rows = self.features(
                held, frame, many, ahead, grid.local(slots), known[many, done + ahead - 1], codes[many]
            )
            answers = (margin(rows) + self.bases(held, frame, many, ahead)).reshape(count, len(steps))
            block = frame.level[:, None] + frame.unit[:, None] * answers
            found[:, done : done + len(steps)] = block
            held = np.hstack([held, block])[:, -self.reach :]
        return np.exp(found) if self.logarithm else found


def mean(values: Floats) -> Floats:
    """(n,) means of rows, over what is there; NaN where nothing is."""
    there = ~np.isnan(values)
    count = there.sum(axis=1)
    total = np.where(there, values, 0.0).sum(axis=1)
    found: Floats = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return found
