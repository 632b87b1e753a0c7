"""The choice between new combinations and paused trainings, by what the curve model makes of them."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from automl_core.search.base import BudgetRange, History, PastTrial
from automl_core.search.freeze_thaw.model import NEW, Array, CurveModel, Indices
from automl_core.search.freeze_thaw.observations import Observations, observe, time_of
from automl_core.search.freeze_thaw.rate import expected_improvement, rates, stages
from automl_core.search.freeze_thaw.surrogate import Surrogate
from automl_core.search.threads import one_thread
from automl_core.space import Params, Space
from automl_core.states import TrialState

_SCREENED = 12  # new combinations, and as many paused trials, whose rate is worked out
_LOOKED_AT = 100  # paused trials whose whole curve is predicted
_HURRY = 0.6  # exponent of a whole training's cost where they are screened
_DIGITS = 9  # of what is compared, so that rounding errors, which differ between processors, decide nothing
_SURE = 0.5  # deviations by which the loss must fall below that at the end where a curve turns


@dataclass(frozen=True)
class Choice:
    """A piece of work that could be handed out.

    Attributes:
        trial: number of a paused trial, None for a new combination.
        params: its combination.
        reached: highest rung that it has finished, -1 for none.
        chance: that it beats the best fully trained trial.
    """

    trial: int | None
    params: Params
    reached: int
    chance: float = math.nan


class Chooser:
    """Chooses for one space and one ladder of budgets."""

    def __init__(self, space: Space, budget: BudgetRange, levels: Sequence[int], candidates: int) -> None:
        """Lay out what doesn't change.

        Args:
            space: of the combinations.
            budget: its lowest and highest are the ends of the model's time.
            levels: budget of every rung.
            candidates: new combinations to look at in a space that is too large to be listed.
        """
        self.budget, self.levels = budget, tuple(levels)
        self.surrogate = Surrogate(space, budget, candidates)
        self.times = np.array([time_of(level, budget) for level in levels])

    @one_thread()
    def choose(
        self,
        history: History,
        seen: Set[str],
        affordable: Sequence[bool],
        allows_new: bool,
        seed: int,
        doubt: float = 0.0,
    ) -> Choice | None:
        """The piece of work of the highest rate.

        Args:
            history: every trial so far.
            seen: keys of their combinations.
            affordable: for every rung, whether one more trial may be trained to it.
            allows_new: whether a new combination may be started.
            seed: of all that is drawn.
            doubt: from 0 to 1; nothing is chosen where the model's `skill.trust` is no higher, 0 asks for none.

        Returns:
            None when there is nothing to choose from, or nothing to judge it by.
        """
        known = observe(history, self.budget)
        if not len(known):
            return None
        rng = np.random.default_rng(seed)
        rows = self.surrogate.encoding.rows([trial.params for trial in history])
        paused = [choice for trial in history if (choice := self._paused(trial)) and affordable[choice.reached + 1]]
        new, fresh_rows = self.surrogate.fresh(rows, known, seen, rng) if allows_new else ([], rows[:0])
        fresh = [Choice(None, params, -1) for params in new]
        if not paused and not fresh:
            return None
        model = self.surrogate.trusted(history, rows, known, rng, doubt)
        if model is None:
            return None
        paused_rows = rows[[choice.trial for choice in paused if choice.trial is not None]]
        paused, paused_rows = self._promising(paused, paused_rows, model, _LOOKED_AT)
        fresh, fresh_rows = self._promising(fresh, fresh_rows, model, _SCREENED)
        return self._best([*paused, *fresh], np.vstack([paused_rows, fresh_rows]), model, known)

    def _paused(self, trial: PastTrial) -> Choice | None:
        """The trial as something to go on with, None where it can't."""
        finished = max(trial.losses_at, default=0)
        if trial.state is not TrialState.SUCCEEDED or not 0 < finished < self.levels[-1]:
            return None
        if trial.budget != finished or not math.isfinite(trial.losses_at[finished]):
            return None
        reached = max((rung for rung, level in enumerate(self.levels) if level <= finished), default=-1)
        return Choice(trial.number, trial.params, reached)

    @staticmethod
    def _promising(choices: list[Choice], rows: Array, model: CurveModel, most: int) -> tuple[list[Choice], Array]:
        """Those that may come lowest at the end, and their rows."""
        if len(choices) <= most:
            return choices, rows
        numbers = _numbers(choices)
        mean, covariance = model.curves(rows, numbers, np.ones(1))
        deviation = np.sqrt(np.maximum(covariance[:, 0, 0], 1e-10))
        gain = expected_improvement(float(model.losses.min()) - mean[:, 0], deviation)
        first = np.argsort(-np.round(gain, _DIGITS), kind="stable")[:most]
        return [choices[place] for place in first], rows[first]

    def _best(self, choices: Sequence[Choice], rows: Array, model: CurveModel, known: Observations) -> Choice:
        """The choice of the highest rate, with its chance."""
        numbers = _numbers(choices)
        reached = np.array([choice.reached for choice in choices], dtype=np.intp)
        new = numbers == NEW
        mean, covariance = model.curves(rows, numbers, self.times)
        targets, best = self._aims(mean, covariance, reached, model, known)
        aimed = mean[np.arange(len(rows)), targets]
        budgets = np.array(self.levels, dtype=np.float64)
        deviations, costs = stages(covariance, model.noise(self.times), reached, targets, budgets)
        total = np.maximum(np.sqrt((deviations**2).sum(axis=1)), 1e-9)
        rough = expected_improvement(best - aimed, total) / costs.sum(axis=1) ** _HURRY
        order = np.argsort(-np.round(rough, _DIGITS), kind="stable")
        short = np.concatenate([order[~new[order]][:_SCREENED], order[new[order]][:_SCREENED]])
        worth = rates(aimed[short], deviations[short], costs[short], best[short])
        chosen = int(short[np.argmax(np.round(worth, _DIGITS))])
        return replace(choices[chosen], chance=float(ndtr((best[chosen] - aimed[chosen]) / total[chosen])))

    def _aims(
        self, mean: Array, covariance: Array, reached: Indices, model: CurveModel, known: Observations
    ) -> tuple[Indices, Array]:
        """At which rung each choice's loss counts, and which loss it has to improve on there.

        The highest rung and the best fully trained trial, running ones as they are predicted; but where the model
        is sure that a curve turns upwards, the rung before it does, and the best loss at any rung.
        """
        last = len(self.levels) - 1
        doubt = _SURE * np.sqrt(np.maximum(covariance[:, last, last], 1e-10))
        expected = mean.copy()
        expected[:, last] -= doubt
        expected[np.arange(last + 1) <= reached[:, None]] = np.inf
        targets = np.argmin(expected, axis=1)
        ended = model.losses[model.points.times > 1 - 1e-9]
        new = reached < 0
        # Before any trial is fully trained: better than a combination is on the average.
        drawn = new if new.any() else np.ones(len(mean), dtype=np.bool_)
        average = float(mean[drawn, last].mean())
        at_the_end = min([*known.at_the_end().tolist(), *ended.tolist()], default=average)
        return targets, np.where(targets == last, at_the_end, known.losses.min())


def _numbers(choices: Sequence[Choice]) -> Indices:
    return np.array([NEW if choice.trial is None else choice.trial for choice in choices], dtype=np.intp)
