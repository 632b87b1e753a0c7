"""What a prior brings when it is right, and costs when it is wrong, on the work half's problems that take no training.

    python -m benchmarks.search.priors --seeds 3

Right: the best of 3,000 random combinations, each number of it moved by a tenth of its range (normal), ``spread`` 0.15;
of options that one, 0.3. Wrong: the far end of each number's range, and another option. Scores are those of
`benchmarks.search.run`: 0 is random search, 100 the optimum; each problem's mean is clipped to these. Intervals are
bootstrapped over problems and, of each, its seeds; ``held`` counts the problems where the mean over seeds is at least
0.9 of that without.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from automl_core.space import Params
from benchmarks.search.halves import half
from benchmarks.search.problems import Problem
from benchmarks.search.run import Ours, simulate
from benchmarks.search.statistics import difference

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
    return replace(problem, models=_believed(problem, problem.models, _best(problem), way == "wrong", rng))


@cache
def _best(problem: Problem) -> Params:
    draws = random.Random(f"best:{problem.name}")
    return min((problem.space.sample(draws) for _ in range(_DRAWS)), key=problem.loss)


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
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0, help="10 and above have chosen nothing")
    parser.add_argument("--problems", nargs="*", default=[""], help="only those whose name has one of these in it")
    arguments = parser.parse_args()
    untrained = [each for each in half("work") if each.draws > 1_000]  # those that train have fewer
    problems = [each for each in untrained if any(part in each.name for part in arguments.problems)]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    scores: dict[str, list[list[list[float]]]] = {way: [] for way in WAYS}
    for problem in problems:
        for way in WAYS:
            rows = []
            for seed in seeds:
                stated = with_priors(problem, way, seed)
                run = simulate(Ours("bayesian", stated, _TRIALS, 1, seed), stated, _TRIALS, 1, seed)
                rows.append(run.scores(problem))  # against random search without any prior
            scores[way].append(rows)
        means = {way: np.mean(scores[way][-1], axis=0) for way in WAYS}
        last = "  ".join(f"{way} {means[way][1]:6.1f} {means[way][-1]:6.1f}" for way in WAYS)
        print(f"{problem.name:34} after 10 and {_TRIALS}: {last}", flush=True)
    print("| prior | after 10 | after 30 | after 50 | less that without (95 %) | least of a problem | held |")
    print("|---|---|---|---|---|---|---|")
    without = np.array(scores["none"])
    for way in WAYS:
        runs = np.array(scores[way])  # problems, seeds, checkpoints
        table, bare = np.clip(runs.mean(axis=1), 0, 100), np.clip(without.mean(axis=1), 0, 100)
        gain = difference(np.clip(runs[:, :, -1], 0, 100) - np.clip(without[:, :, -1], 0, 100))
        after, held = table.mean(axis=0), int((table[:, -1] >= 0.9 * bare[:, -1]).sum())
        print(
            f"| {way} | {after[1]:.1f} | {after[5]:.1f} | {after[-1]:.1f} | {gain.mean:+.1f} ({gain.low:+.1f} to "
            f"{gain.high:+.1f}) | {(table - bare)[:, -1].min():.1f} | {held} of {len(table)} |"
        )


if __name__ == "__main__":
    main()
