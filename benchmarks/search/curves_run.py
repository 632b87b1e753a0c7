"""Budget algorithms on the learning-curve tables, in simulated time with several workers.

``python -m benchmarks.search.curves_run freeze_thaw asha hyperband bohb --save``: score after 2, 5, 10, 20 and 30 full
trainings' worth of epochs, 100 * (1 - regret / regret of random search with as many full trainings); then
``python -m benchmarks.search.curves_table`` prints the tables.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import time
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from automl_core.search import BudgetRange, Context, Exhausted, NewTrial, PastTrial, Wait, create
from automl_core.space import Space
from automl_core.states import TrialState
from benchmarks.search.curves import PROBLEMS, Table, load

TRAININGS = (2, 5, 10, 20, 30)
MAIN = ("digits_mlp", "breast_cancer_sgd", "diabetes_boosting", "diabetes_mlp")
"""Tables that are reported; the others are held out of every choice of a constant."""
SEEN = ("any", "full", "kept")
"""What counts as found; see `Run.lowest`."""
SAVED = Path(__file__).parent / "results" / "budgets_ours.json"


@dataclass
class Run:
    """One simulated search on a table.

    Attributes:
        log: (epochs spent by all workers, combination's key, epochs it has reached) a finished piece of work.
        decisions: number of suggestions.
        seconds: CPU time that all suggestions took.
    """

    table: Table
    log: list[tuple[float, str, int]] = field(default_factory=list)
    decisions: int = 0
    seconds: float = 0.0

    def lowest(self, trainings: float, seen: str) -> float:
        """The lowest loss after so many full trainings' worth of epochs.

        Args:
            trainings: how many.
            seen: ``any`` takes the lowest loss at any epoch trained; ``full`` the lowest last loss of a
                combination trained all the way (before the first one: what one random training gives);
                ``kept`` the last loss of the combination that was lowest at the highest epoch reached so far,
                which is what one would go on with.
        """
        losses, epochs = self.table.losses, self.table.epochs
        log = [(key, reached) for spent, key, reached in self.log if spent <= trainings * epochs + 1e-9]
        if seen == "any":
            return min((min(losses[key][:reached]) for key, reached in log), default=max(map(max, losses.values())))
        if seen == "kept" and log:
            top = max(reached for _, reached in log)
            return losses[min((key for key, reached in log if reached == top), key=lambda k: losses[k][top - 1])][-1]
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
    final: str = "best",
) -> Run:
    """Run an algorithm until the epochs of so many full trainings are spent; ``final`` as ``goal.final``."""
    budget = BudgetRange(min_budget, table.epochs, 3)
    searcher = create(
        algorithm,
        Context(table.space, max_trials, workers, seed, budget=budget, options=options or {}, final=final),
    )
    run = Run(table)
    history: list[PastTrial] = []
    running: list[tuple[float, int]] = []
    now = 0.0
    end = trainings * table.epochs / workers
    while now <= end:
        while len(running) < workers:
            started = time.process_time()
            decision = searcher.suggest(tuple(history))
            run.seconds += time.process_time() - started
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
    scores = []
    for count in TRAININGS:
        best, chance = best_and_random(table, count, seen)
        scores.append(100 * (1 - (fmean(run.lowest(count, seen) for run in runs) - best) / (chance - best)))
    return scores


def best_and_random(table: Table, count: int, seen: str) -> tuple[float, float]:
    """The lowest loss of a table, and what so many random full trainings give."""
    best = min(min(curve) if seen == "any" else curve[-1] for curve in table.losses.values())
    return best, _random(table, count, seen)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithms", nargs="+")
    parser.add_argument("--tables", nargs="+", default=list(MAIN), help="some of " + ", ".join(PROBLEMS))
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument(
        "--final", choices=("best", "last"), default="best",
        help="goal.final: which of a trial's values counts; runs with last are kept as ALGORITHM-last",
    )  # fmt: skip
    parser.add_argument(
        "--save", action="store_true", help=f"keep every run in {SAVED.name}; runs kept are not repeated"
    )
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    for seed, workers, algorithm, name in product(seeds, arguments.workers, arguments.algorithms, arguments.tables):
        found = saved() if arguments.save else {}
        shown = algorithm if arguments.final == "best" else f"{algorithm}-{arguments.final}"
        if f"{shown} {workers} {name} {seed}" in found:
            continue
        run = simulate(load(name), algorithm, seed, workers, options=arguments.options, final=arguments.final)
        print(shown, f"workers {workers}", name, f"seed {seed}", *(f"{seen} {_row(run, seen)}" for seen in SEEN))
        print(f"    {1000 * run.seconds / run.decisions:.1f} ms a suggestion, {len(run.log)} slots", flush=True)
        if arguments.save:
            save(run, f"{shown} {workers} {name} {seed}")


def _row(run: Run, seen: str) -> str:
    return " ".join(f"{value:.0f}" for value in score(run.table, [run], seen))


def saved() -> dict[str, Any]:
    """Runs kept: ``algorithm workers table seed`` → the lowest losses at `TRAININGS` in each way of `SEEN`."""
    found: dict[str, Any] = json.loads(SAVED.read_text()) if SAVED.exists() else {}
    return found


def save(run: Run, name: str) -> None:
    """Keep a run; whoever writes last keeps what others wrote before."""
    lowest = {seen: [round(run.lowest(count, seen), 6) for count in TRAININGS] for seen in SEEN}
    more = {"ms": round(1000 * run.seconds / run.decisions, 1), "slots": len(run.log)}
    found = {**saved(), name: {**lowest, **more}}
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(found[key])}" for key in sorted(found))
    part = SAVED.with_suffix(".part")
    part.write_text(f"{{\n{lines}\n}}\n")
    os.replace(part, SAVED)


if __name__ == "__main__":
    main()
