"""The tables of benchmarks/tables: scores, ranks and splits say what they say they do."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tables.table import interval, normalised, ranks, tables


def _run(system: str, name: str, value: float | None, **more: object) -> dict:
    base = {"system": system, "set": name, "value": value, "constant": 10.0, "metric": "rmse", "seconds": 60, "seed": 0,
            "cores": 2, "wall": 61.0, "bytes": 1_000_000}  # fmt: skip
    return {**base, **more}


def test_the_constant_is_0_the_best_100_and_a_failure_0() -> None:
    runs = [_run("a", "s", 2.0), _run("b", "s", 6.0), _run("c", "s", 10.0), _run("d", "s", None)]
    assert normalised(runs) == {("s", "a"): 100, ("s", "b"): 50, ("s", "c"): 0, ("s", "d"): 0}
    area = [_run(each, "s", value, metric="roc_auc", constant=0.5) for each, value in (("a", 0.9), ("b", 0.7))]
    assert normalised(area)["s", "b"] == pytest.approx(50)


def test_equal_ones_share_a_rank() -> None:
    scores = {("s", "a"): 100.0, ("s", "b"): 100.0, ("s", "c"): 5.0}
    assert ranks(scores, ["a", "b", "c"], ["s"]) == {"a": 1.5, "b": 1.5, "c": 3.0}


def test_only_sets_that_all_have_run_count() -> None:
    text = tables([_run("a", "s", 2.0), _run("b", "s", 3.0), _run("a", "t", 1.0)], 60)
    assert "1 sets" in text
    assert "| t |" not in text
    assert "+1.0 s" in text


def test_an_interval_holds_the_mean() -> None:
    values = np.random.default_rng(0).normal(50, 10, 30)
    low, high = interval(list(values))
    assert low < values.mean() < high


def test_test_rows_are_of_other_groups_or_later() -> None:
    pandas = pytest.importorskip("pandas")
    from benchmarks.tables.datasets import DataSet

    frame = pandas.DataFrame({"g": np.repeat(np.arange(30), 4), "t": np.arange(120)[::-1], "y": np.arange(120.0)})
    train, test = DataSet("s", "regression", "y", lambda: frame, group="g").parts(0)
    assert not set(train["g"]) & set(test["g"])
    assert len(test) == 40
    train, test = DataSet("s", "regression", "y", lambda: frame, time="t").parts(0)
    assert train["t"].max() < test["t"].min()
