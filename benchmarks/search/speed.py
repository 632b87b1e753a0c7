"""Seconds of one suggestion beside histories of growing length: ``python -m benchmarks.search.speed``.

The space has six mixed parameters (`benchmarks.search.problems.mixed_training`), the history is drawn at
random, and each figure is the median of several asks. Set OMP_NUM_THREADS=1 for one core.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable

from automl_core.search.base import Context, PastTrial
from automl_core.search.registry import create
from automl_core.space import Params
from automl_core.states import TrialState
from benchmarks.search.problems import Problem, mixed_training
from benchmarks.search.run import RESULTS

LENGTHS = (50, 200, 1000, 5000)


def ours(problem: Problem, known: list[tuple[Params, float]]) -> Callable[[], object]:
    """What asks our algorithm once."""
    algorithm = create("bayesian", Context(space=problem.space, max_trials=len(known) + 1))
    history = [PastTrial(i, p, TrialState.SUCCEEDED, loss=loss) for i, (p, loss) in enumerate(known)]
    return lambda: algorithm.suggest(history)


def optuna_gp(problem: Problem, known: list[tuple[Params, float]]) -> Callable[[], object]:
    """What asks Optuna's GP sampler once."""
    from benchmarks.search.peers import Optuna

    peer = Optuna("gp", problem, 1, 0)
    for params, loss in known:
        peer.add(params, loss)
    return peer.ask


SEARCHERS = {"bayesian": ours, "optuna-gp": optuna_gp}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", choices=sorted(SEARCHERS), default="bayesian")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write the result under results/")
    arguments = parser.parse_args()
    problem, rng = mixed_training(), random.Random(0)
    result: dict[str, float] = {}
    for length in arguments.lengths:
        drawn = [problem.space.sample(rng) for _ in range(length)]
        ask = SEARCHERS[arguments.algorithm](problem, [(params, problem.loss(params)) for params in drawn])
        ask()  # imports, caches of the space
        seconds = []
        for _ in range(arguments.repeats):
            started = time.perf_counter()
            ask()
            seconds.append(time.perf_counter() - started)
        result[str(length)] = round(statistics.median(seconds), 4)
        print(f"{arguments.algorithm}: {result[str(length)]:.3f} s an ask beside {length} trials", flush=True)
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"speed_{arguments.algorithm}.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
