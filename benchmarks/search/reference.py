"""The regret of random search, which every score is measured against."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from functools import cache

from benchmarks.search.problems import Problem
from benchmarks.search.results import CHECKPOINTS, RESULTS

_PATH = RESULTS / "random_regret.json"


def expected_lowest(values: Sequence[float], draws: int) -> float:
    """Expected lowest of so many values drawn without replacement.

    Args:
        values: a large sample; infinite ones (failures) count as drawn, and a draw of failures alone is left out.
        draws: how many, at most as many as there are values.

    Returns:
        The mean over every subset of that size, in closed form: no luck of one draw is in it.
    """
    ordered = sorted(values)
    count, total, weight, left = len(ordered), 0.0, 0.0, 1.0
    for index, value in enumerate(ordered):
        if not math.isfinite(value):
            break
        chance = left if count - index <= draws else left * draws / (count - index)  # that this is the lowest drawn
        total, weight, left = total + chance * value, weight + chance, left - chance
        if left < 1e-15:
            break
    return total / weight


@cache
def random_regret(problem: Problem) -> tuple[float, ...]:
    """Mean regret of random search at each of `CHECKPOINTS`, from `Problem.draws` draws.

    Kept in results/random_regret.json, being the same for every algorithm.
    """
    known = _known()
    return tuple(known[problem.name] if problem.name in known else keep(problem, drawn(problem)))


def drawn(problem: Problem) -> list[float]:
    """Losses of combinations drawn at random, infinite where they fail."""
    rng, space = random.Random(f"random:{problem.name}"), problem.space
    losses = (problem.loss(space.sample(rng)) for _ in range(problem.draws))
    return [loss if math.isfinite(loss) else math.inf for loss in losses]


def keep(problem: Problem, losses: Sequence[float]) -> list[float]:
    """Write what random search's regret is, given losses of combinations drawn at random."""
    found = [float(f"{expected_lowest(losses, n) - problem.optimum:.6g}") for n in CHECKPOINTS]
    known = _known() | {problem.name: found}
    lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in sorted(known.items())]
    _PATH.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return found


def _known() -> dict[str, list[float]]:
    return json.loads(_PATH.read_text()) if _PATH.exists() else {}
