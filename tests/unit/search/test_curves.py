"""The learning-curve benchmark: what it counts as found, what random search would have found, its tables."""

from __future__ import annotations

from itertools import combinations
from statistics import fmean

import pytest

from automl_core.space import Space
from benchmarks.search.curves import KEPT, PROBLEMS, Table, load, space_of
from benchmarks.search.curves_run import MAIN, Run, best_and_random, score, simulate
from benchmarks.search.curves_table import HELD_OUT, markdown

MAPPING = {"a": {"type": "int", "low": 0, "high": 3}}
CURVES = [[0.9, 0.5, 0.4], [0.6, 0.3, 0.35], [0.8, 0.8, 0.2], [0.7, 0.6, 0.6]]


def table() -> Table:
    keys = (Space.key({"a": a}) for a in range(4))
    return Table("small", MAPPING, space_of(MAPPING), 3, dict(zip(keys, CURVES, strict=True)))


@pytest.mark.parametrize("seen", ["any", "full"])
@pytest.mark.parametrize("count", [2, 5])
def test_random_search_is_the_mean_over_every_draw_without_replacement(seen: str, count: int) -> None:
    values = [min(curve) if seen == "any" else curve[-1] for curve in CURVES]
    draws = list(combinations(values, min(count, 4)))

    best, chance = best_and_random(table(), count, seen)

    assert best == min(values)
    assert chance == pytest.approx(fmean(min(draw) for draw in draws))


def test_what_counts_as_found() -> None:
    small = table()
    keys = list(small.losses)
    run = Run(small, log=[(1, keys[1], 1), (2, keys[3], 1), (4, keys[1], 3), (6, keys[0], 2)])

    assert run.lowest(1, "any") == 0.6
    assert run.lowest(4 / 3, "any") == 0.3  # at epoch 2, on the way to epoch 3
    assert run.lowest(2, "full") == 0.35
    assert run.lowest(1, "full") == pytest.approx(fmean(curve[-1] for curve in CURVES))
    assert run.lowest(1, "kept") == 0.35  # of two that stand at epoch 1, the better one's end
    assert run.lowest(2, "kept") == 0.35


def test_a_promoted_trial_pays_only_the_difference() -> None:
    run = simulate(table(), "asha", seed=0, workers=1, trainings=30, max_trials=4)

    reached: dict[str, int] = {}
    spent = 0
    for at, key, epochs in run.log:
        spent += epochs - reached.get(key, 0)
        reached[key] = epochs
        assert at == spent


@pytest.mark.parametrize("name", [*MAIN, *HELD_OUT])
def test_a_kept_table_has_every_combination_and_every_epoch(name: str) -> None:
    assert (KEPT / f"{name}.json.gz").stat().st_size < 300_000
    found = load(name)

    assert set(found.losses) == {Space.key(params) for params in found.space.combinations()}
    assert {len(curve) for curve in found.losses.values()} == {PROBLEMS[name].epochs}


def test_the_model_is_ahead_of_chance_on_a_real_table() -> None:
    digits = load("digits_mlp")
    run = simulate(digits, "freeze_thaw", seed=0, workers=1, trainings=5)

    assert score(digits, [run], "full")[2] > 0


def test_a_table_of_scores_has_a_row_an_algorithm_and_its_lead() -> None:
    names = list(MAIN)
    found = {
        f"{algorithm} 1 {name} {seed}": {seen: [best_and_random(load(name), 2, seen)[place]] * 5 for seen in KINDS}
        for algorithm, place in (("perfect", 0), ("asha", 1))
        for name in names
        for seed in (0, 1)
    }

    text = markdown(found, names)

    perfect = next(line for line in text.splitlines() if line.startswith("| perfect | 1 | 2 | 100.0"))
    asha = next(line for line in text.splitlines() if line.startswith("| asha | 1 | 2 | 0.0"))
    assert "±" in perfect
    assert asha.endswith("|  |")


KINDS = ("any", "full", "kept")
