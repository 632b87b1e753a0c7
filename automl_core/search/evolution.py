"""Evolution: the best combinations so far have children by crossover and mutation."""

from __future__ import annotations

import math
import random
from typing import Any

from pydantic import Field, model_validator

from automl_core.search.base import (
    Algorithm,
    Decision,
    Exhausted,
    History,
    NewTrial,
    Options,
    PastTrial,
    Plan,
    ranked,
    rng_for,
    seen_keys,
)
from automl_core.search.drawing import draw_new
from automl_core.search.neighbours import crossover, mutate
from automl_core.space import Params

_TOURNAMENT = 2
_WIDEST, _NARROWEST = 0.3, 0.03
_CHANGES = 1.6  # parameters that a mutation changes on average


class EvolutionOptions(Options):
    """Options of evolution; exploration, kept and rounds are those of PAI's legacy tuner."""

    exploration: int = Field(12, ge=1, description="Combinations drawn at random first (A).")
    kept: int = Field(8, ge=1, description="Best combinations that have children (N).")
    rounds: int | None = Field(
        None, ge=1, description="Rounds (M) of A - N children: exploration + (A - N) * M trials. Left out: trials.max."
    )
    crossover: float = Field(0.5, ge=0, le=1, description="Chance that a child has two parents.")

    @model_validator(mode="after")
    def _children(self) -> EvolutionOptions:
        if self.rounds is not None and self.kept >= self.exploration:
            raise ValueError(
                f"kept ({self.kept}) must be below exploration ({self.exploration}) when rounds are counted"
            )
        return self


class Evolution(Algorithm):
    """A steady-state evolution: no generation is waited for.

    Every child's parents are won in a tournament among the best ``kept`` combinations known when it is asked
    for: with several objectives by non-domination and crowding (NSGA-II, Deb et al. 2002), ``kept`` an objective.
    Numeric steps shrink from trial to trial.
    """

    name = "evolution"
    summary = "the best combinations have children by crossover and mutation"
    options_model = EvolutionOptions
    options: EvolutionOptions

    @property
    def trials(self) -> int:
        """Trials at most: ``trials.max``, or what the rounds amount to."""
        if self.options.rounds is None:
            return self.context.max_trials
        exploration, kept = self.options.exploration, self.options.kept
        return min(self.context.max_trials, exploration + (exploration - kept) * self.options.rounds)

    def plan(self) -> Plan:
        """Exploration and children."""
        return self.plan_of(min(self.trials, super().plan().trials))

    def proposals(self) -> int:
        """The exploration."""
        return min(self.options.exploration, self.trials)

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The exploration."""
        proposed: list[NewTrial] = []
        seen: set[str] = set()
        for number in self._numbers(most):
            decision = self.opening(number, seen) or self._explore(number, seen)
            if not isinstance(decision, NewTrial):
                break
            proposed.append(decision)
            seen.add(self.context.space.key(decision.params))
        return proposed

    def suggest(self, history: History) -> Decision:
        """A random combination while exploring, then a child of the best."""
        number, seen = len(history), seen_keys(history)
        opening = self.opening(number, seen)
        if opening is not None:
            return opening
        if number >= self.trials:
            return Exhausted(f"all {self.options.rounds} rounds are handed out")
        parents = self._parents(history)
        if number < self.options.exploration or not parents:
            return self._explore(number, seen)
        rng = rng_for(self.context.seed, self.name, number)
        params = draw_new(self.context.space, seen, rng, lambda: self._child(parents, number, rng))
        if params is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=self.full_budget, note="child")

    def describe(self, history: History) -> dict[str, Any]:
        """Numbers of the trials that may have children, best first."""
        return {"parents": [trial.number for trial in self._parents(history)]}

    def _explore(self, number: int, seen: set[str]) -> NewTrial | Exhausted:
        rng = rng_for(self.context.seed, self.name, number)
        params = draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))
        if params is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=self.full_budget, note="exploration")

    def _parents(self, history: History) -> list[PastTrial]:
        return ranked(history, self.options.kept * self.context.objectives)  # a front is wider than an optimum

    def _child(self, parents: list[PastTrial], number: int, rng: random.Random) -> Params:
        space = self.context.space
        params = self._winner(parents, rng).params
        if rng.random() < self.options.crossover:
            params = crossover(space, params, self._winner(parents, rng).params, rng)
        age = max(0, number - self.options.exploration) / 50
        width = max(_NARROWEST, _WIDEST * math.exp(-age))
        return mutate(space, params, rng, width, _CHANGES / max(1, len(params)))

    @staticmethod
    def _winner(parents: list[PastTrial], rng: random.Random) -> PastTrial:
        return parents[min(rng.randrange(len(parents)) for _ in range(_TOURNAMENT))]
