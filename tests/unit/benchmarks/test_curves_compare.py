"""Curve tables that a hash draws, their seal, and the comparison on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.space import Space
from benchmarks.search import curves_compare
from benchmarks.search.curves import KEPT, load, problem_of
from benchmarks.search.curves_compare import Kept, lead, markdown, scores
from benchmarks.search.curves_drawn import _TAKEN, TABLES, pairs
from benchmarks.search.curves_run import best_and_random


def test_no_pair_is_in_two_halves_and_no_learner_twice_in_one() -> None:
    dealt = [pair for half in TABLES for pair in pairs(half)]

    assert len(set(dealt)) == len(dealt) == sum(TABLES.values())
    assert not set(dealt) & _TAKEN
    for half, count in TABLES.items():
        assert len({kind for kind, _ in pairs(half)}) == count
    with pytest.raises(ValueError, match="allowed: work, sealed"):
        pairs("other")


@pytest.mark.parametrize("half", TABLES)
def test_a_drawn_table_is_kept_whole(half: str) -> None:
    for kind, data in pairs(half):
        name = f"{half}_{kind}_{data}"
        assert (KEPT / f"{name}.json.gz").stat().st_size < 300_000
        found = load(name)
        assert set(found.losses) == {Space.key(params) for params in found.space.combinations()}
        assert {len(curve) for curve in found.losses.values()} == {found.epochs}
        assert len({curve[-1] for curve in found.losses.values()}) > 5, "it tells combinations apart"


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(ValueError, match="no table 'x'"):
        problem_of("x")


def test_the_sealed_tables_are_scored_once_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves_compare, "RESULTS", tmp_path)
    kept = Kept("sealed")
    kept.open_seal("auto", ["auto best 1 t 0"])
    kept.runs["auto best 1 t 0"] = {"any": [1.0]}
    kept.save()
    kept = Kept.load("sealed")
    with pytest.raises(SystemExit, match="once is all"):
        kept.open_seal("auto", ["auto best 1 t 0"])
    kept.open_seal("auto", ["auto best 1 t 0", "auto best 1 t 1"])  # what an interrupted run lacks
    assert kept.runs
    monkeypatch.setattr(curves_compare, "RELEASE", "99.0")
    kept.open_seal("auto", ["auto best 1 t 0"])
    assert not kept.runs, "another release begins anew"


def made(lost: float) -> Kept:
    """Two algorithms on two tables and three seeds: auto finds the best, asha what random search does, and less."""
    runs = {}
    for table in ("digits_mlp", "wine_mlp"):
        for seed in range(3):
            for algorithm, finals in (("auto", ("best", "last")), ("asha", ("best",))):
                for final in finals:
                    ways = {}
                    for seen in ("any", "kept"):
                        ends = [best_and_random(load(table), count, seen) for count in (2, 5, 10, 20, 30)]
                        ways[seen] = [best if algorithm == "auto" else chance + lost for best, chance in ends]
                    runs[f"{algorithm} {final} 1 {table} {seed}"] = ways
    return Kept("work", {"auto": {}, "asha": {}}, runs)


def test_leads_are_paired_and_no_score_lies_below_the_lowest() -> None:
    kept = made(0.0)
    auto, asha = (scores(kept.runs, name, "last", 1) for name in ("auto", "asha"))

    assert lead(auto, asha) == pytest.approx((100.0, 0.0, 6))
    assert "| last | 1 | 3 | 100.0 | 0.0 | +100.0 ± 0.0 |" in markdown(kept)
    assert lead(auto, scores(made(1e6).runs, "asha", "last", 1))[0] == pytest.approx(200.0)
    assert lead(auto, {})[2] == 0
