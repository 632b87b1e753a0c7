"""Sobol search: a scrambled low-discrepancy sequence, which covers the space more evenly than chance."""

from __future__ import annotations

from collections.abc import Iterator, Set

from automl_core.search.base import Algorithm, Decision, Exhausted, History, NewTrial, rng_for, seen_keys
from automl_core.search.drawing import draw_new
from automl_core.space import Params, Space

_MAX_DIMENSIONS = 21_201  # of the direction numbers of Joe and Kuo (2008) that scipy carries
_MOST_AT_ONCE = 4096  # points made in one go
_PATIENCE = 4  # points looked at per trial before the space counts as nearly exhausted


def sobol_points(space: Space, seed: int, label: str = "sobol", start: int = 0) -> Iterator[Params]:
    """Combinations along a scrambled Sobol sequence (Owen 1998), without end.

    Args:
        space: every tunable parameter is a dimension.
        seed: scrambles the sequence.
        label: keeps the sequences of different users of one seed apart.
        start: points at the beginning that are passed over, unmade.
    """
    from scipy.stats import qmc

    dimensions = len(space.dimensions)
    if not 0 < dimensions <= _MAX_DIMENSIONS:
        rng = rng_for(seed, label)
        for _ in range(start):
            space.sample(rng)
        while True:
            yield space.sample(rng)
    engine = qmc.Sobol(dimensions, scramble=True, rng=rng_for(seed, label).getrandbits(64))
    if start:
        engine.fast_forward(start)
    size = 64
    while True:
        for row in engine.random(size).tolist():
            yield space.at(row)
        size = min(2 * size, _MOST_AT_ONCE)


class Sobol(Algorithm):
    """Walks a scrambled Sobol sequence and skips what was handed out before."""

    name = "sobol"
    summary = "a scrambled low-discrepancy sequence: even coverage"

    def proposals(self) -> int:
        """All trials."""
        return self.context.max_trials

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """All combinations."""
        proposed: list[NewTrial] = []
        seen: set[str] = set()
        points = enumerate(sobol_points(self.context.space, self.context.seed))
        for number in self._numbers(most):
            decision = self._decide(number, seen, points)
            if not isinstance(decision, NewTrial):
                break
            proposed.append(decision)
            seen.add(Space.key(decision.params))
        return proposed

    def suggest(self, history: History) -> Decision:
        """The first point of the sequence that was not handed out.

        Each trial beside the leading ones has used up a point at least, so those before are not made again.
        """
        start = max(0, len(history) - len(self.leading))
        points = enumerate(sobol_points(self.context.space, self.context.seed, start=start), start)
        return self._decide(len(history), seen_keys(history), points)

    def _decide(self, number: int, seen: Set[str], points: Iterator[tuple[int, Params]]) -> Decision:
        opening = self.opening(number, seen)
        if opening is not None:
            return opening
        for index, params in points:
            if Space.key(params) not in seen:
                return NewTrial(params, budget=self.full_budget)
            if index >= _PATIENCE * (number + 64):
                break
        rng = rng_for(self.context.seed, self.name, number)
        left = draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))
        if left is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(left, budget=self.full_budget)
