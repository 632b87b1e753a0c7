"""A large space: a hundred parameters of which six matter, a hundred trials.

Hartmann's function of six (minimum -3.322) reads six parameters that a hash drew; the other 94 change nothing. What is
printed is the mean of the lowest loss found after 25, 50 and 100 trials, over seeds, with its standard error.

    python -m benchmarks.search.environments main -m benchmarks.search.wide --algorithms bayesian optuna-tpe peer-random
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from statistics import fmean, stdev

import numpy as np

from automl_core.space import Params
from benchmarks.search import functions as f
from benchmarks.search.drawn import seed_of
from benchmarks.search.halves import SALT
from benchmarks.search.problems import Problem, continuous
from benchmarks.search.run import searcher, simulate

PARAMETERS, MATTER, TRIALS = 100, 6, 100
LOWEST = -3.322368
AT = (25, 50, 100)


def problem() -> Problem:
    """The problem: ``x0`` to ``x99``, each uniform on [0, 1]."""
    drawn = np.random.default_rng(seed_of(SALT, "wide")).choice(PARAMETERS, MATTER, replace=False)
    names = [f"x{number}" for number in drawn]

    def loss(params: Params) -> float:
        return f.hartmann6(np.array([float(params[name]) for name in names]))  # type: ignore[arg-type]

    made = continuous("hartmann6_of_100", f.sphere, [(0, 1)] * PARAMETERS, LOWEST)
    return replace(made, loss=loss)


def main() -> int:
    """Print a row of JSON for each run on standard error, and a table at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithms", nargs="+", default=["bayesian", "optuna-tpe", "peer-random"])
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    wide = problem()
    print(f"| algorithm | {' | '.join(f'after {at}' for at in AT)} | CPU s a suggestion |")
    print("|---" * (len(AT) + 2) + "|")
    for algorithm in given.algorithms:
        found: list[list[float]] = []
        cpu: list[float] = []
        for seed in range(given.seeds):
            run = simulate(searcher(algorithm, wide, TRIALS, 1, seed), wide, TRIALS, 1, seed)
            found.append([min(run.losses[:at]) for at in AT])
            cpu.append(run.cpu)
            row = {"algorithm": algorithm, "seed": seed, "lowest": found[-1], "cpu": round(run.cpu, 3)}
            print(json.dumps(row), file=sys.stderr, flush=True)
        cells = []
        for column in zip(*found, strict=True):
            error = stdev(column) / len(column) ** 0.5 if len(column) > 1 else float("nan")
            cells.append(f"{fmean(column):.2f} ± {error:.2f}")
        print(f"| {algorithm} | {' | '.join(cells)} | {fmean(cpu):.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
