"""Grid search: every combination of the space's values, in the order of the file."""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import chain, islice

from pydantic import Field

from automl_core.search.base import (
    Algorithm,
    Context,
    Decision,
    Exhausted,
    History,
    NewTrial,
    Options,
    Plan,
    rng_for,
    seen_keys,
)
from automl_core.space import Params, Space

_LISTABLE = 10_000


class GridOptions(Options):
    """Options of grid search."""

    resolution: int | None = Field(
        None,
        ge=2,
        le=10_000,
        description="Points taken from a parameter with endlessly many values, evenly over its distribution, "
        "and at most from a whole-number one.",
    )
    shuffle: bool = Field(False, description="Hand the combinations out in a random order.")


class Grid(Algorithm):
    """Walks the whole grid, the last parameter of the file changing fastest."""

    name = "grid"
    summary = "every combination once, in the order of the file"
    options_model = GridOptions
    options: GridOptions

    def __init__(self, context: Context) -> None:
        """Check that the space can be listed.

        Raises:
            ValueError: a parameter has endlessly many values and there is no ``resolution``.
        """
        super().__init__(context)
        for parameter in context.space.tunable:
            if self.options.resolution is None and parameter.values_within(parameter.low, parameter.high) is None:
                raise ValueError(
                    f"search.options.resolution: missing; the grid of space.{parameter.name} has no end: give a "
                    "number of points here, or give the parameter q or multiple_of"
                )

    def plan(self) -> Plan:
        """The size of the grid, as far as ``trials.max`` lets it be walked."""
        whole = self._count(max(_LISTABLE, self.context.max_trials))
        beside = sum(1 for params, _ in self.leading if not self.context.space.on_grid(params, self.options.resolution))
        size = f"over {_LISTABLE}" if whole > _LISTABLE else str(whole)
        return self.plan_of(min(whole + beside, self.context.max_trials), note=f"a grid of {size} combinations")

    def _count(self, limit: int) -> int:
        """Combinations of the grid; one more than the limit where there are more.

        Raises:
            ValueError: its conditions hang together so much that they can't be counted.
        """
        found = self.context.space.count(self.options.resolution, limit)
        if found is None:
            raise ValueError(
                "search.algorithm: too many of the space's conditions and bounds hang together for its grid to be "
                "counted; lower trials.max, leave some of them out, or take another algorithm (random, sobol)"
            )
        return found

    def proposals(self) -> int:
        """The whole grid."""
        return self.context.max_trials

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """All combinations."""
        new = islice(self._new(frozenset()), len(self._numbers(most)))
        return [NewTrial(params, budget=self.full_budget, note=note) for params, note in new]

    def suggest(self, history: History) -> Decision:
        """The first combination in the grid's order that was not handed out."""
        seen = seen_keys(history)
        opening = self.opening(len(history), seen)
        if opening is not None:
            return opening
        for params, note in self._new(seen, max(0, len(history) - len(self.leading))):
            return NewTrial(params, budget=self.full_budget, note=note)
        return Exhausted("every combination of the grid is handed out")

    def _new(self, seen: Set[str], passed: int = 0) -> Iterator[tuple[Params, str]]:
        """Combinations not handed out yet, with their notes: the leading ones, then the grid's.

        Args:
            seen: keys of those handed out.
            passed: so many at the grid's beginning are among them, where the trials are this grid's: each trial beside
                the leading ones has used up one. They are not looked at one by one.
        """
        for params, note in self.leading:
            if Space.key(params) not in seen:
                yield params, note
        seen = seen | {Space.key(params) for params, _ in self.leading}
        walk = self._walk()
        before = list(islice(walk, passed))
        if not all(Space.key(params) in seen for params in (*before[:1], *before[-1:])):
            walk, before = chain(before, walk), []  # another's trials, or of a space that was narrowed since
        for params in chain(walk, before):
            if Space.key(params) not in seen:
                yield params, ""

    def _walk(self) -> Iterator[Params]:
        grid = self.context.space.combinations(self.options.resolution)
        if not self.options.shuffle:
            yield from grid
            return
        # a grid too large to list is shuffled block by block
        rng = rng_for(self.context.seed, self.name)
        while block := list(islice(grid, _LISTABLE)):
            rng.shuffle(block)
            yield from block
