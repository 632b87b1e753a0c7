"""Measure a search algorithm: ``python -m benchmarks.search.run --algorithm bayesian --set nine``.

Score of a run = 100 * (1 - regret / mean regret of random search with as many trials): 0 is random
search, 100 the optimum. With ``--pending q`` trials overlap: q are under way at any time, each takes a
random time, and the search is asked for the next one as soon as one of them ends.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.space import Params
from automl_core.states import TrialState
from benchmarks.search.problems import Problem, load

RESULTS = Path(__file__).parent / "results"
_RANDOM_RUNS = 400


class Searcher(Protocol):
    """What is measured: ours and the peers' behind one interface."""

    def ask(self) -> Params | None:
        """The next combination, None when there is nothing to hand out now."""

    def tell(self, params: Params, loss: float | None) -> None:
        """The loss of a combination that was handed out; None when it failed."""


class Ours:
    """An algorithm of automl_core, driven by its history."""

    def __init__(self, algorithm: str, problem: Problem, trials: int, pending: int, seed: int) -> None:
        """Make the algorithm for one run."""
        from automl_core.search.registry import create

        context = Context(space=problem.space, max_trials=trials, concurrency=pending, seed=seed)
        self.algorithm = create(algorithm, context)
        self.history: list[PastTrial] = []

    def ask(self) -> Params | None:
        """See `Searcher`."""
        decision = self.algorithm.suggest(self.history)
        if not isinstance(decision, NewTrial):
            return None
        self.history.append(PastTrial(len(self.history), decision.params, TrialState.RUNNING))
        return decision.params

    def tell(self, params: Params, loss: float | None) -> None:
        """See `Searcher`."""
        number = next(t.number for t in self.history if t.params is params)
        state = TrialState.FAILED if loss is None else TrialState.SUCCEEDED
        self.history[number] = PastTrial(number, params, state, loss=loss)


Factory = Callable[[Problem, int, int, int], Searcher]
"""(problem, trials, pending, seed) → searcher."""


def factory(algorithm: str) -> Factory:
    """Ours by its registered name; a peer by its name in `benchmarks.search.peers`."""
    from benchmarks.search.peers import PEERS

    if algorithm in PEERS:
        return PEERS[algorithm]
    return lambda problem, trials, pending, seed: Ours(algorithm, problem, trials, pending, seed)


@dataclass(frozen=True)
class Run:
    """One run: losses in the order in which trials ended, and the seconds of each ask."""

    losses: tuple[float, ...]
    seconds: tuple[float, ...]

    def regret(self, trials: int, optimum: float) -> float:
        """Best loss of the first trials over the optimum; infinite while all of them failed."""
        seen = [loss for loss in self.losses[:trials] if math.isfinite(loss)]
        return max(min(seen, default=math.inf) - optimum, 0.0)


def simulate(searcher: Searcher, problem: Problem, trials: int, pending: int, seed: int) -> Run:
    """One run with a number of trials under way at any time."""
    clock = random.Random(f"durations:{problem.name}:{seed}")
    running: list[tuple[float, int, Params]] = []
    losses: list[float] = []
    seconds: list[float] = []
    now, handed = 0.0, 0
    while len(losses) < trials:
        while handed < trials and len(running) < pending:
            started = time.perf_counter()
            params = searcher.ask()
            seconds.append(time.perf_counter() - started)
            if params is None:
                break
            heapq.heappush(running, (now + clock.lognormvariate(0.0, 0.3), handed, params))
            handed += 1
        if not running:
            break
        now, _, params = heapq.heappop(running)
        loss = problem.loss(params)
        losses.append(loss)
        searcher.tell(params, loss if math.isfinite(loss) else None)
    return Run(tuple(losses), tuple(seconds))


def random_regret(problem: Problem, trials: int) -> float:
    """Mean regret of random search."""
    rng = random.Random(f"random:{problem.name}")
    space, total = problem.space, 0.0
    for _ in range(_RANDOM_RUNS):
        losses = [problem.loss(space.sample(rng)) for _ in range(trials)]
        total += min(loss for loss in losses if math.isfinite(loss)) - problem.optimum
    return total / _RANDOM_RUNS


def _reference(problem: Problem, trials: int) -> float:
    """`random_regret`, kept in a file: it is the same for every algorithm."""
    path = RESULTS / "random_regret.json"
    known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    key = f"{problem.name}/{trials}"
    if key not in known:
        known[key] = random_regret(problem, trials)
        RESULTS.mkdir(exist_ok=True)
        path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    return known[key]


def measure(
    algorithm: str, problems: Sequence[Problem], trials: Sequence[int], seeds: Sequence[int], pending: int
) -> dict[str, Any]:
    """Scores of every problem, seed and number of trials, with the seconds an ask took."""
    make = factory(algorithm)
    scores: dict[str, dict[str, list[float]]] = {}
    seconds: list[float] = []
    for problem in problems:
        references = {t: _reference(problem, t) for t in trials}
        scores[problem.name] = {str(t): [] for t in trials}
        for seed in seeds:
            run = simulate(make(problem, max(trials), pending, seed), problem, max(trials), pending, seed)
            seconds.extend(run.seconds)
            for t in trials:
                regret = run.regret(t, problem.optimum)
                scores[problem.name][str(t)].append(round(100 * (1 - regret / references[t]), 2))
        shown = " ".join(f"{np.mean(scores[problem.name][str(t)]):7.1f}" for t in trials)
        print(f"{problem.name:22s} {shown}", flush=True)
    return {"algorithm": algorithm, "pending": pending, "scores": scores, "seconds_per_ask": float(np.mean(seconds))}


def summary(result: Mapping[str, Any], trials: int) -> tuple[float, float]:
    """Mean score over problems and seeds, and half the width of its 95 % interval over seeds."""
    table = np.array([by_trials[str(trials)] for by_trials in result["scores"].values()])  # problems x seeds
    by_seed = table.mean(axis=0)
    half = 1.96 * by_seed.std(ddof=1) / math.sqrt(len(by_seed)) if len(by_seed) > 1 else math.nan
    return float(by_seed.mean()), float(half)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", default="bayesian")
    parser.add_argument("--set", default="nine", help="nine, eighteen or check")
    parser.add_argument("--problems", nargs="*", help="only these of the set")
    parser.add_argument("--trials", type=int, nargs="+", default=[30, 50], help="scores after so many trials")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--pending", type=int, default=1)
    parser.add_argument("--save", action="store_true", help="write the result under results/")
    arguments = parser.parse_args()
    problems = [p for p in load(arguments.set) if not arguments.problems or p.name in arguments.problems]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    result = measure(arguments.algorithm, problems, sorted(arguments.trials), seeds, arguments.pending)
    for trials in sorted(arguments.trials):
        mean, half = summary(result, trials)
        print(f"{arguments.algorithm}: {mean:.1f} ± {half:.1f} after {trials} trials, {arguments.pending} pending")
    print(f"{result['seconds_per_ask']:.3f} s an ask")
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        name = f"{arguments.set}-{arguments.pending}-{arguments.algorithm}.json"
        (RESULTS / name).write_text(json.dumps({"set": arguments.set, **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
