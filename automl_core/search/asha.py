"""ASHA: asynchronous successive halving (Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning)."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, ClassVar, Literal

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
from automl_core.search.brackets import promotable
from automl_core.search.drawing import draw_new
from automl_core.search.rungs import completed, ladder, ladder_by_division, on_rung, quota_sizes
from automl_core.space import Params
from automl_core.states import TrialState


class AshaOptions(Options):
    """Options of ASHA: which rungs."""

    schedule: Literal["full", "tao"] = Field(
        "full",
        description="full: rungs from trials.budget.min up, times factor, then max. tao: TAO's rungs, from what "
        "divisions by the factor leave of max.",
    )
    epoch_multiplier: float | None = Field(
        None, ge=1, description="With schedule tao: budget of one unit, cut to a whole number; 1 when left out."
    )


class Asha(Algorithm):
    """Promotes whenever a rung's quota allows it, from the highest rung down, else starts a new trial.

    Rungs are ``min * factor ** i`` (or TAO's, see `AshaOptions`). Of those that completed a rung, failures counted,
    one in ``factor`` is promoted: the best that succeeded. No slot waits while a new trial can be started.
    """

    name = "asha"
    summary = "asynchronous successive halving of random combinations: no slot waits"
    uses_budget = True
    options_model: ClassVar[type[Options]] = AshaOptions

    def __init__(self, context: Context) -> None:
        """Lay out the rungs."""
        super().__init__(context)
        assert context.budget is not None
        options = self.options if isinstance(self.options, AshaOptions) else AshaOptions()
        if options.epoch_multiplier is not None and options.schedule != "tao":
            raise ValueError("search.options.epoch_multiplier: it goes with schedule: tao; leave it out, or give that")
        if options.schedule == "tao":
            self.levels = ladder_by_division(context.budget, int(options.epoch_multiplier or 1))
        else:
            self.levels = ladder(context.budget)
        self.factor = context.budget.factor

    def plan(self) -> Plan:
        """Every quota used up."""
        sizes = quota_sizes(self.context.searched, len(self.levels), self.factor)
        steps = [level - below for below, level in zip((0, *self.levels), self.levels, strict=False)]
        units = sum(size * step for size, step in zip(sizes, steps, strict=True))
        note = f"rungs {', '.join(map(str, self.levels))}"
        return self.with_baseline(Plan(slots=sum(sizes), trials=sizes[0], units=units, note=note))

    def proposals(self) -> int:
        """One a concurrent slot."""
        return min(self.context.concurrency, self.context.max_trials)

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The trials that start before any result: one a concurrent slot."""
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
        """A promotion where a quota allows one, else a new trial."""
        for rung in range(len(self.levels) - 2, -1, -1):
            there = on_rung(history, rung)
            if self.promoted(there, rung) < completed(there, rung) // self.factor:
                best = self.promotable([trial for trial in there if trial.rung == rung], rung)
                if best:
                    note = f"best of rung {rung}"
                    return Promote(best[0].number, budget=self.levels[rung + 1], rung=rung + 1, note=note)
        new = self._start(history, seen_keys(history))
        if isinstance(new, Exhausted):
            climbing = [
                t for t in history if not t.state.ended and t.rung is not None and t.rung < len(self.levels) - 1
            ]
            if climbing:
                return Wait(f"no new trial is left; {len(climbing)} running ones may still be promoted")
        return new

    def describe(self, history: History) -> dict[str, Any]:
        """Every rung: how many trials were started on it, are through with it, and were promoted from it."""
        rungs = []
        for rung, level in enumerate(self.levels):
            there = on_rung(history, rung)
            promoted = len(on_rung(history, rung + 1))
            done = completed(there, rung)
            rungs.append({"budget": level, "started": len(there), "completed": done, "promoted": promoted})
        return {"rungs": rungs}

    def promotable(self, trials: Sequence[PastTrial], rung: int) -> list[PastTrial]:
        """Those on a rung that may be promoted from it, best first."""
        return promotable(trials, self.levels[rung])

    def promoted(self, there: Sequence[PastTrial], rung: int) -> int:
        """How many of the trials on a rung or above count as promoted from it."""
        return sum(1 for trial in there if trial.rung != rung)

    def draw(self, history: History, seen: Set[str]) -> Params | None:
        """A new combination; None when the space is exhausted. The same in every algorithm that falls back on it."""
        rng = rng_for(self.context.seed, Asha.name, len(history))
        return draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))

    def _start(self, history: History, seen: Set[str]) -> NewTrial | Exhausted:
        opening = self.opening(len(history), seen)
        if isinstance(opening, Exhausted):
            return opening
        if opening is not None:
            return self.at_start(opening, budget=self.levels[0], rung=0)
        params = self.draw(history, seen)
        if params is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=self.levels[0], rung=0)
