"""Random search behind the runner's interface: by construction about 0 in the table."""

from __future__ import annotations

import random

from automl_core.space import Params
from benchmarks.search.problems import Problem


class Random:
    """Draws from the space's own distributions."""

    def __init__(self, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Seeded by problem and seed."""
        self.space, self.rng = problem.space, random.Random(f"peer:{problem.name}:{seed}")

    def ask(self) -> Params:
        """A draw from the space."""
        return self.space.sample(self.rng)

    def tell(self, params: Params, loss: float | None) -> None:
        """Nothing is learned."""
