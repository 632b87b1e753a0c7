"""Further spaces with branches, of the halves' kind, drawn by another salt: enough to tell a change from luck.

The work half has two such spaces (and one with noise), `trained` two choices between learners.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from benchmarks.search.drawn import conditional, seed_of
from benchmarks.search.halves import with_lowest
from benchmarks.search.problems import Problem

SALT = "branches-2026-11"
COUNT = 12
_DRAWS = 3_000


@cache
def branches() -> tuple[Problem, ...]:
    """The problems. What random search and the best known combination reach is computed once and kept."""
    found = (conditional(f"branches_{i}", seed_of(SALT, "conditional", i)) for i in range(COUNT))
    return tuple(with_lowest(replace(problem, draws=_DRAWS)) for problem in found)
