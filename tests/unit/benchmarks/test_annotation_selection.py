"""The simulated loop of benchmarks/annotation: what counts as needed, and how ratios are told."""

from __future__ import annotations

import itertools
from typing import Any

from benchmarks.annotation.selection import needed, schedule, table


def test_two_rounds_must_reach_it_but_for_the_whole_pool() -> None:
    curve = [(20, 0.5), (30, 0.9), (40, 0.7), (50, 0.9), (60, 0.9)]
    assert needed(curve, 0.9, 100) == 50
    assert needed(curve[:4], 0.9, 100) is None
    assert needed(curve[:4], 0.9, 50) == 50
    assert needed(curve, 0.95, 100) is None


def test_batches_grow_to_the_whole_pool() -> None:
    steps = list(schedule(500))
    assert steps[:2] == [20, 30]
    assert steps[-1] == 500
    assert all(10 <= after - before <= max(10, before // 12) for before, after in itertools.pairwise(steps))
    assert list(schedule(7)) == [7]


def test_ratios_are_of_pairs() -> None:
    def one(name: str, way: str, labels: int) -> dict[str, Any]:
        return {"set": name, "seed": 0, "learner": "forest", "way": way, "stratum": "trains", "needed": labels,
                "reached": True}  # fmt: skip

    runs = [one("a", "random", 100), one("b", "random", 200), one("a", "x", 40), one("b", "x", 120), one("c", "x", 1)]
    last = table(runs, ["a", "b", "c"]).splitlines()[-1]
    assert last == "| forest | x | trains | 2 | 2 | 0.50 | 0.58 | 0% | 0.50 | 0.58 | 0% | 0.50 | 0.58 | 0.60 | 0 |"
    assert table(runs, ["b"]).splitlines()[-1].startswith("| forest | x | trains | 1 | 1 | 0.60 |")
    assert len(table(runs[:2], ["a", "b"]).splitlines()) == 2
    lucky = [*runs, one("a", "random", 300) | {"seed": 1}, one("a", "x", 300) | {"seed": 1}]
    told = table(lucky, ["a"]).splitlines()[-1].split("|")[6:9]  # against 200, which random needs there in the mean
    assert [each.strip() for each in told] == ["0.85", "1.37", "50%"]
