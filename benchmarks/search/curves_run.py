"""Budget algorithms on the learning-curve tables, in simulated time with several workers.

``python -m benchmarks.search.curves_run asha --workers 1 4 --seeds 10``: score after 2, 5, 10, 20 and 30 full
trainings' worth of epochs, 100 * (1 - regret / regret of random search with as many full trainings).
"""

from __future__ import annotations

import argparse
import heapq
import json
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
        log: (epochs spent by all workers, combination's key, epochs it has reached) a finished piece of work.
        decisions: number of suggestions.
        seconds: time that all suggestions took.
    """

    table: Table
    log: list[tuple[float, str, int]] = field(default_factory=list)
    decisions: int = 0
    seconds: float = 0.0

    def lowest(self, trainings: float, seen: str) -> float:
        """The lowest loss after so many full trainings' worth of epochs.

        Args:
            trainings: how many.
            seen: ``any`` takes the lowest loss at any epoch trained, ``full`` the lowest last loss of a
                combination trained all the way (before the first one: what one random training gives).
        """
        losses, epochs = self.table.losses, self.table.epochs
        log = [(key, reached) for spent, key, reached in self.log if spent <= trainings * epochs + 1e-9]
        if seen == "any":
            return min((min(losses[key][:reached]) for key, reached in log), default=max(map(max, losses.values())))
        return min((losses[key][-1] for key, reached in log if reached == epochs), default=_random(self.table, 1, seen))


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
        run.log.append((now * workers, Space.key(trial.params), reached))
    return run


def _random(table: Table, trainings: int, seen: str) -> float:
    """Expected lowest loss of random search: so many combinations drawn without replacement, all trained fully."""
    values = sorted(min(curve) if seen == "any" else curve[-1] for curve in table.losses.values())
    count, total, left = len(values), 0.0, 1.0
    for index, loss in enumerate(values):
        if count - index <= trainings:
            return total + left * loss
        chance = left * trainings / (count - index)  # that this is the lowest drawn
        total += chance * loss
        left -= chance
    return total


def score(table: Table, runs: list[Run], seen: str = "any") -> list[float]:
    """Score at each of `TRAININGS`."""
    best = min(min(curve) if seen == "any" else curve[-1] for curve in table.losses.values())
    return [
        100 * (1 - (fmean(run.lowest(count, seen) for run in runs) - best) / (_random(table, count, seen) - best))
        for count in TRAININGS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("algorithms", nargs="+")
    parser.add_argument("--tables", nargs="+", default=list(PROBLEMS))
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seen", choices=["any", "full"], default="any", help="what counts as found")
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
                rows.append(score(table, runs, arguments.seen))
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
