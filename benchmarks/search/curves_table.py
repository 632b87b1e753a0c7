"""The kept runs of `benchmarks.search.curves_run` as Markdown: ``python -m benchmarks.search.curves_table``."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from benchmarks.search.curves import load
from benchmarks.search.curves_run import MAIN, SEEN, TRAININGS, best_and_random, saved

HELD_OUT = ("wine_mlp", "digits_sgd")
TITLES = {
    "any": "the lowest loss at any epoch trained",
    "full": "the lowest last loss of a combination trained in full",
    "kept": "the last loss of the combination that was best at the highest epoch reached",
}


@dataclass(frozen=True)
class Row:
    """One algorithm with so many workers.

    Attributes:
        scores: at each of `TRAININGS`, mean over tables and seeds.
        by_seed: mean over tables and `TRAININGS` of each seed.
        by_table: mean over seeds and `TRAININGS` of each table.
    """

    scores: list[float]
    by_seed: dict[int, float]
    by_table: dict[str, float]


def runs_of(found: Mapping[str, Any]) -> dict[tuple[str, int], dict[str, dict[int, Any]]]:
    """(algorithm, workers) → table → seed → run."""
    grouped: dict[tuple[str, int], dict[str, dict[int, Any]]] = defaultdict(lambda: defaultdict(dict))
    for name, run in found.items():
        algorithm, workers, table, seed = name.split()
        grouped[algorithm, int(workers)][table][int(seed)] = run
    return grouped


def row(runs: Mapping[str, Mapping[int, Any]], tables: Sequence[str], seen: str) -> Row | None:
    """Scores on some tables, over the seeds that all of them were run with; None where there are none."""
    seeds = sorted(set.intersection(*(set(runs.get(table, {})) for table in tables)))
    if not seeds:
        return None
    points: dict[tuple[str, int], list[float]] = {}
    for name in tables:
        table = load(name)
        for seed in seeds:
            points[name, seed] = []
            for place, count in enumerate(TRAININGS):
                best, chance = best_and_random(table, count, seen)
                points[name, seed].append(100 * (1 - (runs[name][seed][seen][place] - best) / (chance - best)))
    columns = list(zip(*points.values(), strict=True))
    return Row(
        scores=[fmean(column) for column in columns],
        by_seed={seed: fmean(fmean(points[name, seed]) for name in tables) for seed in seeds},
        by_table={name: fmean(fmean(points[name, seed]) for seed in seeds) for name in tables},
    )


def interval(values: Sequence[float]) -> str:
    """Mean and half of its 95 % interval (normal)."""
    if len(values) < 2:
        return f"{fmean(values):.1f}"
    return f"{fmean(values):.1f} ± {1.96 * stdev(values) / math.sqrt(len(values)):.1f}"


def markdown(found: Mapping[str, Any], tables: Sequence[str], base: str = "asha") -> str:
    """Tables of every way to count, best mean first, with the paired lead over random ASHA."""
    grouped = runs_of(found)
    lines: list[str] = []
    for seen in SEEN:
        lines += [f"Found: {TITLES[seen]}.", ""]
        head = [f"after {count}" for count in TRAININGS]
        lines += [f"| algorithm | workers | seeds | {' | '.join(head)} | mean | lead of it over `{base}` |"]
        lines += ["|---" * (5 + len(head)) + "|"]
        for workers in sorted({workers for _, workers in grouped}):
            rows = {a: row(runs, tables, seen) for (a, w), runs in grouped.items() if w == workers}
            there = {a: r for a, r in rows.items() if r is not None}
            for algorithm, r in sorted(there.items(), key=lambda item: -fmean(item[1].scores)):
                other = there.get(base)
                shared = sorted(set(r.by_seed) & set(other.by_seed)) if other and algorithm != base else []
                lead = interval([r.by_seed[s] - other.by_seed[s] for s in shared]) if other and shared else ""
                cells = " | ".join(f"{score:.1f}" for score in r.scores)
                lines += [f"| {algorithm} | {workers} | {len(r.by_seed)} | {cells} | {fmean(r.scores):.1f} | {lead} |"]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    found = saved()
    print("#### Tables that constants were chosen on\n")
    print(markdown(found, MAIN))
    held = {name: run for name, run in found.items() if name.split()[2] in HELD_OUT}
    if held:
        print("#### Tables held out\n")
        print(markdown(held, HELD_OUT))


if __name__ == "__main__":
    main()
