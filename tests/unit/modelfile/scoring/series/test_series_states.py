"""Models with a state a series: what statsforecast says, and that values in one go are values one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring.series.models import LOCAL, local_of, stacked
from tests.support.examples import examples

ASSET = json.loads((Path(__file__).resolve().parents[4] / "assets" / "series" / "statsforecast.json").read_text())
CASES = {case["name"]: case for case in ASSET["cases"]}

RECORDS: dict[str, dict[str, Any]] = {
    "ces": {"type": "ces", "season": "P", "alpha_0": 1.3, "alpha_1": 0.95, "beta_0": 0.1, "beta_1": 0.0,
            "states": np.arange(12.0).reshape(4, 3) / 5 + 10},
    "croston": {"type": "croston", "alpha_demand": 0.1, "alpha_interval": 0.2, "factor": 0.95, "demand": 4.0,
                "interval": 2.5, "since": 1.0},
    "decomposed": {"type": "decomposed", "seasonal_3": np.asarray([1.0, -1.0, 0.0]),
                   "seasonal_5": np.arange(5.0) - 2,
                   "inner": {"type": "drift", "first": 1.0, "last": 12.0, "steps": 11.0}},
    "drift": {"type": "drift", "first": 1.0, "last": 12.0, "steps": 11.0},
    "ets": {"type": "ets", "error": "M", "trend": "M", "season": "M", "alpha": 0.3, "beta": 0.05, "gamma": 0.1,
            "phi": 0.9, "level": 10.0, "growth": 1.01, "seasonal": np.asarray([0.9, 1.2, 1.0, 0.9])},
    "mean": {"type": "mean", "total": 90.0, "steps": 9.0},
    "seasonal_naive": {"type": "seasonal_naive", "last": np.asarray([9.0, 12.0, 10.0, 11.0])},
    "state_space": {"type": "state_space", "transition": np.asarray([[0.7, 1.0], [0.0, 0.0]]),
                    "noise": np.asarray([[1.0, 0.4], [0.4, 0.16]]), "observation": np.asarray([1.0, 0.0]),
                    "measured": 0.0, "state": np.asarray([1.5, 0.2]), "covariance": np.zeros((2, 2)),
                    "intercept": 9.0, "drift": 0.1, "steps": 20.0},
    "theta": {"type": "theta", "form": "OTM", "season": "M", "seasonal": np.asarray([0.9, 1.2, 1.0, 0.9]),
              "alpha": 0.4, "theta": 2.3, "steps": 20.0, "level": 10.0, "mean": 9.5, "intercept": 9.0, "slope": 0.05,
              "total": 190.0, "moment": 2030.0},
    "tsb": {"type": "tsb", "alpha_demand": 0.2, "alpha_probability": 0.3, "demand": 4.0, "probability": 0.4},
}  # fmt: skip
"""A record of each type, about values around 10."""


def test_every_type_is_tried() -> None:
    assert set(RECORDS) == set(LOCAL)


def record_of(case: dict[str, Any]) -> dict[str, Any]:
    return {k: np.asarray(v, dtype=np.float64) if isinstance(v, list) else v for k, v in case["record"].items()}


@pytest.mark.parametrize("name", CASES)
def test_what_statsforecast_says_now_and_after_more_values(name: str) -> None:
    case = CASES[name]
    model = local_of(stacked([record_of(case)])[0])
    row = np.zeros(1, dtype=np.int64)
    np.testing.assert_allclose(model.forecast(row, len(case["forecast"]))[0], case["forecast"], rtol=1e-9)
    for value in case["values"][ASSET["fitted"] :]:
        model.step(row, np.asarray([value]))
    found = model.forecast(row, len(case["forecast"]))[0]
    if case["after"] is None:
        assert np.isfinite(found).all()
        assert not np.allclose(found, case["forecast"])
    else:
        np.testing.assert_allclose(found, case["after"], rtol=1e-9)


@pytest.mark.parametrize("kind", LOCAL)
@settings(max_examples=examples(15), deadline=None)
@given(data=st.data())
def test_many_series_together_are_each_alone_whatever_came(kind: str, data: st.DataObject) -> None:
    value = st.one_of(st.just(np.nan), st.floats(0.0, 30.0))
    came = data.draw(st.lists(st.tuples(value, value, value), min_size=1, max_size=9))
    together = local_of(stacked([RECORDS[kind]] * 3)[0])
    rows = np.arange(3)
    alone = [local_of(stacked([RECORDS[kind]])[0]) for _ in rows]
    for values in came:
        together.step(rows[::-1].copy(), np.asarray(values)[::-1].copy())  # in whatever order
        for row in rows:
            alone[row].step(np.zeros(1, dtype=np.int64), np.asarray(values[row : row + 1]))
    found = together.forecast(rows, 6)
    for row in rows:
        np.testing.assert_allclose(found[row], alone[row].forecast(np.zeros(1, dtype=np.int64), 6)[0], rtol=1e-12)
    again = local_of(together.as_document())  # what is written is what goes on
    np.testing.assert_array_equal(again.forecast(rows, 6), found)


@pytest.mark.parametrize("kind", ["ces", "drift", "ets", "seasonal_naive", "state_space"])
def test_a_missing_value_is_the_models_own_forecast(kind: str) -> None:
    row = np.zeros(1, dtype=np.int64)
    record = RECORDS[kind] | ({"phi": 1.0} if kind == "ets" else {})
    model, twin = (local_of(stacked([record])[0]) for _ in range(2))
    expected = model.forecast(row, 5)
    model.step(row, np.asarray([np.nan]))
    np.testing.assert_allclose(model.forecast(row, 4), expected[:, 1:], rtol=1e-12)
    twin.step(row, expected[:, 0])
    np.testing.assert_allclose(twin.forecast(row, 4), expected[:, 1:], rtol=1e-12)


def test_a_damped_trend_is_forecast_as_r_and_statsforecast_do() -> None:
    """Growth by phi, then phi, phi squared, …: not the phi, phi squared, … of the book and of their own recursion."""
    damped = {"trend": "A", "season": "N", "growth": 2.0, "phi": 0.5, "seasonal": np.zeros(1)}
    model = local_of(stacked([RECORDS["ets"] | damped])[0])
    row = np.zeros(1, dtype=np.int64)
    assert model.forecast(row, 4)[0].tolist() == [11.0, 12.0, 12.5, 12.75]
    model.step(row, np.asarray([11.0]))  # what was forecast came
    assert model.forecast(row, 1)[0].tolist() == [11.5]


@pytest.mark.parametrize("kind", ["croston", "mean", "tsb"])
def test_a_missing_value_is_none_where_there_is_no_course(kind: str) -> None:
    row = np.zeros(1, dtype=np.int64)
    model = local_of(stacked([RECORDS[kind]])[0])
    expected = model.forecast(row, 2)
    model.step(row, np.asarray([np.nan]))
    np.testing.assert_array_equal(model.forecast(row, 2), expected)


def test_demand_that_never_was_is_none() -> None:
    nothing = RECORDS["croston"] | {"demand": np.nan, "interval": np.nan, "since": 0.0}
    model = local_of(stacked([nothing])[0])
    row = np.zeros(1, dtype=np.int64)
    model.step(row, np.zeros(1))
    assert model.forecast(row, 2).tolist() == [[0.0, 0.0]]
    model.step(row, np.asarray([6.0]))
    assert model.forecast(row, 1)[0, 0] == pytest.approx(0.95 * 6.0 / 2.0)


def test_records_of_one_form_lie_side_by_side() -> None:
    other = RECORDS["ets"] | {"trend": "A", "growth": 0.1}
    groups = stacked([RECORDS["ets"], None, other, RECORDS["ets"] | {"alpha": 0.9}, RECORDS["drift"]])
    assert [each["series"].tolist() for each in groups] == [[0, 3], [2], [4]]
    assert groups[0]["alpha"].tolist() == [0.3, 0.9]
    assert groups[0]["seasonal"].shape == (2, 4)


def test_what_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no model of series of the type 'prophet' \(known: ces, .*a later release"):
        local_of({"type": "prophet"})
    with pytest.raises(ValueError, match="'ets' has no 'alpha'"):
        local_of({"type": "ets", "trend": "N", "season": "N"})
    wrong = stacked([RECORDS["drift"]])[0] | {"last": np.zeros((1, 2))}
    with pytest.raises(ValueError, match=r"'last' of 'drift' has the shape \(1, 2\)"):
        local_of(wrong)
    with pytest.raises(ValueError, match="ets: trend is 'D'"):
        local_of(stacked([RECORDS["ets"] | {"trend": "D"}])[0])
