"""The other libraries' budget algorithms on the learning-curve tables, in simulated time with several workers.

``python -m benchmarks.search.budgets dehb --workers 1 4 --seeds 3`` in the peers' environment. Same tables, same score
as `benchmarks.search.curves_run`, which measures ours; runs that results/ holds are not made again. Every epoch that a
worker trains counts; a library whose jobs name a number of epochs (DEHB, SMAC) is given the same combination's
checkpoint for nothing: it pays the difference.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import time
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from automl_core.space import Params, Space
from benchmarks.search.curves import Table, load
from benchmarks.search.curves_run import MAIN, SEEN, TRAININGS, Run, score
from benchmarks.search.results import RESULTS

SAVED = RESULTS / "budgets_peers.json"


@dataclass
class Work:
    """What a worker is to train.

    Attributes:
        params: the combination.
        target: train up to this epoch at most.
        resumes: whether it starts from what the same combination reached before.
        handle: the library's own name of it.
    """

    params: Params
    target: int
    resumes: bool = False
    handle: Any = None


class BudgetSearcher(Protocol):
    """What is measured."""

    def ask(self) -> Work | None:
        """The next piece of work, None when there is nothing to hand out now."""

    def report(self, work: Work, epoch: int, loss: float) -> bool:
        """Take the loss after an epoch; whether the work goes on."""


def simulate(searcher: BudgetSearcher, table: Table, workers: int) -> Run:
    """Run a search until the epochs of `TRAININGS`' last entry are spent."""
    run = Run(table)
    end = TRAININGS[-1] * table.epochs / workers
    running: list[tuple[float, int, int, Work]] = []  # time of the next epoch's end, number, that epoch, work
    reached: dict[str, int] = {}
    now, number = 0.0, 0
    while now <= end:
        started = time.process_time()
        while len(running) < workers:
            work = searcher.ask()
            run.decisions += 1
            if work is None:
                break
            known = reached.get(Space.key(work.params), 0) if work.resumes else 0
            epoch = min(known + 1, work.target)
            heapq.heappush(running, (now + (epoch > known), number, epoch, work))
            number += 1
        if not running:
            break
        now, order, epoch, work = heapq.heappop(running)
        key = Space.key(work.params)
        run.log.append((now * workers, key, epoch))
        reached[key] = max(reached.get(key, 0), epoch)
        if searcher.report(work, epoch, table.losses[key][epoch - 1]) and epoch < work.target:
            heapq.heappush(running, (now + 1, order, epoch + 1, work))
        run.seconds += time.process_time() - started
    return run


def main() -> None:
    """Command line."""
    from benchmarks.search.peers.budget import PEERS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", default=list(PEERS), help="some of " + ", ".join(PEERS))
    parser.add_argument("--tables", nargs="+", default=list(MAIN))
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    for seed, name, workers, table_name in product(
        range(arguments.seeds), arguments.peers, arguments.workers, arguments.tables
    ):
        key = f"{name} {workers} {table_name} {seed}"
        if key in saved():
            continue
        table = load(table_name)
        run = simulate(PEERS[name].make(table.space, table.epochs, seed), table, workers)
        keep(key, run)
        print(key, *(f"{value:.0f}" for value in score(table, [run])), flush=True)


def saved() -> dict[str, Any]:
    """Runs kept, as `benchmarks.search.curves_run.saved` keeps ours."""
    found: dict[str, Any] = json.loads(SAVED.read_text()) if SAVED.exists() else {}
    return found


def keep(key: str, run: Run) -> None:
    """Keep a run: the lowest losses at `TRAININGS` in each way of `SEEN`."""
    lowest = {seen: [round(run.lowest(count, seen), 6) for count in TRAININGS] for seen in SEEN}
    found = saved() | {key: {**lowest, "ms": round(1000 * run.seconds / run.decisions, 1), "slots": len(run.log)}}
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(found[name])}" for name in sorted(found))
    fresh = SAVED.with_suffix(".part")
    fresh.write_text(f"{{\n{lines}\n}}\n")
    os.replace(fresh, SAVED)


if __name__ == "__main__":
    main()
