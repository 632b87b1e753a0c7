"""The estimate, drift and live tests over time, and what they ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.models.file.values import loss_of
from automl_core.models.watching.judging import Accepted, judge_estimate
from automl_core.models.watching.looks import Look, Looks
from automl_core.models.watching.series import in_a_row, series_of, short_of

DRIFT: dict[str, Any] = {
    "rows": 500, "drifted": True, "p": 1e-9, "alpha": 0.001, "why": "",
    "columns": [
        {"name": f"x{at}", "distance": 0.5 - at / 100, "p": 0.0, "drifted": at < 2, "words": f"median: {at}"}
        for at in range(30)
    ],
    "attribution": {"words": "with x0 as it was"},
}  # fmt: skip
ESTIMATE: dict[str, Any] = {
    "state": "estimated", "why": "", "metric": "accuracy", "direction": "maximize", "value": 0.80, "low": 0.79,
    "high": 0.81, "rows": 500, "confidence": 0.95, "checked": None, "parts": {"chance": 0.005},
    "calibration": {"method": "beta", "rows": 900, "of": 900},
}  # fmt: skip
THEN = Accepted("a" * 64, {"accuracy": {"value": 0.9, "low": 0.89, "high": 0.91}}, "accuracy")


def look(time: float, version: int = 1, **more: Any) -> Look:
    return Look(time, f"run-{time}", version, "cant_tell", "", **more)


def drifted(time: float, state: str, version: int = 1) -> Look:
    return look(time, version, drift={"state": state, "columns": {"x": time / 10}, "drifted": [], "words": []})


def test_a_series_has_each_column_over_time_and_the_newest_in_full() -> None:
    estimate = judge_estimate(ESTIMATE, THEN, limit=loss_of("2%")) | {"record": {"checks": 0}}
    details = {"drift": DRIFT, "estimate": estimate, "live": {"state": "failed", "why": "1 of 2", "tests": [1, 2]}}
    newest = look(30.0, **short_of(details))
    told = series_of(Looks((newest, drifted(20.0, "holds"), drifted(10.0, "cant_tell")), None, (), details))
    json.dumps(told, allow_nan=False)
    columns = {each["name"]: each["points"] for each in told["drift"]["columns"]}
    assert columns["x"] == [[10.0, 1.0], [20.0, 2.0]]
    assert columns["x0"] == [[30.0, 0.5]]
    assert len(newest.drift["columns"]) == 20, "the furthest of thirty"
    assert newest.drift["drifted"] == ["x0", "x1"]
    assert [each["state"] for each in told["drift"]["looks"]] == ["cant_tell", "holds", "drifted"]
    assert told["drift"]["newest"]["attribution"] == {"words": "with x0 as it was"}
    assert told["drift"]["least"] == 0.05
    (point,) = told["estimate"]["points"]
    assert (point["value"], point["worse"], point["measured"]) == (0.80, True, None)
    assert told["estimate"]["newest"]["parts"] == {"chance": 0.005}
    assert "parts" not in newest.estimate, "what each of 200 looks repeats is short"
    assert told["live"]["looks"] == [{"time": 30.0, "version": None, "state": "failed", "why": "1 of 2"}]
    assert newest.live["tests"] == 2


def test_nobody_has_looked() -> None:
    told = series_of(Looks())
    assert (told["estimate"]["points"], told["drift"]["columns"], told["live"]["newest"]) == ([], [], None)


def test_looks_in_a_row_are_of_one_version_and_those_that_can_not_tell_are_no_break() -> None:
    row = [drifted(5, "drifted"), drifted(4, "cant_tell"), drifted(3, "drifted")]
    assert in_a_row(row, 1) == 2
    assert in_a_row([*row, drifted(2, "holds"), drifted(1, "drifted")], 1) == 2
    assert in_a_row([*row, drifted(2, "drifted", version=7)], 1) == 2
    assert in_a_row([drifted(9, "holds"), *row], 1) == 0
    assert in_a_row([], 1) == 0


@pytest.mark.parametrize(
    ("value", "half", "worse"),
    [(0.80, 0.01, True), (0.80, 0.15, None), (0.90, 0.01, False), (0.95, 0.01, False), (0.885, 0.005, None)],
)
def test_an_estimate_is_worse_where_its_whole_interval_is(value: float, half: float, worse: bool | None) -> None:
    found = judge_estimate(
        ESTIMATE | {"value": value, "low": value - half, "high": value + half}, THEN, limit=loss_of("2%")
    )
    assert found["worse"] is worse
    assert found["limit"] == pytest.approx(0.018)
    assert f"accuracy is estimated at {value:.4g}" in found["words"]


def test_labels_that_contradict_it_are_believed_and_it_is_not() -> None:
    checked = {"rows": 400, "estimated": 0.81, "low": 0.79, "high": 0.83, "measured": 0.60, "within": False}
    found = judge_estimate(ESTIMATE | {"checked": checked}, THEN, limit=loss_of("2%"))
    assert found["worse"] is None
    assert "labels contradict that: on 400 rows that have some it was estimated at 0.81" in found["words"]
    assert "depend on the columns in another way than before" in found["words"]
    agreed = judge_estimate(ESTIMATE | {"checked": checked | {"within": True}}, THEN, limit=loss_of("2%"))
    assert agreed["worse"] is True


def test_what_can_not_be_estimated_is_said_and_judges_nothing() -> None:
    can_not = {**ESTIMATE, "state": "cant_tell", "why": "5 rows without a label", "value": None}
    found = judge_estimate(can_not, THEN)
    assert (found["worse"], found["words"]) == (None, "accuracy is not estimated: 5 rows without a label")
    assert judge_estimate({**can_not, "state": "none"}, THEN)["words"] == ""
    unknown = judge_estimate(ESTIMATE, None)
    assert unknown["worse"] is None
    assert "was not measured when it was accepted" in unknown["words"]
