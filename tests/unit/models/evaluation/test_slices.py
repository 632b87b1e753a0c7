"""Parts of the data: which there are, and what they can tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from automl_core.models.evaluation import EvaluateOptions, NotEvaluated
from automl_core.models.evaluation.comparing import Sample
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.slices import FEW, MISSING, MOST_VALUES, OTHERS, parts_of, slices
from automl_core.models.evaluation.subjects import Said
from automl_core.tabular.metrics import find


def named(parts: Any) -> dict[str, int]:
    return {part.value: len(part.places) for part in parts}


def test_values_are_parts_the_largest_first_and_missing_ones_are_one_too() -> None:
    rows = Rows.of({"city": ["Ulm", "Bonn", "Ulm", None, "Bonn", "Ulm"]})
    assert named(parts_of(rows, "city")) == {"Ulm": 3, "Bonn": 2, MISSING: 1}


def test_many_numbers_become_bands_of_about_as_many_rows_which_share_no_row() -> None:
    values = [*np.random.default_rng(1).normal(size=1000).tolist(), None]
    parts = parts_of(Rows.of({"x": values}), "x")
    assert [len(part.places) for part in parts] == [200, 200, 200, 200, 200, 1]
    places = np.concatenate([part.places for part in parts])
    assert sorted(places.tolist()) == list(range(1001))
    assert parts[0].high == parts[1].low


def test_times_become_bands_and_read_as_times() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    parts = parts_of(Rows.of({"t": [begin + timedelta(days=k) for k in range(100)]}), "t")
    assert len(parts) == 5
    assert parts[0].value.startswith("2026-01-01 … 2026-01-20")


def test_rare_texts_are_one_part() -> None:
    values = [f"v{k}" for k in range(MOST_VALUES + 3) for _ in range(40 - k)]
    found = named(parts_of(Rows.of({"c": values}), "c"))
    assert len(found) == MOST_VALUES + 1
    assert found[OTHERS] == sum(40 - k for k in range(MOST_VALUES, MOST_VALUES + 3))


def test_a_number_with_few_values_is_no_band() -> None:
    assert named(parts_of(Rows.of({"n": [1, 2, 2]}), "n")) == {"2": 2, "1": 1}


def test_a_column_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(NotEvaluated, match="did you mean 'city'"):
        parts_of(Rows.of({"city": ["Ulm"]}), "citty")


def judged(one: Any, other: Any, groups: list[str]) -> dict[str, dict[str, Any]]:
    truth = np.zeros(len(groups))
    said = {"challenger": Said(np.asarray(one), None, ())}
    if other is not None:
        said["champion"] = Said(np.asarray(other), None, ())
    rows = Rows.of({"g": groups})
    found = slices(rows, Sample(truth, said, None, (1,)), find("mae", "regression"), EvaluateOptions(slices=("g",)))
    return {each["value"]: each for each in found}


def test_a_part_that_is_worse_is_told_though_the_whole_is_better() -> None:
    random = np.random.default_rng(2)
    groups = ["big"] * 900 + ["small"] * 100 + ["few"] * (FEW - 1)
    other = np.abs(random.normal(1, 0.3, len(groups)))
    one = other + np.where(np.asarray(groups) == "small", 0.5, -0.5) + random.normal(0, 0.1, len(groups))
    found = judged(np.abs(one), other, groups)
    assert np.abs(one).mean() < other.mean()
    assert found["small"]["state"] == "worse"
    assert found["big"]["state"] == "better"
    assert found["few"]["state"] == "few"
    assert str(FEW - 1) in found["few"]["why"]


def test_of_twenty_parts_without_a_difference_hardly_one_in_twenty_runs_alarms() -> None:
    alarms = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        groups = [f"g{k % 20}" for k in range(1000)]
        found = judged(np.abs(random.normal(size=1000)), np.abs(random.normal(size=1000)), groups)
        assert len(found) == 20
        alarms += any(each["state"] in ("worse", "better") for each in found.values())
        if seed == 0:
            assert all(each["p_holm"] >= each["p_value"] for each in found.values())
    assert alarms <= 6  # 2 are expected; uncorrected, 26 would be


def test_an_area_of_one_class_alone_can_not_tell() -> None:
    labels = np.asarray([0, 1] * 40 + [1] * 40)
    said = Said(np.column_stack([1 - labels * 0.5, labels * 0.5]), labels, ("a", "b"))
    rows = Rows.of({"g": ["both"] * 80 + ["one"] * 40})
    sample = Sample(labels, {"challenger": said, "champion": said}, None, (1,))
    found = {each["value"]: each for each in slices(rows, sample, find("roc_auc", "binary"),
                                                    EvaluateOptions(slices=("g",)))}  # fmt: skip
    assert found["one"]["state"] == "few"
    assert "not defined" in found["one"]["why"]
    assert found["both"]["state"] == "same"


def test_without_a_champion_parts_stand_alone() -> None:
    found = judged(np.ones(60), None, ["a"] * 60)
    assert found["a"]["state"] == "alone"
    assert found["a"]["champion"] is None
