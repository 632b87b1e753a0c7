"""Subsets, sorted lists and ordered options: ``python -m benchmarks.search.lists``.

Three problems whose loss is computed exactly, none of them made to suit an algorithm: the columns that a linear model
takes (a subset), the epochs at which a learning rate drops (a sorted list), and a training with augmentations, a size
and widths (all kinds, with a condition). Score as in `benchmarks.search.run`: 0 is random search with as many trials,
100 the optimum, which is that of all subsets, or of a long local search from many starts.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from automl_core.optimizer import Optimizer
from automl_core.search.neighbours import mutate
from automl_core.space import Params

ALGORITHMS = ("random", "tpe", "bayesian", "evolution", "annealing")
_RANDOM_RUNS = 200
_STARTS, _STEPS = 60, 400


@dataclass(frozen=True, eq=False)
class Problem:
    """A space and its loss."""

    name: str
    space: Mapping[str, Any]
    loss: Callable[[Params], float]


def _columns() -> Problem:
    """Mean squared error on held-out rows of least squares on a subset of 14 correlated columns."""
    rng = np.random.default_rng(7)
    mixing = rng.normal(size=(14, 14)) * 0.35 + np.eye(14)
    x = rng.normal(size=(140, 14)) @ mixing
    weights = np.where(np.arange(14) % 3 == 0, rng.normal(size=14) * 2, 0.0)
    y = x @ weights + x[:, 1] * x[:, 4] * 0.5 + rng.normal(size=140) * 2.0
    train, test = slice(0, 40), slice(40, 140)

    def loss(params: Params) -> float:
        chosen = [int(str(name)[1:]) for name in params["columns"]]  # type: ignore[union-attr]
        found, *_ = np.linalg.lstsq(x[train][:, chosen], y[train], rcond=None)
        return float(np.mean((x[test][:, chosen] @ found - y[test]) ** 2))

    names = [f"c{i}" for i in range(14)]
    return Problem("columns", {"columns": {"type": "subset", "values": names, "min": 1, "max": 7}}, loss)


def _drops() -> Problem:
    """Expected squared distance to the optimum of SGD with noisy gradients on two curvatures, after 100 epochs."""

    def loss(params: Params) -> float:
        rate, drops, factor = float(params["lr"]), list(params["drops"]), float(params["factor"])  # type: ignore[arg-type]
        errors = np.array([25.0, 4.0])
        curvature, noise = np.array([0.05, 1.0]), np.array([0.3, 1.0])
        for epoch in range(100):
            if epoch in drops:
                rate *= factor
            errors = np.minimum((1 - rate * curvature) ** 2 * errors + (rate * noise) ** 2, 1e6)
        return float(math.log(errors.sum()))

    return Problem(
        "drops",
        {
            "lr": {"type": "loguniform", "low": 1e-3, "high": 3},
            "factor": {"type": "loguniform", "low": 0.03, "high": 0.9},
            "drops": {"type": "sorted_list", "low": 1, "high": 99, "length": 3, "whole": True},
        },
        loss,
    )


def _training() -> Problem:
    """A made-up training: augmentations that help, harm and get in each other's way, a size, and widths."""
    gains = {
        "flip": 0.8,
        "crop": 0.6,
        "mixup": 0.5,
        "blur": -0.4,
        "noise": -0.2,
        "erase": 0.4,
        "hue": 0.1,
        "rotate": -0.6,
    }
    clashes = {("crop", "erase"): 0.7, ("mixup", "flip"): 0.2, ("erase", "mixup"): 0.5}
    sizes = ["tiny", "small", "medium", "large", "huge"]

    def loss(params: Params) -> float:
        chosen: list[Any] = list(params["augment"])  # type: ignore[arg-type]
        gain = sum(gains[name] for name in chosen)
        gain -= sum(cost for (a, b), cost in clashes.items() if a in chosen and b in chosen)
        size = sizes.index(str(params["size"]))
        widths: list[Any] = list(params["widths"])  # type: ignore[arg-type]
        shape = sum((math.log2(width) - 5.5 - 0.7 * place) ** 2 for place, width in enumerate(widths)) / len(widths)
        mixing = (float(params["alpha"]) - 0.3) ** 2 * 2 if "alpha" in params else 0.0  # type: ignore[arg-type]
        fit = (size - 2.7) ** 2 * 0.15 + abs(len(widths) - 3) * 0.2
        return -gain + shape * 0.4 + fit + mixing

    return Problem(
        "training",
        {
            "augment": {"type": "subset", "values": list(gains), "max": 5},
            "alpha": {"type": "uniform", "low": 0, "high": 1, "when": {"augment": ["mixup"]}},
            "size": {"type": "ordinal", "values": sizes},
            "widths": {
                "type": "sorted_list", "low": 8, "high": 512, "min_length": 1, "max_length": 4, "power_of": 2,
                "whole": True, "distinct": False,
            },
        },
        loss,
    )  # fmt: skip


PROBLEMS = (_columns(), _drops(), _training())


def optimum(problem: Problem) -> float:
    """The lowest loss: of every combination where there are few, else of a local search from many starts."""
    space = Optimizer(problem.space).space
    if space.size(limit=20_000) is not None:
        return min(map(problem.loss, space.combinations()))
    rng, found = random.Random(1), math.inf
    for _ in range(_STARTS):
        here = min((space.sample(rng) for _ in range(50)), key=problem.loss)
        for step in range(_STEPS):
            there = mutate(space, here, rng, max(0.3 * 0.99**step, 0.005), 0.3)
            here = min(here, there, key=problem.loss)
        found = min(found, problem.loss(here))
    return found


def best_of(problem: Problem, algorithm: str, seed: int, trials: int) -> float:
    """The lowest loss of a run."""
    optimizer = Optimizer(problem.space, algorithm=algorithm, seed=seed, max_trials=trials)
    found = math.inf
    while (trial := optimizer.ask()) is not None:
        loss = problem.loss(trial.params)
        optimizer.tell(trial, loss)
        found = min(found, loss)
    return found


@cache
def _random_regret(problem: Problem, trials: int, lowest: float) -> float:
    space, rng = Optimizer(problem.space).space, random.Random(2)
    runs = [min(problem.loss(space.sample(rng)) for _ in range(trials)) for _ in range(_RANDOM_RUNS)]
    return sum(runs) / len(runs) - lowest


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="at least 2")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=[problem.name for problem in PROBLEMS])
    parser.add_argument("--algorithms", nargs="*", default=ALGORITHMS)
    given = parser.parse_args()
    problems = [problem for problem in PROBLEMS if problem.name in given.only]
    print("| algorithm | " + " | ".join(problem.name for problem in problems) + " |")
    print("|---" * (len(problems) + 1) + "|")
    lowest = {problem.name: optimum(problem) for problem in problems}
    for algorithm in given.algorithms:
        cells = []
        for problem in problems:
            regret = _random_regret(problem, given.trials, lowest[problem.name])
            bests = [best_of(problem, algorithm, seed, given.trials) for seed in range(given.seeds)]
            scores = [100 * (1 - (best - lowest[problem.name]) / regret) for best in bests]
            half = 1.96 * float(np.std(scores, ddof=1)) / math.sqrt(len(scores))
            cells.append(f"{np.mean(scores):.0f} ± {half:.0f}")
        print(f"| {algorithm} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
