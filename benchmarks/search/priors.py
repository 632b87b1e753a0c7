"""What a prior brings when it is right, and costs when it is wrong, on the work half's problems that take no training.

    python -m benchmarks.search.priors --seeds 2

Right: the best of 3,000 random combinations, each number of it moved by a tenth of its range (normal), ``spread`` 0.15;
of options that one, 0.3. Wrong: the far end of each number's range, and another option. Scores are those of
`benchmarks.search.run`: 0 is random search, 100 the optimum; each problem's mean is clipped to these.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from automl_core.space import Params
from benchmarks.search.halves import half
from benchmarks.search.problems import Problem
from benchmarks.search.run import Ours, simulate

WAYS = ("none", "right", "wrong")

_DRAWS = 3_000
_MOVED, _SPREAD, _OTHERS = 0.1, 0.15, 0.3
_TRIALS = 50


def with_priors(problem: Problem, way: str, seed: int) -> Problem:
    """The problem with a prior on each parameter that its best known combination has.

    Args:
        problem: as it is drawn.
        way: one of `WAYS`.
        seed: of what is moved, and of which other option is believed.
    """
    if way == "none":
        return problem
    rng = random.Random(f"priors:{problem.name}:{seed}")
    draws = random.Random(f"best:{problem.name}")
    best = min((problem.space.sample(draws) for _ in range(_DRAWS)), key=problem.loss)
    return replace(problem, models=_believed(problem, problem.models, best, way == "wrong", rng))


def _believed(
    problem: Problem, models: Mapping[str, Any], best: Params, wrong: bool, rng: random.Random
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, stated in models.items():
        model = dict(stated)
        if model["type"] == "choice":
            options = [each["value"] if isinstance(each, dict) else each for each in model["values"]]
            if name in best:
                others = [each for each in options if each != best[name]]
                center = rng.choice(others) if wrong and others else best[name]
                model["prior"] = {"center": center, "spread": _OTHERS}
            model["values"] = [
                {**each, "space": _believed(problem, each.get("space", {}), best, wrong, rng)}
                if isinstance(each, dict) else each
                for each in model["values"]
            ]  # fmt: skip
        elif name in best:
            parameter = problem.space.by_name[name]
            unit = parameter.unit_of(best[name])
            moved = (0.05 if unit > 0.5 else 0.95) if wrong else min(max(unit + rng.gauss(0, _MOVED), 0.0), 1.0)
            model["prior"] = {"center": parameter.value_at(moved), "spread": _SPREAD}
        found[name] = model
    return found


def main() -> None:
    """Run, and print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    problems = [each for each in half("work") if each.draws > 1_000]  # those that train have fewer
    scores: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for problem in problems:
        for way in WAYS:
            rows = []
            for seed in range(arguments.seeds):
                stated = with_priors(problem, way, seed)
                run = simulate(Ours("bayesian", stated, _TRIALS, 1, seed), stated, _TRIALS, 1, seed)
                rows.append(run.scores(problem))  # against random search without any prior
            scores[way].append(np.clip(np.mean(rows, axis=0), 0, 100).tolist())
        last = "  ".join(f"{way} {scores[way][-1][1]:6.1f} {scores[way][-1][-1]:6.1f}" for way in WAYS)
        print(f"{problem.name:34} after 10 and {_TRIALS}: {last}", flush=True)
    print("| prior | after 10 | after 30 | after 50 | least of a problem after 50, less that without |")
    print("|---|---|---|---|---|")
    for way in WAYS:
        table = np.array(scores[way])
        means, least = table.mean(axis=0), (table - np.array(scores["none"]))[:, -1].min()
        print(f"| {way} | {means[1]:.1f} | {means[5]:.1f} | {means[-1]:.1f} | {least:.1f} |")


if __name__ == "__main__":
    main()
