"""BOHB (Falkner et al. 2018): Hyperband's brackets, filled by a density model instead of by chance."""

from __future__ import annotations

import math
from collections.abc import Set
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from automl_core.search.base import History, rng_for
from automl_core.search.brackets import BracketOptions, BracketSearch
from automl_core.search.drawing import draw_new
from automl_core.search.tpe import estimate, good_count
from automl_core.space import Params

if TYPE_CHECKING:
    from automl_core.search.bayesian.encoding import Encoding


class BohbOptions(BracketOptions):
    """Options of BOHB: Hyperband's and the model's."""

    random_fraction: float = Field(1 / 3, ge=0, le=1, description="Share of combinations drawn without the model.")
    good: float = Field(0.15, gt=0, lt=1, description="Share of the trials at a budget that counts as good.")
    candidates: int = Field(64, ge=1, description="Combinations drawn from the good ones' density, the best is taken.")


class Bohb(BracketSearch):
    """Hyperband whose new combinations come from the density of good trials at the highest telling budget.

    A budget is telling once more trials finished it than the space has parameters (plus 2). The next bracket
    starts while a rung of this one is incomplete, and the schedule starts again while trials are left.
    """

    name = "bohb"
    summary = "Hyperband's brackets filled by a density model (TPE) per budget"
    overlaps = True
    repeats = True
    options_model = BohbOptions
    options: BohbOptions

    def draw(self, history: History, seen: Set[str], bracket: int) -> Params | None:
        """From the model, or by chance for the random fraction and as long as no budget is telling."""
        rng = rng_for(self.context.seed, self.name, len(history))
        by_chance = rng.random() < self.options.random_fraction
        params = None if by_chance else self._modelled(history, set(seen))
        if params is not None:
            return params
        return draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))

    @cached_property
    def _encoding(self) -> Encoding:
        from automl_core.search.bayesian.encoding import Encoding

        return Encoding(self.context.space)

    def _modelled(self, history: History, seen: set[str]) -> Params | None:
        least = len(self.context.space.dimensions) + 2
        for level in sorted({level for trial in history for level in trial.losses_at}, reverse=True):
            known = [
                (trial.params, trial.losses_at[level])
                for trial in history
                if math.isfinite(trial.losses_at.get(level, math.nan))
            ]
            if len(known) > least and self.context.space.dimensions:
                others = [trial.params for trial in history if not trial.losses_at]
                good = max(good_count(len(known), self.options.good, len(known)), min(least, len(known) // 2))
                seeds = (self.context.seed, len(history))
                return estimate(self._encoding, known, others, seen, good, self.options.candidates, seeds)
        return None
