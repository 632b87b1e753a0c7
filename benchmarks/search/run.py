"""Measure a search algorithm: ``python -m benchmarks.search.run --algorithm bayesian --set nine``.

Score of a run = 100 * (1 - regret / mean regret of random search with as many trials): 0 is random
search, 100 the optimum. With ``--pending q`` trials overlap: q are under way at any time, each takes a
random time, and the search is asked for the next one as soon as one of them ends. Runs that results/ holds
already are not made again (``--again`` makes them all).
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from automl_core.release import RELEASE
from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.space import Params
from automl_core.states import TrialState
from benchmarks.search import results
from benchmarks.search.peers import PEERS
from benchmarks.search.problems import Problem
from benchmarks.search.reference import random_regret
from benchmarks.search.results import CHECKPOINTS, Result
from benchmarks.search.seal import opens_anew, today
from benchmarks.search.sets import load

TRIALS = CHECKPOINTS[-1]


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


def searcher(algorithm: str, problem: Problem, trials: int, pending: int, seed: int) -> Searcher:
    """Ours by its registered name, a peer by its name in `benchmarks.search.peers`."""
    if algorithm in PEERS:
        peer: Searcher = PEERS[algorithm].make(problem, trials, pending, seed)
        return peer
    return Ours(algorithm, problem, trials, pending, seed)


@dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        losses: in the order in which trials ended; NaN of those that failed.
        trials: how many it could have made; it has fewer losses where the search had nothing more to hand out.
        cpu: CPU seconds of all of this process's threads, a suggestion (what telling results cost included).
        wall: the same in wall time.
    """

    losses: tuple[float, ...]
    trials: int
    cpu: float
    wall: float

    def regret(self, trials: int, optimum: float) -> float:
        """Best loss of the first trials over the optimum; infinite while all of them failed."""
        seen = [loss for loss in self.losses[:trials] if math.isfinite(loss)]
        return max(min(seen, default=math.inf) - optimum, 0.0)

    def scores(self, problem: Problem) -> list[float]:
        """Score at each of `CHECKPOINTS` that the run reached; -100 while every trial has failed."""
        regrets = [self.regret(trials, problem.optimum) for trials in CHECKPOINTS if trials <= self.trials]
        pairs = zip(regrets, random_regret(problem), strict=False)
        return [100 * (1 - mine / theirs) if math.isfinite(mine) else -100.0 for mine, theirs in pairs]


def simulate(make: Searcher, problem: Problem, trials: int, pending: int, seed: int) -> Run:
    """One run with a number of trials under way at any time."""
    clock = random.Random(f"durations:{problem.name}:{seed}")
    running: list[tuple[float, int, Params]] = []
    losses: list[float] = []
    now, handed, cpu, wall = 0.0, 0, 0.0, 0.0

    while len(losses) < trials:
        cpu_started, started = time.process_time(), time.perf_counter()
        while handed < trials and len(running) < pending:
            params = make.ask()
            if params is None:
                break
            heapq.heappush(running, (now + clock.lognormvariate(0.0, 0.3), handed, params))
            handed += 1
        cpu, wall = cpu + time.process_time() - cpu_started, wall + time.perf_counter() - started
        if not running:
            break
        now, _, params = heapq.heappop(running)
        loss = problem.loss(params)
        losses.append(loss)
        cpu_started, started = time.process_time(), time.perf_counter()
        make.tell(params, loss if math.isfinite(loss) else None)
        cpu, wall = cpu + time.process_time() - cpu_started, wall + time.perf_counter() - started
    return Run(tuple(losses), trials, cpu / max(handed, 1), wall / max(handed, 1))


def measure(
    result: Result, problems: Sequence[Problem], seeds: Sequence[int], trials: int = TRIALS, again: bool = False
) -> None:
    """Make the runs that are missing, seed after seed, so that what an interrupted measurement leaves is of use."""
    if result.algorithm in PEERS:
        result.version = PEERS[result.algorithm].version()
    if result.set == SEALED:
        _open_seal(result, seeds, problems)
    for seed in seeds:
        for problem in problems:
            if result.has(problem.name, seed) and not again:
                continue
            make = searcher(result.algorithm, problem, trials, result.pending, seed)
            run = simulate(make, problem, trials, result.pending, seed)
            result.add(problem.name, seed, run.scores(problem), run.cpu, run.wall)
        done = [by_seed[str(seed)][-1] for by_seed in result.scores.values() if str(seed) in by_seed]
        print(f"{result.path.stem}: seed {seed}: {fmean(done):.1f} after {trials}", flush=True)


SEALED = "sealed"
"""The set whose scores choose nothing."""


def _open_seal(result: Result, seeds: Sequence[int], problems: Sequence[Problem]) -> None:
    """Note release and day; of a release that was scored already only what an interrupted run lacks is made.

    Raises:
        SystemExit: ours of this release was scored (`benchmarks.search.seal`).
    """
    if result.algorithm not in PEERS:
        whole = all(result.has(problem.name, seed) for problem in problems for seed in seeds)
        if opens_anew(result.algorithm, RELEASE, result.version, result.date, whole):
            result.scores, result.cpu, result.wall = {}, {}, {}
        result.version = RELEASE
    result.date = today()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", default="bayesian", help="one of ours, or " + ", ".join(PEERS))
    parser.add_argument(
        "--set", default="nine", help="nine, eighteen, check, bbob, live, work, sealed, trained or branches"
    )
    parser.add_argument("--problems", nargs="*", help="only these of the set")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--pending", type=int, default=1)
    parser.add_argument("--trials", type=int, default=TRIALS, help="fewer where a suggestion takes seconds")
    parser.add_argument("--again", action="store_true", help="make runs anew that results/ holds already")
    arguments = parser.parse_args()
    problems = [p for p in load(arguments.set) if not arguments.problems or p.name in arguments.problems]
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    result = results.load(arguments.set, arguments.pending, arguments.algorithm)
    measure(result, problems, seeds, arguments.trials, arguments.again)


if __name__ == "__main__":
    main()
