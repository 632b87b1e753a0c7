"""The curve model of a history, and the new combinations that it is asked about."""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property
from itertools import islice

import numpy as np

from automl_core.search.base import BudgetRange, History
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.maximize import change
from automl_core.search.drawing import unseen
from automl_core.search.freeze_thaw.model import Array, CurveModel, Hyper, Points, fit, prior_mode
from automl_core.search.freeze_thaw.observations import Observations, standardise, time_of
from automl_core.search.freeze_thaw.skill import trust
from automl_core.space import Params, Space

_LISTED = 2048  # of a space with no more combinations, each one is looked at
_AROUND = 8  # best trials whose neighbourhood is looked at
_STEP = 0.15  # how far, in units of a parameter's range
_MOVED = 0.3  # chance that a parameter is moved


class Surrogate:
    """Makes models for one space and one range of budgets."""

    def __init__(self, space: Space, budget: BudgetRange, candidates: int) -> None:
        """Lay out what doesn't change.

        Args:
            space: of the combinations.
            budget: its lowest and highest are the ends of the model's time.
            candidates: new combinations to look at in a space that is too large to be listed.
        """
        self.space, self.budget, self.candidates = space, budget, candidates
        self.encoding = Encoding(space)
        self._categorical = np.zeros(self.encoding.width, dtype=np.bool_)
        self._categorical[self.encoding.categorical] = True
        self._fitted = b"", prior_mode(self.encoding.width)

    def model(self, history: History, rows: Array, known: Observations, rng: np.random.Generator) -> CurveModel:
        """Fitted, conditioned on what is known, and believing its predictions of what is running; see `trusted`."""
        model = self.trusted(history, rows, known, rng, doubt=0.0)
        assert model is not None
        return model

    def trusted(
        self, history: History, rows: Array, known: Observations, rng: np.random.Generator, doubt: float
    ) -> CurveModel | None:
        """As `model`, or None where the doubt, from 0 to 1, is no lower than how far the model can be trusted.

        Args:
            history: every trial so far.
            rows: their encoded combinations, shape (len(history), width).
            known: their losses, at least one.
            rng: chooses what the model is conditioned on where that is too much.
            doubt: 0 asks for no trust.
        """
        kept = known.kept(rng)
        hyper = self._hyper(known.points(rows, few := known.fitted(len(history))), known.raw[few])
        model = CurveModel(known.points(rows, kept), known.losses[kept], self._categorical, hyper)
        if doubt > 0 and doubt >= trust(model):
            return None
        running = [trial for trial in history if not trial.state.ended and trial.budget]
        if running:
            numbers = np.array([trial.number for trial in running], dtype=np.intp)
            times = np.array([time_of(trial.budget or self.budget.max, self.budget) for trial in running])
            model = model.believing(Points(rows[numbers], times, numbers))
        return model

    def fresh(
        self, rows: Array, known: Observations, seen: Set[str], rng: np.random.Generator
    ) -> tuple[list[Params], Array]:
        """New combinations and their rows: all, or draws from the space and variations of the best trials.

        Args:
            rows: encoded combinations of every trial so far.
            known: their losses, at least one.
            seen: keys of their combinations.
            rng: of the draws.

        Returns:
            Nothing where the space is exhausted.
        """
        if self._all is not None:
            combinations, keys, every = self._all
            new = [place for place, key in enumerate(keys) if key not in seen]
            return [combinations[place] for place in new], every[new]
        around = rows[rng.choice(known.best_trials(_AROUND), self.candidates // 2)]
        moved = rng.random(around.shape) < max(_MOVED, 1.5 / self.encoding.width)
        step = np.where(rng.random((len(around), 1)) < 0.5, _STEP, 1.0)
        change(self.encoding, around, moved, step, rng)
        drawn = np.vstack([self.encoding.sample(self.candidates, rng), self.encoding.settle(around)])
        found: dict[str, Params] = {}
        for params in map(self.encoding.params, drawn):
            if (key := Space.key(params)) not in seen:
                found.setdefault(key, params)
        fresh = list(found.values()) or list(islice(unseen(self.space, seen), self.candidates))
        return fresh, self.encoding.rows(fresh)

    @cached_property
    def _all(self) -> tuple[list[Params], list[str], Array] | None:
        """Every combination, its key and its row, of a space that is small enough."""
        if self.space.size(limit=_LISTED) is None:
            return None
        combinations = list(self.space.combinations())
        return combinations, [Space.key(params) for params in combinations], self.encoding.rows(combinations)

    def _hyper(self, points: Points, losses: Array) -> Hyper:
        """Fitted hyperparameters; the last ones again where the same losses are asked for."""
        key = b"".join(part.tobytes() for part in (points.rows, points.times, points.trials, losses))
        if key != self._fitted[0]:
            self._fitted = key, fit(points, standardise(losses), self._categorical)
        return self._fitted[1]
