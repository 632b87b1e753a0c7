"""Random search: every combination drawn from the distributions of the file."""

from __future__ import annotations

from collections.abc import Set

from automl_core.search.base import Algorithm, Decision, Exhausted, History, NewTrial, rng_for, seen_keys
from automl_core.search.drawing import draw_new
from automl_core.space import Space


class Random(Algorithm):
    """Draws every trial on its own from the distributions of the file, never the same one twice."""

    name = "random"
    summary = "independent draws from the distributions of the space"

    def proposals(self) -> int:
        """All trials."""
        return self.context.max_trials

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """All combinations."""
        proposed: list[NewTrial] = []
        seen: set[str] = set()
        for number in self._numbers(most):
            decision = self._decide(number, seen)
            if not isinstance(decision, NewTrial):
                break
            proposed.append(decision)
            seen.add(Space.key(decision.params))
        return proposed

    def suggest(self, history: History) -> Decision:
        """The draw that belongs to the next trial's number."""
        return self._decide(len(history), seen_keys(history))

    def _decide(self, number: int, seen: Set[str]) -> Decision:
        opening = self.opening(number, seen)
        if opening is not None:
            return opening
        rng = rng_for(self.context.seed, self.name, number)
        params = draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))
        if params is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=self.full_budget)
