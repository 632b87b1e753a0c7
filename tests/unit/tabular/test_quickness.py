"""A model that would take long to score is made quicker, by counting and not by the clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.tabular.finals import Finals
from automl_core.tabular.quickness import lighter, row_seconds


def trees(count: int, leaves: int = 31, **more: Any) -> dict[str, Any]:
    return {"features": [], "model": {"type": "trees", "sizes": np.full(count, 2 * leaves - 1), **more}}


def bag(*sizes: int, weights: tuple[float, ...], folds: int = 2) -> Finals:
    members, of = [], []
    for place, size in enumerate(sizes):
        members += [{**trees(size), "weight": weights[place] / folds, "fold": fold} for fold in range(folds)]
        of += [place] * folds
    first = [{**trees(size), "weight": weights[place]} for place, size in enumerate(sizes)]
    pairs = [(10 + place, weight) for place, weight in enumerate(weights)]
    return Finals(members, "bag", pairs, ["note"], folds=[first], of=of)


def test_more_takes_longer() -> None:
    assert row_seconds(trees(200)) == pytest.approx(2 * row_seconds(trees(100)))
    assert row_seconds(trees(100, 1000)) > row_seconds(trees(100)) < row_seconds(trees(100, sets=np.ones(3)))
    wide = {"features": [], "model": {"type": "dense", "layers": [{"weight": np.ones((300, 300))}]}}
    narrow = {"features": [], "model": {"type": "dense", "layers": [{"weight": np.ones((30, 30))}]}}
    assert row_seconds(wide) > row_seconds(narrow)
    both = {"features": [], "model": {"type": "mean", "members": [trees(100), trees(100)]}}
    assert row_seconds(both) == pytest.approx(row_seconds(trees(200)))


def test_what_is_quick_enough_stays() -> None:
    assert lighter(bag(100, 100, weights=(0.5, 0.5)), 1.0) is None


def test_first_who_brings_little_for_their_time_goes_then_models_of_folds() -> None:
    whole = bag(100, 5000, 200, weights=(0.4, 0.3, 0.3))
    one = row_seconds(trees(100))
    found = lighter(whole, 6.5 * one)
    assert found is not None
    assert found.weights == [(10, pytest.approx(4 / 7)), (12, pytest.approx(3 / 7))]
    assert found.of == [0, 0, 1, 1]
    assert sum(each["weight"] for each in found.members) == pytest.approx(1.0)
    assert [each["weight"] for each in found.folds[0]] == [pytest.approx(4 / 7), pytest.approx(3 / 7)]
    assert "left out, since predictions of many rows would take long with them: trial 11" in found.notes
    found = lighter(whole, 4.5 * one)
    assert found is not None
    assert found.of == [0, 0, 1]
    assert "3 of 4 models of the folds answer" in found.notes[-1]
    found = lighter(whole, 0.1 * one)  # no model is no answer: the one that brings most for its time stays
    assert found is not None
    assert found.weights == [(10, pytest.approx(1.0))]
    assert found.of == [0]


def test_without_choice_nothing_changes() -> None:
    alone = Finals([{**trees(9000), "weight": 1.0}], "refit", [(3, 1.0)])
    assert lighter(alone, 1e-9) is None
    assert lighter(Finals([{"weight": 1.0, "model": {"type": "constant"}}], "constant", []), 1e-12) is None
