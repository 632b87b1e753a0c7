"""What `auto` chooses for a budget against random ASHA and against a peer, on tables of learning curves.

``python -m benchmarks.search.curves_compare run auto asha --set work --seeds 10`` makes the runs that are missing, seed
after seed; ``… curves_compare run optuna-tpe-hyperband`` in the peers' environment. ``… curves_compare table --set
work`` prints them. The sealed ones are scored once a release (`benchmarks.search.seal`).

Each algorithm is told ``goal.final`` and judged by it: ``best`` by the lowest loss at any epoch trained, ``last`` by
the last loss of the combination that was best at the highest epoch reached, as it would be published. Scores are
those of `benchmarks.search.curves_run` with -100 at the lowest (one start far from random search would outweigh all
others); a run's score is the mean over 2, 5, 10, 20 and 30 full trainings' worth of epochs. Leads are paired, table by
table and seed by seed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from automl_core.release import RELEASE
from automl_core.search import registry
from benchmarks.search import budgets, curves_run
from benchmarks.search.curves import load
from benchmarks.search.curves_drawn import TABLES, pairs
from benchmarks.search.curves_run import MAIN, TRAININGS, Run, best_and_random
from benchmarks.search.curves_table import HELD_OUT
from benchmarks.search.results import RESULTS
from benchmarks.search.seal import opens_anew, today

FINALS: Mapping[str, str] = {"best": "any", "last": "kept"}
"""``goal.final`` → what counts as found; see `benchmarks.search.curves_run.Run.lowest`."""

HEEDED = ("auto", "mobster", "freeze_thaw")
"""Ours that are another search for another ``goal.final``; the others are run once for all."""

LOWEST = -100.0
SEALED = "sealed"


@dataclass
class Kept:
    """The runs on a set of tables.

    Attributes:
        set: its name.
        scored: algorithm → release (a peer: version) and day.
        runs: ``algorithm final workers table seed`` → what counts as found → losses at `TRAININGS`.
    """

    set: str
    scored: dict[str, dict[str, str]] = field(default_factory=dict)
    runs: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return RESULTS / f"curves_{self.set}.json"

    @classmethod
    def load(cls, name: str) -> Kept:
        """What is known so far."""
        kept = cls(name)
        return cls(**json.loads(kept.path.read_text())) if kept.path.exists() else kept

    def save(self) -> None:
        """Write the file, by rename, a line a run."""
        whole = asdict(self)
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(self.runs[key])}" for key in sorted(self.runs))
        whole["runs"] = "RUNS"
        text = json.dumps(whole, indent=1).replace('"RUNS"', "{\n" + lines + "\n }")
        fresh = self.path.with_suffix(".part")
        fresh.write_text(text + "\n")
        os.replace(fresh, self.path)

    def open_seal(self, algorithm: str, names: Iterable[str]) -> None:
        """Note release and day, and forget what another release scored.

        Raises:
            SystemExit: ours of this release was scored on the sealed tables.
        """
        known = self.scored.get(algorithm, {})
        release = RELEASE
        if algorithm in budgets_peers():
            release = budgets_peers()[algorithm].version()
        elif self.set == SEALED and opens_anew(
            algorithm, RELEASE, known.get("release", ""), known.get("date", ""), all(key in self.runs for key in names)
        ):
            self.runs = {key: run for key, run in self.runs.items() if key.split()[0] != algorithm}
        self.scored[algorithm] = {"release": release, "date": today()}


def tables_of(name: str) -> tuple[str, ...]:
    """The tables of a set: ``hand`` (those that people chose), ``work`` or ``sealed``.

    Raises:
        ValueError: there is no such set.
    """
    return (*MAIN, *HELD_OUT) if name == "hand" else tuple(f"{name}_{kind}_{data}" for kind, data in pairs(name))


def budgets_peers() -> Mapping[str, Any]:
    """Adapters of other libraries, none of which is loaded for its name."""
    from benchmarks.search.peers.budget import PEERS

    return PEERS


def run_one(algorithm: str, final: str, workers: int, table: str, seed: int) -> Run:
    """One simulated search.

    Raises:
        ValueError: there is no such algorithm.
    """
    if algorithm in budgets_peers():
        found = load(table)
        return budgets.simulate(budgets_peers()[algorithm].make(found.space, found.epochs, seed), found, workers)
    if algorithm not in registry.names():
        allowed = ", ".join((*registry.names(), *budgets_peers()))
        raise ValueError(f"there is no algorithm {algorithm!r} (allowed: {allowed})")
    return curves_run.simulate(load(table), algorithm, seed, workers, final=final)


def measure(name: str, algorithm: str, finals: Sequence[str], workers: Sequence[int], seeds: Sequence[int]) -> None:
    """Make the runs of an algorithm that are missing."""
    finals = finals if algorithm in HEEDED else ("best",)
    wanted = {
        f"{algorithm} {final} {places} {table} {seed}": (algorithm, final, places, table, seed)
        for seed, final, places, table in product(seeds, finals, workers, tables_of(name))
    }
    kept = Kept.load(name)
    kept.open_seal(algorithm, wanted)
    for key, given in wanted.items():
        if key in kept.runs:
            continue
        run = run_one(*given)
        kept.runs[key] = {seen: [round(run.lowest(n, seen), 6) for n in TRAININGS] for seen in FINALS.values()}
        kept.save()


def scores(runs: Mapping[str, Mapping[str, Sequence[float]]], algorithm: str, final: str, workers: int) -> dict[
    tuple[str, str], list[float]
]:  # fmt: skip
    """(table, seed) → score at each of `TRAININGS`, of one algorithm told one ``goal.final``."""
    told = final if algorithm in HEEDED else "best"
    found = {}
    for key, run in runs.items():
        name, was_told, places, table, seed = key.split()
        if (name, was_told, int(places)) == (algorithm, told, workers):
            found[table, seed] = [
                max(LOWEST, 100 * (1 - (loss - best) / (chance - best)))
                for count, loss in zip(TRAININGS, run[FINALS[final]], strict=True)
                for best, chance in [best_and_random(load(table), count, FINALS[final])]
            ]
    return found


def lead(mine: Mapping[Any, Sequence[float]], other: Mapping[Any, Sequence[float]]) -> tuple[float, float, int]:
    """Mean of the paired differences, half of its 95 % interval (normal), and the number of pairs."""
    shared = sorted(set(mine) & set(other))
    gaps = [fmean(mine[pair]) - fmean(other[pair]) for pair in shared]
    if not gaps:
        return math.nan, math.nan, 0
    return fmean(gaps), 1.96 * stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan, len(gaps)


def markdown(kept: Kept, first: str = "auto") -> str:
    """For each ``goal.final`` and number of workers: means of all, and the leads of the first over the others."""
    others = [name for name in kept.scored if name != first]
    leads = [f"`{first}` over `{name}`" for name in others]
    rows = [f"| final | workers | seeds | {' | '.join(f'`{n}`' for n in (first, *others))} | {' | '.join(leads)} |"]
    rows.append("|---" * (4 + 2 * len(others)) + "|")
    for final, workers in product(FINALS, (1, 4)):
        mine = scores(kept.runs, first, final, workers)
        theirs = [scores(kept.runs, name, final, workers) for name in others]
        shared = set(mine).intersection(*theirs)
        if not shared:
            continue
        means = (f"{fmean(fmean(of[pair]) for pair in shared):.1f}" for of in (mine, *theirs))
        gaps = (
            f"{gap:+.1f} ± {half:.1f}"
            for gap, half, _ in (lead({pair: mine[pair] for pair in shared}, of) for of in theirs)
        )
        seeds = len({seed for _, seed in shared})
        rows.append(f"| {final} | {workers} | {seeds} | {' | '.join(means)} | {' | '.join(gaps)} |")
    return "\n".join(rows)


def by_table(kept: Kept, final: str, workers: int) -> str:
    """Each table's mean of each algorithm, over the seeds that all have."""
    of = {name: scores(kept.runs, name, final, workers) for name in kept.scored}
    shared = set.intersection(*(set(found) for found in of.values()))
    rows = [
        f"| table ({final}, {workers} workers) | {' | '.join(f'`{n}`' for n in of)} |",
        "|---" * (1 + len(of)) + "|",
    ]
    for table in sorted({table for table, _ in shared}):
        means = (fmean(fmean(found[p]) for p in shared if p[0] == table) for found in of.values())
        rows.append(f"| {table} | {' | '.join(f'{value:.0f}' for value in means)} |")
    return "\n".join(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "table"))
    parser.add_argument("algorithms", nargs="*", default=["auto", "asha"])
    parser.add_argument("--set", default="work", choices=("hand", *TABLES))
    parser.add_argument("--finals", nargs="+", choices=tuple(FINALS), default=list(FINALS))
    parser.add_argument("--workers", nargs="+", type=int, choices=(1, 4), default=[1, 4])
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.what == "run":
        for algorithm in arguments.algorithms:
            measure(arguments.set, algorithm, arguments.finals, arguments.workers, range(arguments.seeds))
        return
    kept = Kept.load(arguments.set)
    print(markdown(kept))
    for final, workers in product(FINALS, (1, 4)):
        print("\n" + by_table(kept, final, workers))


if __name__ == "__main__":
    main()
