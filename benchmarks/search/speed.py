"""Seconds of one suggestion beside histories of growing length: ``python -m benchmarks.search.speed``.

The space has six mixed parameters (`benchmarks.search.problems.mixed_training`), the history is drawn at random, and
each figure is the median of several asks, each beside one trial more (so that nothing can be kept from the last one).
CPU seconds count every thread of the process; wall seconds depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import time
from typing import Any, Protocol

from automl_core.search.base import Context, PastTrial
from automl_core.search.registry import create
from automl_core.space import Params
from automl_core.states import TrialState
from benchmarks.search.peers import PEERS
from benchmarks.search.problems import Problem, mixed_training
from benchmarks.search.results import RESULTS

LENGTHS = (50, 200, 1000, 5000)
PATH = RESULTS / "speed.json"


class Told(Protocol):
    """What can be told of trials that it did not ask for."""

    def add(self, params: Params, loss: float) -> None:
        """Take a finished trial in."""

    def ask(self) -> Any:
        """The next combination."""


class Ours:
    """An algorithm of automl_core beside a history."""

    def __init__(self, algorithm: str, problem: Problem, trials: int) -> None:
        """Make the algorithm."""
        self.algorithm = create(algorithm, Context(space=problem.space, max_trials=trials))
        self.history: list[PastTrial] = []

    def add(self, params: Params, loss: float) -> None:
        """See `Told`."""
        self.history.append(PastTrial(len(self.history), params, TrialState.SUCCEEDED, loss=loss))

    def ask(self) -> Any:
        """See `Told`."""
        return self.algorithm.suggest(self.history)


def searcher(algorithm: str, problem: Problem, trials: int) -> Told:
    """Ours by its registered name, a peer by its name in `benchmarks.search.peers`."""
    if algorithm not in PEERS:
        return Ours(algorithm, problem, trials)
    peer = PEERS[algorithm].make(problem, trials, 1, 0)
    if not hasattr(peer, "add"):
        raise ValueError(f"{algorithm} can't be told of trials that it did not ask for")
    told: Told = peer
    return told


def measure(algorithm: str, length: int, repeats: int) -> dict[str, float]:
    """Median seconds of an ask beside so many trials, in CPU and in wall time."""
    problem, rng = mixed_training(), random.Random(0)
    made = searcher(algorithm, problem, length + repeats + 1)

    def tell() -> None:
        params = problem.space.sample(rng)
        made.add(params, problem.loss(params))

    for _ in range(length - 1):
        tell()
    cpu, wall = [], []
    for repeat in range(repeats + 1):
        tell()
        cpu_started, started = time.process_time(), time.perf_counter()
        made.ask()
        if repeat or repeats == 0:  # the first one pays for imports and caches of the space
            cpu.append(time.process_time() - cpu_started)
            wall.append(time.perf_counter() - started)
    return {"cpu": round(statistics.median(cpu), 4), "wall": round(statistics.median(wall), 4)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", default="bayesian")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS))
    parser.add_argument("--repeats", type=int, default=5, help="0: the first ask itself, where one takes minutes")
    arguments = parser.parse_args()
    for length in arguments.lengths:
        found = measure(arguments.algorithm, length, arguments.repeats)
        known = json.loads(PATH.read_text()) if PATH.exists() else {}
        known.setdefault(arguments.algorithm, {})[str(length)] = found
        fresh = PATH.with_suffix(".part")
        fresh.write_text(json.dumps(known, indent=1) + "\n")
        os.replace(fresh, PATH)
        print(f"{arguments.algorithm} beside {length}: {found['cpu']:.3f} CPU s, {found['wall']:.3f} s", flush=True)


if __name__ == "__main__":
    main()
