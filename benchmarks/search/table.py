"""The tables of results/ as Markdown: ``python -m benchmarks.search.table >> benchmarks/README.md``.

One table a set and number of pending trials: mean score over problems and seeds with its 95 % interval
over seeds, mean rank over problems, and our lead over each peer on the seeds both ran.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.search.run import RESULTS, summary

OURS = "bayesian"


def lead(ours: Mapping[str, Any], other: Mapping[str, Any], trials: str) -> tuple[float, float]:
    """Mean difference of scores on common seeds, and half of its 95 % interval (pairs of problem and seed)."""
    differences: list[float] = []
    for problem, scores in ours["scores"].items():
        theirs = other["scores"].get(problem, {}).get(trials, [])
        differences.extend(a - b for a, b in zip(scores[trials], theirs, strict=False))
    half = 1.96 * float(np.std(differences, ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    return float(np.mean(differences)) if differences else math.nan, half


def ranks(results: Sequence[Mapping[str, Any]], trials: str) -> dict[str, float]:
    """Mean rank of each algorithm over problems, by its mean score (1: best)."""
    places = defaultdict(list)
    for problem in results[0]["scores"]:
        means = {r["algorithm"]: float(np.mean(r["scores"][problem][trials])) for r in results}
        for name, score in means.items():
            places[name].append(1 + sum(other > score for other in means.values()))
    return {name: float(np.mean(p)) for name, p in places.items()}


def table(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of one table."""
    trials = sorted(next(iter(results[0]["scores"].values())), key=int)
    ours = next((r for r in results if r["algorithm"] == OURS), None)
    heads = [f"after {t}" for t in trials]
    lines = [
        "| algorithm | seeds | " + " | ".join(heads) + " | mean rank | lead of `bayesian` | seconds an ask |",
        "|---|---|" + "---|" * len(heads) + "---|---|---|",
    ]
    rank = ranks(results, trials[-1])
    for result in sorted(results, key=lambda r: -summary(r, int(trials[-1]))[0]):
        cells = ["{:.1f} ± {:.1f}".format(*summary(result, int(t))) for t in trials]
        ahead = "" if ours is None or result is ours else "{:+.1f} ± {:.1f}".format(*lead(ours, result, trials[-1]))
        seeds = len(next(iter(result["scores"].values()))[trials[-1]])
        name = result["algorithm"]
        lines.append(
            f"| {name} | {seeds} | {' | '.join(cells)} | {rank[name]:.1f} | {ahead} | {result['seconds_per_ask']:.3f} |"
        )
    return lines


def by_problem(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a table with a row a problem: losses are shown as openly as wins."""
    trials = max(next(iter(results[0]["scores"].values())), key=int)
    names = [r["algorithm"] for r in results]
    lines = [f"| problem (after {trials}) | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for problem in results[0]["scores"]:
        scores = [f"{np.mean(r['scores'][problem][trials]):.0f}" for r in results]
        lines.append(f"| {problem} | " + " | ".join(scores) + " |")
    return lines


def main() -> None:
    """Print every table."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(RESULTS.glob("*-*-*.json")):
        result = json.loads(path.read_text())
        groups[result["set"], result["pending"]].append(result)
    for (name, pending), results in sorted(groups.items()):
        print(f"\n### Set {name}, {pending} pending\n")
        print("\n".join(table(results)))
        print()
        print("\n".join(by_problem(results)))


if __name__ == "__main__":
    main()
