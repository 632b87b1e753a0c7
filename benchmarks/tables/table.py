"""The tables of what `run` measured: ``python -m benchmarks.tables.table [--results FILE] [--seconds 60]``.

A normalised score is 0 for a constant model, 100 for the best of all systems on that set (of a loss: how much of what
the constant loses is won back). Means over sets come with a 95 % interval over sets (bootstrap), ranks with ties
shared. A run without predictions scores 0 and is counted. Overruns are of the limit; sizes, of the folder for
deployment.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
LOSSES = {"log_loss", "rmse"}

Run = Mapping[str, Any]


def gained(run: Run) -> float:
    """What a run won of a constant model's loss, so that more is better; at most that of the constant is lost."""
    if run["value"] is None:
        return 0.0
    if run["metric"] in LOSSES:
        return 1.0 - run["value"] / run["constant"]
    return (run["value"] - run["constant"]) / (1.0 - run["constant"])


def normalised(runs: Sequence[Run]) -> dict[tuple[str, str], float]:
    """(set, system) → score of the mean over seeds; below −100 counts as that."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        found.setdefault((run["set"], run["system"]), []).append(gained(run))
    means = {key: statistics.fmean(values) for key, values in found.items()}
    best = {name: max(value for (each, _), value in means.items() if each == name) for name, _ in means}
    return {
        (name, system): max(100.0 * value / best[name], -100.0) if best[name] > 0 else 0.0
        for (name, system), value in means.items()
    }


def ranks(scores: Mapping[tuple[str, str], float], systems: Sequence[str], sets: Sequence[str]) -> dict[str, float]:
    """Mean rank over sets, 1 is best; equal ones share theirs."""
    found: dict[str, list[float]] = {system: [] for system in systems}
    for name in sets:
        for system in systems:
            mine = scores[name, system]
            better = sum(scores[name, other] > mine for other in systems)
            equal = sum(scores[name, other] == mine for other in systems)
            found[system].append(better + (equal + 1) / 2)
    return {system: statistics.fmean(values) for system, values in found.items()}


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """95 % interval of the mean by bootstrap over sets."""
    random = np.random.default_rng(seed)
    draws = random.choice(np.asarray(values), (4000, len(values))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def tables(runs: Sequence[Run], seconds: float) -> str:
    """Markdown: systems, and what each has on each set; only sets that all of these systems have run count."""
    runs = [run for run in runs if run["seconds"] == seconds]
    systems = list(dict.fromkeys(run["system"] for run in runs))
    done = {(run["set"], run["system"]) for run in runs}
    sets = [each for each in dict.fromkeys(run["set"] for run in runs) if all((each, one) in done for one in systems)]
    runs = [run for run in runs if run["set"] in sets]
    if not sets:
        return "no set was run by all systems\n"
    scores = normalised(runs)
    rank = ranks(scores, systems, sets)
    lines = [
        f"{len(sets)} sets, {seconds:g} s, {runs[0]['cores']} cores",
        "",
        "| system | mean score | interval | mean rank | failures | over by (median, most) | folder (median) |",
        "|---|---|---|---|---|---|---|",
    ]
    for system in sorted(systems, key=lambda each: rank[each]):
        own = [run for run in runs if run["system"] == system]
        values = [scores[name, system] for name in sets]
        low, high = interval(values)
        over = [run["wall"] - seconds for run in own]
        sizes = [run["bytes"] for run in own if run.get("bytes")]
        size = f"{statistics.median(sizes) / 1e6:.2f} MB" if sizes else "–"
        failures = sum(run["value"] is None for run in own)
        lines.append(
            f"| {system} | {statistics.fmean(values):.1f} | {low:.1f} … {high:.1f} | {rank[system]:.2f} | {failures} |"
            f" {statistics.median(over):+.1f} s, {max(over):+.1f} s | {size} |"
        )
    lines += ["", "| set | " + " | ".join(systems) + " |", "|---" * (len(systems) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(f"{scores[name, each]:.1f}" for each in systems) + " |" for name in sets]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, nargs="+", default=[HERE / "results" / "runs.jsonl"])
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    runs = [json.loads(line) for each in given.results for line in each.read_text(encoding="utf-8").splitlines()]
    # of a run that was made again the last one counts
    latest = {(run["system"], run["set"], run["seconds"], run["seed"]): run for run in runs}
    print(tables(list(latest.values()), given.seconds), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
