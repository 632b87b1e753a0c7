"""MOBSTER: ASHA whose new combinations come from a model (Klein et al. 2020, arXiv 2003.10865), as far as it knows."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field

from automl_core.search.asha import Asha
from automl_core.search.base import (
    Context,
    Decision,
    History,
    NewTrial,
    Options,
    PastTrial,
    Promote,
    rng_for,
    seen_keys,
)
from automl_core.search.rungs import quota_sizes
from automl_core.search.turning import at_their_best, has_turned
from automl_core.space import Params

if TYPE_CHECKING:  # numpy and scipy load with the first suggestion, not with the experiment file
    from automl_core.search.freeze_thaw.choice import Chooser
    from automl_core.search.freeze_thaw.proposal import Proposer

_LEAST = 4  # trials with a loss that the model needs
_BY_PREDICTION = 0.5  # share of the decisions that the model makes alone where the last value counts


class MobsterOptions(Options):
    """Options of MOBSTER."""

    initial_trials: int = Field(
        25, ge=1, le=1000,
        description="Trials before the model chooses, drawn as asha draws them. No more than a third of trials.max.",
    )  # fmt: skip
    random_fraction: float = Field(
        0.25, ge=0, le=1,
        description="Share of combinations drawn without the model; more where it predicts no better than chance.",
    )  # fmt: skip
    candidates: int = Field(200, ge=10, le=5000, description="New combinations that the model looks at each time.")


class Mobster(Asha):
    """ASHA's rungs and promotions, but a Gaussian process over combinations and budgets chooses what is started.

    The process (`freeze_thaw.model`) learns from every rung; what is started has the highest expected
    improvement at the highest budget (`freeze_thaw.proposal`). Running trials count as if their results were as
    predicted, so several asked for at once differ. No slot waits while a new trial can be started.

    How much the model decides follows from how well it would have predicted the trials so far, each left out
    (`freeze_thaw.skill`). Where it does no better than chance it decides nothing, and what is left is ASHA: decision
    by decision the same as ``asha`` with this seed.

    What is promoted depends on which of a trial's values counts (``goal.final``):

    best: a rung's loss is the lowest on the way to it. A trial that has not improved since the rung below has what it
    will get, and is not promoted for its past.

    last: half of the decisions, less where the model is trusted less, are the model's alone: what is started or
    trained on has the highest expected improvement at the highest budget per unit of budget (`freeze_thaw.rate`). So
    a trial whose curve turns up is passed by, and one that is slow but will end well gets there, though it is last on
    every lower rung. Such work has bracket 1, and the rungs' quotas are as if
    the former had not been. All of it together stays within ASHA's plan.
    """

    name = "mobster"
    summary = "asynchronous successive halving of combinations that a model of learning curves chooses"
    options_model = MobsterOptions
    options: MobsterOptions

    def __init__(self, context: Context) -> None:
        """Lay out the rungs."""
        super().__init__(context)
        self.initial = max(min(self.options.initial_trials, context.searched // 3), context.concurrency)
        self._predicts = context.plain and context.final == "last"
        self._can_afford: list[bool] = []

    def suggest(self, history: History) -> Decision:
        """What the model predicts to pay most where it is its turn; else a promotion by quota, or a new trial."""
        if self.context.plain and self.context.final == "best":
            history = [at_their_best(trial) for trial in history]
        if self._predicts:
            self._can_afford = self._affordable(history)
            if predicted := self._by_prediction(history):
                return predicted
        return super().suggest(history)

    def draw(self, history: History, seen: Set[str]) -> Params | None:
        """From the model as often as it is trusted; else what ASHA would draw."""
        chosen = None
        if self._knows_enough(history):
            rng = rng_for(self.context.seed, self.name, len(history))
            doubt = rng.random()
            most = 1 - self.options.random_fraction
            if doubt < most:
                chosen = self._proposer.propose(history, seen, rng.getrandbits(64), doubt / most)
        return chosen or super().draw(history, seen)

    def promotable(self, trials: Sequence[PastTrial], rung: int) -> list[PastTrial]:
        """ASHA's, less those whose curve has turned, where the best value counts."""
        ranked = super().promotable(trials, rung)
        if self._predicts and not self._can_afford[rung + 1]:
            return []
        if rung == 0 or not self.context.plain or self.context.final != "best":
            return ranked
        return [trial for trial in ranked if not has_turned(trial, self.levels[rung - 1])]

    def promoted(self, there: Sequence[PastTrial], rung: int) -> int:
        """How many went on from a rung by its quota: not by prediction."""
        return super().promoted([trial for trial in there if not trial.bracket], rung)

    def _by_prediction(self, history: History) -> Decision | None:
        """The model's choice; None where it isn't its turn, or it has none."""
        if not self._knows_enough(history):
            return None
        pieces = sum(1 + (trial.rung or 0) for trial in history)
        rng = rng_for(self.context.seed, self.name, "prediction", pieces)
        doubt = rng.random() / _BY_PREDICTION
        if doubt >= 1:
            return None
        seen, affordable = seen_keys(history), self._can_afford
        opening = self.opening(len(history), seen)
        if isinstance(opening, NewTrial):
            return None
        chosen = self._chooser.choose(history, seen, affordable, opening is None, rng.getrandbits(64), doubt)
        if chosen is None:
            return None
        rung = chosen.reached + 1
        note = f"{100 * chosen.chance:.0f} % chance to end best"
        if chosen.trial is not None:
            return Promote(chosen.trial, budget=self.levels[rung], bracket=1, rung=rung, note=note)
        return NewTrial(chosen.params, budget=self.levels[0], bracket=1, rung=0, note=note)

    def _affordable(self, history: History) -> list[bool]:
        """For every rung, whether the plan has a slot and the units to train one more trial from the rung below to it.

        What the trials not yet started take on the lowest rung is set aside.
        """
        bound = [trial.rung for trial in history if trial.rung is not None]
        sizes = quota_sizes(self.context.searched, len(self.levels), self.factor)
        steps = [level - below for below, level in zip((0, *self.levels), self.levels, strict=False)]
        to_start = sizes[0] - len(bound)
        slots = sum(sizes) - sum(rung + 1 for rung in bound) - to_start
        units = sum(size * step for size, step in zip(sizes, steps, strict=True))
        units -= sum(self.levels[rung] for rung in bound) + to_start * steps[0]
        return [to_start > 0, *(slots > 0 and units >= step for step in steps[1:])]

    def _knows_enough(self, history: History) -> bool:
        known = sum(1 for trial in history if any(map(math.isfinite, trial.losses_at.values())))
        return len(history) >= self.initial and known >= _LEAST

    @cached_property
    def _proposer(self) -> Proposer:
        from automl_core.search.freeze_thaw.proposal import Proposer

        assert self.context.budget is not None
        return Proposer(self.context.space, self.context.budget, self.options.candidates)

    @cached_property
    def _chooser(self) -> Chooser:
        from automl_core.search.freeze_thaw.choice import Chooser

        assert self.context.budget is not None
        return Chooser(self.context.space, self.context.budget, self.levels, self.options.candidates)
