"""A history as the curve model wants it: points along learning curves, and losses on a scale without outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from automl_core.search.base import BudgetRange, History
from automl_core.search.freeze_thaw.model import Array, Indices, Points

_KEPT = 110  # points that the model is conditioned on
_FITTED = 64  # points that its hyperparameters are fitted to
_SCALE = 1.2
_GOLDEN, _SILVER = 0.6180339887498949, 0.4142135623730951  # multiples of these are spread evenly between 0 and 1
_BEST = 2 / 3  # share of the kept points that belong to the best trials; the others are drawn


@dataclass(frozen=True)
class Observations:
    """What is known of all learning curves.

    Attributes:
        trials: numbers of the trials, shape (n,).
        times: see `time_of`, shape (n,).
        losses: standardised, shape (n,); see `standardise`.
        raw: the same as they were told, shape (n,).
    """

    trials: Indices
    times: Array
    losses: Array
    raw: Array

    def __len__(self) -> int:
        """Number of known losses."""
        return len(self.losses)

    def points(self, rows: Array, index: Indices) -> Points:
        """Some of them, with the rows of all trials of the history."""
        return Points(rows[self.trials[index]], self.times[index], self.trials[index])

    def best_trials(self, count: int) -> list[int]:
        """Numbers of the trials with the lowest losses at any budget, best first."""
        return list(dict.fromkeys(self.trials[np.argsort(self.losses, kind="stable")].tolist()))[:count]

    def at_the_end(self) -> Array:
        """Losses at the highest budget."""
        return self.losses[self.times > 1 - 1e-9]

    def fitted(self, trials: int) -> Indices:
        """What hyperparameters are fitted to: losses of the trials below the last step of a geometric scale.

        So a newer trial seldom changes them, and a fit can be used again. Of more than are needed, those that a
        fixed shuffling of (trial, budget) puts first, so that one more doesn't change the others.

        Args:
            trials: how many there are.
        """
        step = 4
        while int(step * _SCALE) + 1 <= trials:
            step = int(step * _SCALE) + 1
        old = np.flatnonzero(self.trials < step)
        if len(old) < 2:
            return np.arange(min(len(self), _FITTED))
        shuffled = np.modf(self.trials[old] * _GOLDEN + self.times[old] * _SILVER)[0]
        return np.sort(old[np.argsort(shuffled, kind="stable")[:_FITTED]])

    def kept(self, rng: np.random.Generator) -> Indices:
        """What the model is conditioned on, so that its cost is bounded: the best trials', and some of the others'."""
        if len(self) <= _KEPT:
            return np.arange(len(self))
        latest = dict(zip(self.trials.tolist(), self.losses.tolist(), strict=True))
        order = np.argsort([latest[trial] for trial in self.trials.tolist()], kind="stable")
        best = int(_BEST * _KEPT)
        return np.concatenate([order[:best], rng.choice(order[best:], _KEPT - best, replace=False)])


def observe(history: History, budget: BudgetRange) -> Observations:
    """Every finite loss at a finished budget."""
    known = [
        (trial.number, time_of(level, budget), loss)
        for trial in history
        for level, loss in sorted(trial.losses_at.items())
        if math.isfinite(loss)
    ]
    trials = np.array([number for number, _, _ in known], dtype=np.intp)
    times = np.array([time for _, time, _ in known])
    raw = np.array([loss for _, _, loss in known])
    return Observations(trials, times, standardise(raw), raw)


def time_of(level: float, budget: BudgetRange) -> float:
    """A budget on a logarithmic scale: 0 at the lowest, 1 at the highest."""
    if budget.max == budget.min:
        return 1.0
    return math.log(level / budget.min) / math.log(budget.max / budget.min)


def standardise(losses: Sequence[float] | Array) -> Array:
    """Losses with mean 0 and deviation 1; what lies above the median only logarithmically, and not without end.

    A diverged training says that it is bad, and no more, however large its loss is.
    """
    found = np.array(losses, dtype=np.float64)
    if not len(found):
        return found
    gaps = found / 4 - found.min() / 4  # quarters: differences and sums of the largest floats would overflow
    middle = float(np.median(gaps)) or float(np.median(gaps[gaps > 0])) if gaps.any() else 1.0
    with np.errstate(over="ignore"):
        scaled = gaps / middle
    tamed = np.minimum(np.where(scaled < 1, scaled, 1 + np.log(np.maximum(scaled, 1))), 3.0)
    return np.asarray((tamed - tamed.mean()) / (tamed.std() + 1e-9))
