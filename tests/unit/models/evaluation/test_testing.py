"""Regression tests: each kind passes, fails, and says where it can't tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydantic
import pytest

from automl_core.models.evaluation import EvaluateOptions, evaluate
from automl_core.models.evaluation import tests as kinds
from tests.unit.models.evaluation.small import model, rows

GOOD = {"row": {"a": 9.0, "b": 0.0, "city": "Ulm"}, "expect": 1, "least": {"1": 0.99}}
BAD = {"row": {"a": -9.0, "b": 0.0, "city": "Ulm"}, "expect": 1}


def run(folder: Path, *documents: dict[str, Any], kind: str = "binary", data: Any = None) -> tuple[Any, Any]:
    options = EvaluateOptions(tests=kinds.tests_of(list(documents)), latency=False, draws=100)
    evidence, shown = evaluate(folder, None, data or rows(200, kind=kind), options)
    return evidence["tests"], shown["tests"]


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("m") / "binary", a=1.0, b=0.5, bonn=0.3)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("m") / "numbers", a=1.0, b=0.5, kind="regression")


def test_cases_pass_and_fail_with_what_was_wanted_and_found(binary: Path) -> None:
    (one, other), shown = run(
        binary, {"test": "cases", "cases": [GOOD]}, {"test": "cases", "name": "mine", "cases": [GOOD, BAD]}
    )  # fmt: skip
    assert (one["passed"], one["checked"], one["failed"]) == (True, 1, 0)
    assert (other["passed"], other["checked"], other["failed"]) == (False, 2, 1)
    assert "case 2: 1 was wanted, found 0" in other["why"]
    assert shown["mine"] == [{"id": "case 2", "row": BAD["row"], "wanted": "1", "found": "0"}]


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ({"least": {"1": 0.99}}, "1 with at least 0.99"),
        ({"most": {"1": 0.2}}, "1 with at most 0.2"),
        ({"least": {"yes": 0.5}}, "a probability of yes"),
        ({"between": [0, 1]}, "a number of 0 … 1"),
        ({"expect": "yes"}, "yes"),
    ],
)
def test_what_a_case_of_classes_may_ask(binary: Path, case: dict[str, Any], wanted: str) -> None:
    found, shown = run(binary, {"test": "cases", "cases": [{"row": {"a": 0.5, "b": 0.0, "city": "Ulm"}, **case}]})
    assert found[0]["passed"] is False
    assert next(iter(shown.values()))[0]["wanted"] == wanted


@pytest.mark.parametrize(
    ("case", "passed"),
    [
        ({"expect": 2.5}, True), ({"expect": 2.4}, False), ({"expect": 2.4, "tolerance": 0.1}, True),
        ({"between": [2, 3]}, True), ({"between": [2.6, 3]}, False), ({"least": {"1": 0.1}}, False),
        ({"expect": "two"}, False),
    ],
)  # fmt: skip
def test_what_a_case_of_numbers_may_ask(numbers: Path, case: dict[str, Any], passed: bool) -> None:
    found, _ = run(numbers, {"test": "cases", "cases": [{"row": {"a": 2.0, "b": 1.0, "city": None}, **case}]},
                   kind="regression")  # fmt: skip
    assert found[0]["passed"] is passed


def test_a_case_that_can_not_be_scored_fails_with_the_reason(binary: Path) -> None:
    found, _ = run(binary, {"test": "cases", "cases": [{"row": {"a": 1.0}, "expect": 1}]})
    assert found[0]["passed"] is False
    assert "no column 'b'" in found[0]["why"]


def test_invariance_by_values_and_by_other_rows(binary: Path) -> None:
    found, shown = run(
        binary,
        {"test": "invariant", "column": "city", "values": ["Ulm", "Jena"]},  # no weight for either: Bonn's rows change
        {"test": "invariant", "column": "city", "tolerance": 0.2},
        {"test": "invariant", "column": "city", "values": ["Ulm"], "share": 0.6},
        {"test": "invariant", "column": "a", "rows": 50},
    )
    values, shuffled, share, other = found
    assert values["passed"] is False
    assert 40 < values["failed"] < 100
    assert "city = Ulm" in values["why"] or "city = Jena" in values["why"]
    assert all(each["row"]["city"] == "Bonn" for each in shown["invariant to city"])
    assert shuffled["passed"] is True  # Bonn adds 0.3 to the log odds: less than 0.2 of a probability
    assert share["passed"] is True
    assert share["failed"] > 0
    assert other["passed"] is False
    assert other["checked"] == 50
    assert "values of other rows" in other["why"]


def test_what_a_model_does_not_read_changes_nothing_and_what_is_not_there_can_not_be_tried(binary: Path) -> None:
    found, _ = run(binary, {"test": "invariant", "column": "id"}, {"test": "invariant", "column": "cty"})
    assert (found[0]["passed"], found[0]["why"]) == (True, "the model does not read it")
    assert found[1]["passed"] is None
    assert "did you mean 'city'" in found[1]["why"]


def test_monotone(binary: Path, numbers: Path) -> None:
    found, shown = run(
        binary,
        {"test": "monotone", "column": "a", "direction": "increasing"},
        {"test": "monotone", "column": "a", "direction": "decreasing"},
        {"test": "monotone", "column": "a", "direction": "decreasing", "of": "0"},
        {"test": "monotone", "column": "a", "direction": "decreasing", "of": "2"},
        {"test": "monotone", "column": "city", "direction": "decreasing"},
    )
    assert [each["passed"] for each in found] == [True, False, True, None, None]
    assert "rises by" in found[1]["why"]
    assert found[1]["failed"] == found[1]["checked"] == 200
    assert len(shown["decreasing in a"]) == 20
    assert "no class '2'" in found[3]["why"]
    assert "is no number" in found[4]["why"]
    of_numbers, _ = run(
        numbers,
        {"test": "monotone", "column": "b", "direction": "increasing"},
        {"test": "monotone", "column": "b", "direction": "decreasing", "tolerance": 100},
        kind="regression",
    )
    assert [each["passed"] for each in of_numbers] == [True, True]


def test_a_step_the_wrong_way_is_found_where_it_is(tmp_path: Path) -> None:
    threshold = model(tmp_path / "m", a=1.0, b=-0.2)
    found, _ = run(threshold, {"test": "monotone", "column": "b", "direction": "increasing", "points": 3})
    assert found[0]["passed"] is False
    assert "falls by" in found[0]["why"]


def test_golden_rows(binary: Path, tmp_path: Path) -> None:
    import shutil

    found, _ = run(binary, {"test": "golden"})
    assert (found[0]["passed"], found[0]["checked"]) == (True, 3)
    other = tmp_path / "other"
    shutil.copytree(binary, other)
    golden = json.loads((other / "golden.json").read_text())
    golden["outputs"][1][0] += 0.01
    (other / "golden.json").write_text(json.dumps(golden))
    info = json.loads((other / "model.json").read_text())
    del info["files"]["golden.json"]  # a folder that was changed is not even opened
    (other / "model.json").write_text(json.dumps(info))
    found, shown = run(other, {"test": "golden"})
    assert (found[0]["passed"], found[0]["failed"]) == (False, 1)
    assert shown["golden rows"][0]["id"] == "golden row 2"


def test_metrics_with_limits_and_on_slices(binary: Path) -> None:
    found, _ = run(
        binary,
        {"test": "metric", "metric": "roc_auc", "at_least": 0.6},
        {"test": "metric", "metric": "roc_auc", "at_least": 0.999},
        {"test": "metric", "metric": "log_loss", "at_most": 0.05, "severity": "warn"},
        {"test": "metric", "metric": "accuracy", "at_least": 0.5, "slice": {"city": "Ulm"}},
        {"test": "metric", "metric": "accuracy", "at_least": 0.5, "slice": {"city": "Rom"}},
        {"test": "metric", "metric": "acuracy", "at_least": 0.5},
    )
    assert [each["passed"] for each in found] == [True, False, False, True, None, None]
    assert found[2]["severity"] == "warn"
    assert 30 <= found[3]["checked"] < 200
    assert "0 rows" in found[4]["why"]
    assert "did you mean 'accuracy'" in found[5]["why"]


def test_two_tests_of_one_name_are_told_apart(binary: Path) -> None:
    found, _ = run(binary, {"test": "golden"}, {"test": "golden"})
    assert [each["name"] for each in found] == ["golden rows", "golden rows (2)"]


@pytest.mark.parametrize(
    "document",
    [
        {"test": "cases", "cases": []},
        {"test": "cases", "cases": [{"row": {"a": 1}}]},
        {"test": "cases", "cases": [{"row": {"a": 1}, "least": {"x": 1.2}}]},
        {"test": "cases", "cases": [{"row": {"a": 1}, "between": [2, 1]}]},
        {"test": "metric", "metric": "mae"},
        {"test": "metric", "metric": "mae", "at_least": 2, "at_most": 1},
        {"test": "monotone", "column": "a", "direction": "up"},
        {"test": "invariant", "column": "a", "share": 1.0},
        {"test": "golden", "severity": "maybe"},
        {"test": "mystery"},
        {"test": "golden", "colum": "a"},
    ],
)
def test_what_is_no_test_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        kinds.tests_of([document])


def test_tests_are_the_same_after_a_request() -> None:
    told = kinds.tests_of(
        [{"test": "cases", "cases": [GOOD, BAD]}, {"test": "monotone", "column": "a", "direction": "increasing"}]
    )
    assert kinds.tests_of(json.loads(json.dumps(kinds.as_json(told)))) == told
