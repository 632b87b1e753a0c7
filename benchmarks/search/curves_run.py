"""Budget algorithms on the learning-curve tables, in simulated time with several workers.

``python -m benchmarks.search.curves_run asha --workers 1 4 --seeds 10``: score after 2, 5, 10, 20 and 30 full
trainings' worth of epochs, 100 * (1 - regret / regret of random search with as many full trainings).
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import time
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

from automl_core.search import BudgetRange, Context, Exhausted, NewTrial, PastTrial, Wait, create
from automl_core.space import Space
from automl_core.states import TrialState
from benchmarks.search.curves import PROBLEMS, Table, load

TRAININGS = (2, 5, 10, 20, 30)


@dataclass
class Run:
    """One simulated search on a table.

    Attributes:
        best_at: (epochs spent by all workers, best loss seen) whenever the best fell.
        decisions: number of suggestions.
        seconds: time that all suggestions took.
    """

    table: Table
    best_at: list[tuple[float, float]] = field(default_factory=list)
    decisions: int = 0
    seconds: float = 0.0

    def regret(self, trainings: float) -> float:
        """Distance to the table's best loss after so many full trainings' worth of epochs."""
        limit = trainings * self.table.epochs + 1e-9
        reached = [loss for spent, loss in self.best_at if spent <= limit]
        worst = max(max(curve) for curve in self.table.losses.values())
        return (min(reached) if reached else worst) - self.table.best


def simulate(
    table: Table,
    algorithm: str,
    seed: int,
    workers: int,
    trainings: float = 30,
    max_trials: int = 100_000,
    options: dict[str, Any] | None = None,
    min_budget: int = 1,
) -> Run:
    """Run an algorithm until the epochs of so many full trainings are spent."""
    budget = BudgetRange(min_budget, table.epochs, 3)
    searcher = create(algorithm, Context(table.space, max_trials, workers, seed, budget=budget, options=options or {}))
    run = Run(table)
    history: list[PastTrial] = []
    running: list[tuple[float, int]] = []
    now = 0.0
    end = trainings * table.epochs / workers
    best = math.inf
    while now <= end:
        while len(running) < workers:
            started = time.perf_counter()
            decision = searcher.suggest(tuple(history))
            run.seconds += time.perf_counter() - started
            run.decisions += 1
            if isinstance(decision, Wait | Exhausted):
                break
            if isinstance(decision, NewTrial):
                number, before = len(history), 0
                if decision.parent is not None:
                    before = max(history[decision.parent].losses_at, default=0)
                history.append(
                    PastTrial(
                        number,
                        decision.params,
                        TrialState.RUNNING,
                        budget=decision.budget,
                        bracket=decision.bracket,
                        rung=decision.rung,
                        parent=decision.parent,
                    )
                )
            else:
                number = decision.trial
                before = max(history[number].losses_at, default=0)
                history[number] = replace(
                    history[number],
                    state=TrialState.RUNNING,
                    budget=decision.budget,
                    bracket=decision.bracket,
                    rung=decision.rung,
                )
            heapq.heappush(running, (now + (decision.budget or table.epochs) - before, number))
        if not running:
            break
        now, number = heapq.heappop(running)
        trial = history[number]
        curve = table.losses[Space.key(trial.params)]
        reached = trial.budget or table.epochs
        loss = curve[reached - 1]
        history[number] = replace(
            trial,
            state=TrialState.SUCCEEDED,
            loss=loss,
            losses_at={**trial.losses_at, reached: loss},
            curve=tuple(enumerate(curve[:reached], 1)),
        )
        if loss < best:
            best = loss
            run.best_at.append((now * workers, loss))
    return run


def random_regret(table: Table, trainings: int) -> float:
    """Expected regret of random search: the lowest of so many final losses, drawn without replacement."""
    finals = sorted(curve[-1] for curve in table.losses.values())
    count, total, left = len(finals), 0.0, 1.0
    for index, loss in enumerate(finals):
        if count - index < trainings or left < 1e-12:
            break
        chance = left * min(1.0, trainings / (count - index))  # that this is the lowest drawn
        total += chance * loss
        left -= chance
    return total + left * finals[-1] - table.best


def score(table: Table, runs: list[Run]) -> list[float]:
    """Score at each of `TRAININGS`."""
    return [100 * (1 - fmean(run.regret(count) for run in runs) / random_regret(table, count)) for count in TRAININGS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("algorithms", nargs="+")
    parser.add_argument("--tables", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={})
    arguments = parser.parse_args()
    for workers in arguments.workers:
        for algorithm in arguments.algorithms:
            rows = []
            spent = decisions = 0.0
            for name in arguments.tables:
                table = load(name)
                seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
                runs = [simulate(table, algorithm, seed, workers, options=arguments.options) for seed in seeds]
                rows.append(score(table, runs))
                spent += sum(run.seconds for run in runs)
                decisions += sum(run.decisions for run in runs)
                print(f"  {name:20s}", *(f"{value:6.1f}" for value in rows[-1]), f" mean {fmean(rows[-1]):6.1f}")
            means = [fmean(column) for column in zip(*rows, strict=True)]
            print(
                f"{algorithm} with {workers} workers:",
                *(f"{value:6.1f}" for value in means),
                f" mean {fmean(means):6.1f}   ({1000 * spent / decisions:.1f} ms a suggestion)",
                flush=True,
            )


if __name__ == "__main__":
    main()
