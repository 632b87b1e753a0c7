"""Simulated annealing (Kirkpatrick et al. 1983) for trials that end in any order."""

from __future__ import annotations

import math
import random
from statistics import median
from typing import Any

from pydantic import Field

from automl_core.search.base import (
    Algorithm,
    Decision,
    Exhausted,
    History,
    NewTrial,
    Options,
    PastTrial,
    rng_for,
    seen_keys,
)
from automl_core.search.drawing import draw_new
from automl_core.search.neighbours import mutate
from automl_core.space import Params

_HORIZON = 200  # trials over which it cools when trials.max is larger
_COLDEST = 0.01
_WIDEST, _NARROWEST = 0.4, 0.03


class AnnealingOptions(Options):
    """Options of simulated annealing."""

    startup: int = Field(8, ge=1, description="Combinations drawn at random before it starts from the best of them.")
    temperature: float = Field(
        0.5, gt=0, description="At the start: a loss worse by this many median deviations is accepted with chance 1/e."
    )


class Annealing(Algorithm):
    """A walk from neighbour to neighbour that takes fewer steps for the worse, and shorter ones, as it cools.

    The walk is told again from the history at every call: the finished trials in the order of their numbers,
    each accepted or not by a random number of its own. So trials may run at the same time.
    """

    name = "annealing"
    summary = "a walk from neighbour to neighbour that cools"
    options_model = AnnealingOptions
    options: AnnealingOptions

    def suggest(self, history: History) -> Decision:
        """A neighbour of where the walk stands."""
        number, seen = len(history), seen_keys(history)
        opening = self.opening(number, seen)
        if opening is not None:
            return opening
        rng = rng_for(self.context.seed, self.name, number)
        params = draw_new(self.context.space, seen, rng, lambda: self._draw(history, rng))
        if params is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=self.full_budget)

    def describe(self, history: History) -> dict[str, Any]:
        """The trial where the walk stands, and how hot it still is, from 1 down."""
        here = self._walk(history)
        return {"here": None if here is None else here.number, "heat": self._cooling(len(history))}

    def _draw(self, history: History, rng: random.Random) -> Params:
        here = self._walk(history)
        if here is None or len(history) < self.options.startup:
            return self.context.space.sample(rng)
        width = max(_NARROWEST, _WIDEST * self._cooling(len(history)))
        return mutate(self.context.space, here.params, rng, width, chance=1 / max(1, len(here.params)))

    def _cooling(self, number: int) -> float:
        """From 1 at the start down to `_COLDEST` at the end, geometrically."""
        end = min(self.context.max_trials, _HORIZON)
        return float(_COLDEST ** (min(number, end) / end))

    def _walk(self, history: History) -> PastTrial | None:
        """Where the walk stands after every trial that has a loss."""
        known = [trial for trial in history if trial.loss is not None and math.isfinite(trial.loss)]
        if not known:
            return None
        losses = [trial.loss for trial in known if trial.loss is not None]
        middle = median(losses)
        scale = median(abs(loss - middle) for loss in losses) or 1.0
        here = known[0]
        for trial in known[1:]:
            assert trial.loss is not None
            assert here.loss is not None
            worse = trial.loss - here.loss
            heat = self.options.temperature * self._cooling(trial.number) * scale
            chance = 1.0 if worse <= 0 else math.exp(-min(worse / heat, 700.0)) if heat > 0 else 0.0
            exploring = trial.number < self.options.startup
            if worse <= 0 or (not exploring and rng_for(self.context.seed, "accept", trial.number).random() < chance):
                here = trial
        return here
