"""MOBSTER: ASHA whose new combinations come from a model (Klein et al. 2020, arXiv 2003.10865)."""

from __future__ import annotations

import math
from collections.abc import Set
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from pydantic import Field

from automl_core.search.asha import Asha
from automl_core.search.base import Context, Decision, History, Options, PastTrial, rng_for
from automl_core.search.drawing import draw_new
from automl_core.search.sobol import sobol_points
from automl_core.space import Params, Space

if TYPE_CHECKING:  # numpy and scipy load with the first suggestion, not with the experiment file
    from automl_core.search.freeze_thaw.proposal import Proposer

_LEAST = 4  # trials with a loss that the model needs


class MobsterOptions(Options):
    """Options of MOBSTER."""

    initial_trials: int = Field(
        25, ge=1, le=1000,
        description="Trials before the model chooses: Sobol points. No more than a third of trials.max.",
    )  # fmt: skip
    random_fraction: float = Field(0.1, ge=0, le=1, description="Share of combinations drawn without the model.")
    candidates: int = Field(200, ge=10, le=5000, description="New combinations that the model looks at each time.")


class Mobster(Asha):
    """ASHA's rungs and promotions, but a Gaussian process over combinations and budgets chooses what is started.

    The process (`freeze_thaw.model`) learns from every rung; what is started has the highest expected
    improvement at the highest budget (`freeze_thaw.proposal`). Running trials count as if their results were as
    predicted, so several asked for at once differ. No slot waits while a new trial can be started.

    Where the best of a trial's values counts (``goal.final``), a rung's loss is the lowest on the way to it: a
    trial whose curve turns upwards, or dips, is worth what it has reached.
    """

    name = "mobster"
    summary = "asynchronous successive halving of combinations that a model of learning curves chooses"
    options_model = MobsterOptions
    options: MobsterOptions

    def __init__(self, context: Context) -> None:
        """Lay out the rungs."""
        super().__init__(context)
        self.initial = max(min(self.options.initial_trials, context.searched // 3), context.concurrency)

    def suggest(self, history: History) -> Decision:
        """A promotion where a quota allows one, else a new trial."""
        if self.context.plain and self.context.final == "best":
            history = [_at_their_best(trial) for trial in history]
        return super().suggest(history)

    def draw(self, history: History, seen: Set[str]) -> Params | None:
        """From the model; Sobol points before there is one, and by chance for the random fraction."""
        number, space = len(history), self.context.space
        rng = rng_for(self.context.seed, self.name, number)
        by_chance = rng.random() < self.options.random_fraction
        chosen = None
        if number < self.initial:
            points = islice(sobol_points(space, self.context.seed, self.name), 4 * self.initial)
            chosen = next((params for params in points if Space.key(params) not in seen), None)
        elif not by_chance and _known(history) >= _LEAST:
            chosen = self._proposer.propose(history, seen, rng.getrandbits(64))
        return chosen or draw_new(space, seen, rng, lambda: space.sample(rng))

    @cached_property
    def _proposer(self) -> Proposer:
        from automl_core.search.freeze_thaw.proposal import Proposer

        assert self.context.budget is not None
        return Proposer(self.context.space, self.context.budget, self.options.candidates)


def _at_their_best(trial: PastTrial) -> PastTrial:
    """The trial with the lowest loss on the way to each budget, where the steps of its curve are budget units."""
    finished = max(trial.losses_at, default=0)
    if all(step != finished for step, _ in trial.curve):
        return trial
    losses = {
        budget: min([loss, *(v for step, v in trial.curve if step <= budget and math.isfinite(v))])
        for budget, loss in trial.losses_at.items()
        if math.isfinite(loss)
    }
    return replace(trial, losses_at={**trial.losses_at, **losses})


def _known(history: History) -> int:
    """How many trials have a loss at a budget."""
    return sum(1 for trial in history if any(map(math.isfinite, trial.losses_at.values())))
