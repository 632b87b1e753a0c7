"""The plain ones: the last season again, a straight line through first and last, a mean."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .base import Floats, Ints, Local


class SeasonalNaive(Local):
    """The last season again.

    Document::

        {"type": "seasonal_naive", "last": (k, m)}      the last m values, oldest first; m = 1: the last value

    A missing value is that of a season before, in training (whoever writes the record fills it so) as here.
    """

    COLUMNS: Mapping[str, int] = {"last": 1}
    STATES = ("last",)

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """The oldest value of the season is the next."""
        last = self.columns["last"][rows]
        return last[:, np.arange(horizon) % last.shape[1]]

    def step(self, rows: Ints, values: Floats) -> None:
        """The season moves on."""
        last = self.columns["last"]
        last[rows] = np.column_stack([last[rows, 1:], self.filled(rows, values)])


class Drift(Local):
    """A random walk with drift: the last value, and the mean change of all steps with each step.

    Document::

        {"type": "drift", "first": (k,), "last": (k,), "steps": (k,)}     steps between the two; 0: no change
    """

    COLUMNS: Mapping[str, int] = {"first": 0, "last": 0, "steps": 0}
    STATES = ("last", "steps")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """Along the line from the first value through the last."""
        first, last, steps = (self.columns[name][rows] for name in ("first", "last", "steps"))
        slope = np.divide(last - first, steps, out=np.zeros_like(last), where=steps > 0)
        return np.asarray(last[:, None] + slope[:, None] * np.arange(1, horizon + 1))

    def step(self, rows: Ints, values: Floats) -> None:
        """The last value is another."""
        self.columns["last"][rows] = self.filled(rows, values)
        self.columns["steps"][rows] += 1


class Mean(Local):
    """The mean of all values so far.

    Document::

        {"type": "mean", "total": (k,), "steps": (k,)}      the sum of values, and how many they are
    """

    COLUMNS: Mapping[str, int] = {"total": 0, "steps": 0}
    STATES = ("total", "steps")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """The mean, flat."""
        return np.repeat((self.columns["total"][rows] / self.columns["steps"][rows])[:, None], horizon, axis=1)

    def step(self, rows: Ints, values: Floats) -> None:
        """A missing value changes nothing."""
        there = ~np.isnan(values)
        self.columns["total"][rows[there]] += values[there]
        self.columns["steps"][rows[there]] += 1
