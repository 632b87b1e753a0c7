"""What trials cost, and when that counts: improvement per unit of what runs out, where not the trials do.

The logarithm of a trial's cost is a process of its own over the same columns (J. Snoek et al. 2012, "Practical Bayesian
optimization of machine learning algorithms", NIPS, section 3.2: expected improvement per second). Its weight falls with
what is left, so that cheap trials come first and the last ones are chosen by what they promise alone (E. Lee et al.
2020, "Cost-aware Bayesian optimization", arXiv 2003.10870, section 4: EI-cool), and with how many of the first half
of the trials can't be paid: where the limit pays for that half, nothing has to be saved. Where a trial that is under
way at the end is lost, an improvement also counts by the chance that it ends in time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import log_ndtr

from automl_core.search.base import Limit, PastTrial
from automl_core.search.bayesian.encoding import Array, Encoding, Indices
from automl_core.search.bayesian.ensemble import Ensemble
from automl_core.search.bayesian.gp import Fit, Posterior
from automl_core.search.bayesian.subset import choose

_LEAST = 4  # trials with a cost from which it is modelled
_ALIKE = 0.2  # deviation of the costs' logarithms below which all trials cost the same, as far as that matters
_ENOUGH = 2.0  # a limit that pays for one trial in so many leaves it to the model's promise alone where to look
_FAR = 5.0  # times the dearest trial so far: while so much is left, a trial will end in time
_UNSURE = 0.1  # least deviation of a cost's logarithm: no trial takes exactly what it took before
_FITTED, _MODELLED = 60, 200
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


def weight_of(history: Sequence[PastTrial], limit: Limit | None, most: int) -> float:
    """How much costs count: the share of the limit that is left, times how far that is from paying half of the trials.

    Half of all trials, those so far among them: a limit that pays for them never makes the later ones count by cost.

    Args:
        history: all trials so far.
        limit: of what runs out, None where nothing does.
        most: trials that the experiment may have.

    Returns:
        From 0 (half of the trials can be paid, or nothing is left, or too few have ended to tell) to 1.
    """
    if limit is None:
        return 0.0
    ended = [trial.spent for trial in history if trial.state.ended and trial.spent is not None]
    left = left_of(history, limit)
    if len(ended) < _LEAST or left <= 0:
        return 0.0
    enough = math.fsum(ended) / len(ended) * (most / _ENOUGH - len(history))
    return left / limit.total * (1.0 - left / enough) if enough > left else 0.0


def allowed_of(history: Sequence[PastTrial], limit: Limit | None, places: int) -> float | None:
    """What a trial may cost and still end before a hard limit; None where it isn't hard, or far away.

    Args:
        history: all trials so far.
        limit: of what runs out, None where nothing does.
        places: trials that run at once: they share what is left.
    """
    if limit is None or not limit.hard:
        return None
    dearest = max((trial.spent or 0.0 for trial in history if trial.state.ended), default=0.0)
    each = left_of(history, limit) / places
    return each if 0 < each < _FAR * dearest else None


def left_of(history: Sequence[PastTrial], limit: Limit) -> float:
    """How much of a limit no trial has taken yet; below 0 where they took more."""
    return limit.total - math.fsum(trial.spent or 0.0 for trial in history)


class Expense:
    """Minus the logarithm of what rows are expected to cost, weighed, plus that of the chance that they end in time."""

    def __init__(self, posterior: Posterior, spread: float, weight: float, allowed: float | None = None) -> None:
        """Use `of`.

        Args:
            posterior: of the standardised logarithms.
            spread: standard deviation of the logarithms.
            weight: from `weight_of`.
            allowed: what a trial may cost and still count; None where any does.
        """
        self._posterior, self._scale = posterior, spread * weight
        self._alone = Ensemble([posterior])
        self._most = None if allowed is None else float(posterior.scale(np.log([allowed]))[0])
        self._unsure = max(posterior.noise, (_UNSURE / spread) ** 2)

    @classmethod
    def of(
        cls,
        encoding: Encoding,
        trials: Sequence[PastTrial],
        weight: float,
        rng: np.random.Generator,
        allowed: float | None = None,
    ) -> Expense | None:
        """Model what trials cost; None where they cost alike, or too few have a cost.

        Args:
            encoding: of the space.
            trials: any; those that ended and have a cost count.
            weight: from `weight_of`.
            rng: of the fit.
            allowed: what a trial may cost and still count, above 0; None where any does.
        """
        from automl_core.search.bayesian.surrogate import columns_of

        told = [(trial.params, trial.spent) for trial in trials if trial.state.ended and trial.spent]
        if len(told) < _LEAST or (weight <= 0 and allowed is None):
            return None
        logs = np.log([spent for _, spent in told])
        spread = float(logs.std())
        if spread < _ALIKE:
            return None
        columns, rows = columns_of(encoding), encoding.rows([params for params, _ in told])
        kept = choose(columns, rows, logs, _MODELLED, rng)
        fitted = choose(columns, rows[kept], logs[kept], _FITTED, rng)
        fit = Fit(columns, rows[kept][fitted], logs[kept][fitted], power=1.0)
        hyper = fit.ensemble(rng, 0, iterations=30)[0]
        return cls(Posterior(columns, hyper, rows[kept], logs[kept]), spread, weight, allowed)

    def __call__(self, rows: Array) -> Array:
        """At settled rows (n, width), shape (n,)."""
        mean, variance = self._posterior.predict(rows)
        found: Array = -self._scale * mean[:, 0]
        if self._most is not None:
            found = found + log_ndtr((self._most - mean[:, 0]) / np.sqrt(variance + self._unsure))
        return found

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The same at one row, and its gradient by the moving positions among the numeric columns."""
        mean, variance, d_mean, d_variance = self._alone.gradients(row, moving)
        value, slope = -self._scale * float(mean[0, 0]), -self._scale * d_mean[0, :, 0]
        if self._most is not None:
            spread = float(np.sqrt(variance[0] + self._unsure))
            margin = (self._most - float(mean[0, 0])) / spread
            log_chance = float(log_ndtr(margin))
            rate = math.exp(-0.5 * margin * margin - _LOG_SQRT_2PI - log_chance)
            value += log_chance
            slope = slope - rate * (d_mean[0, :, 0] / spread + margin * d_variance[0] / (2 * spread**2))
        return value, slope
