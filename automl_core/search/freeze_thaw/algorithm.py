"""Freeze-thaw search over combinations and budgets (after Swersky et al. 2014)."""

from __future__ import annotations

import math
from collections.abc import Set
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import Field

from automl_core.search.base import (
    Algorithm,
    Context,
    Decision,
    Exhausted,
    History,
    NewTrial,
    Options,
    PastTrial,
    Plan,
    Promote,
    Wait,
    rng_for,
    seen_keys,
)
from automl_core.search.drawing import draw_new
from automl_core.search.freeze_thaw.allowance import Allowance
from automl_core.search.rungs import ladder
from automl_core.search.sobol import sobol_points
from automl_core.space import Params, Space
from automl_core.states import TrialState

if TYPE_CHECKING:  # numpy and scipy load with the first suggestion, not with the experiment file
    from automl_core.search.freeze_thaw.choice import Chooser

_COUNTABLE = 100_000
_LEAST = 2  # trials with a loss that the model needs


class FreezeThawOptions(Options):
    """Options of the freeze-thaw search."""

    initial_trials: int = Field(4, ge=2, le=1000, description="Sobol points that are trained to the lowest rung first.")
    candidates: int = Field(200, ge=10, le=5000, description="New combinations that the model looks at each time.")


class FreezeThaw(Algorithm):
    """Starts new combinations and goes on with paused ones, whichever a model of learning curves finds worth more.

    A Gaussian process over combinations and budgets predicts every trial's loss at the full budget, also of
    those never started. What is handed out has the highest expected improvement on the best fully trained
    trial per unit of budget, where a training may be given up after each rung (`rate`). Rungs are
    ``min * factor ** i`` as in ASHA; no slot waits while something is left to train. Running trials count as
    if their results were as predicted. ``rung`` is the place of a trial's budget on that ladder.
    """

    name = "freeze_thaw"
    summary = "a model of learning curves chooses what to start and what to train on"
    uses_budget = True
    options_model = FreezeThawOptions
    options: FreezeThawOptions

    def __init__(self, context: Context) -> None:
        """Lay out the rungs and the totals."""
        super().__init__(context)
        assert context.budget is not None
        self.budget = context.budget
        self.levels = ladder(context.budget)
        size = context.space.size(limit=min(context.max_trials, _COUNTABLE))
        most = context.searched if size is None else min(context.searched, size - context.baseline)
        self.allowance = Allowance(self.levels, max(1, most))
        self.initial = max(self.options.initial_trials, context.concurrency)

    def plan(self) -> Plan:
        """As much work as if half of the trials on every rung went on."""
        allowed = self.allowance
        note = f"rungs {', '.join(map(str, self.levels))}; the model chooses who climbs them"
        return self.with_baseline(Plan(slots=allowed.slots, trials=allowed.trials, units=allowed.units, note=note))

    def proposals(self) -> int:
        """The initial design, and the baseline."""
        return min(self.initial, self.allowance.trials) + self.context.baseline

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The initial design."""
        proposed: list[NewTrial] = []
        history: list[PastTrial] = []
        for number in self._numbers(most):
            decision = self.suggest(history)
            if not isinstance(decision, NewTrial):
                break
            proposed.append(decision)
            history.append(
                PastTrial(number, decision.params, TrialState.RUNNING, budget=decision.budget, rung=decision.rung)
            )
        return proposed

    def suggest(self, history: History) -> Decision:
        """The initial design; then what the model finds worth most per unit of budget."""
        seen = seen_keys(history)
        affordable = self.allowance.affordable(self.without_baseline(history))
        given = self._given(history, seen) if affordable[0] else Exhausted("the budget units of the plan are spent")
        if isinstance(given, NewTrial):
            return given
        decision = self._modelled(history, seen, affordable, allows_new=given is None)
        if decision is None and given is None:  # no loss is known, or no new combination is left
            decision = self._drawn(len(history), seen)
        if decision is not None:
            return decision
        running = sum(1 for trial in history if not trial.state.ended)
        if running:
            return Wait(f"no new trial is left; {running} running ones may still be trained on")
        return given or Exhausted("every combination of the space is handed out")

    def describe(self, history: History) -> dict[str, Any]:
        """How many trials stand on every rung, and how much of the plan is used."""
        bound = [(self.allowance.bound_to(trial), trial) for trial in self.without_baseline(history)]
        rungs = [
            {
                "budget": level,
                "started": sum(1 for rung, _ in bound if rung >= place),
                "completed": sum(1 for _, trial in bound if level in trial.losses_at),
            }
            for place, level in enumerate(self.levels)
        ]
        spent = sum(self.levels[rung] for rung, _ in bound if rung >= 0)
        return {"rungs": rungs, "units": {"spent": spent, "planned": self.allowance.units}}

    def _given(self, history: History, seen: Set[str]) -> NewTrial | Exhausted | None:
        """What is started without the model: leading combinations, and Sobol points while too little is known."""
        number = len(history)
        opening = self.opening(number, seen)
        if isinstance(opening, Exhausted):
            return opening
        if opening is not None:
            return self.at_start(opening, budget=self.levels[0], rung=0)
        known = sum(1 for trial in history if any(map(math.isfinite, trial.losses_at.values())))
        if number >= self.initial and known >= _LEAST:
            return None
        return self._drawn(number, seen) or Exhausted("every combination of the space is handed out")

    def _drawn(self, number: int, seen: Set[str]) -> NewTrial | None:
        """A combination of the initial design, and by chance after it; None when the space is exhausted."""
        params = self._design(number, seen)
        note = "initial design: Sobol" if number < self.initial else "by chance: too little is known"
        return None if params is None else NewTrial(params, budget=self.levels[0], rung=0, note=note)

    def _design(self, number: int, seen: Set[str]) -> Params | None:
        space = self.context.space
        if number < self.initial:
            for params in islice(sobol_points(space, self.context.seed, self.name), 4 * self.initial):
                if Space.key(params) not in seen:
                    return params
        rng = rng_for(self.context.seed, self.name, number)
        return draw_new(space, seen, rng, lambda: space.sample(rng))

    @cached_property
    def _chooser(self) -> Chooser:
        from automl_core.search.freeze_thaw.choice import Chooser

        return Chooser(self.context.space, self.budget, self.levels, self.options.candidates)

    def _modelled(
        self, history: History, seen: Set[str], affordable: list[bool], allows_new: bool
    ) -> NewTrial | Promote | None:
        """The choice of the highest rate; None when there is nothing to choose from."""
        pieces = sum(1 + len(trial.losses_at) for trial in history)
        seed = rng_for(self.context.seed, self.name, len(history), pieces).getrandbits(64)
        chosen = self._chooser.choose(history, seen, affordable, allows_new, seed)
        if chosen is None:
            return None
        rung = chosen.reached + 1
        top = self.levels[-1]
        reference = "the best" if any(top in trial.losses_at for trial in history) else "the average"
        note = f"{100 * chosen.chance:.0f} % chance to improve on {reference} at {top}"
        if chosen.trial is not None:
            return Promote(chosen.trial, budget=self.levels[rung], rung=rung, note=note)
        return NewTrial(chosen.params, budget=self.levels[rung], rung=rung, note=note)
