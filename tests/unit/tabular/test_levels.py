"""Levels of groups that last, that drift, and of which a model knows the most already."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn")

from automl_core.modelfile import load
from automl_core.tabular import effects, fit, levels
from automl_core.tabular.levels import Forecast, Levels, Rows
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import prepare
from automl_core.tabular.refitting import planned
from automl_core.tabular.trial import TrialResult
from tests.unit.tabular.test_effects import CUT, QUICK, SHOPS, YEARS, _panel, _rmse

MOMENTS, GROUPS = 12, 60
rows_of_groups = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([-1.5, 0.0, 2.0, 1e9])), max_size=40)


@given(rows_of_groups)
def test_moments_after_a_row_are_those_of_its_own_group(rows: list[tuple[int, float]]) -> None:
    codes = np.array([code for code, _ in rows], dtype=np.int64)
    order = np.array([moment for _, moment in rows], dtype=np.float64)
    expected = [len({later for group, later in rows if group == code and later > moment}) for code, moment in rows]
    assert levels.moments_after(order, codes).tolist() == expected


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-100, 100), st.floats(0.01, 1)), min_size=2, max_size=40),
    st.floats(0.1, 10), st.floats(0.1, 10),
)  # fmt: skip
def test_weighted_intercepts_lie_between_nothing_and_the_weighted_means(
    rows: list[tuple[int, float, float]], between: float, within: float
) -> None:
    codes, residuals, weights = (np.array(each) for each in zip(*rows, strict=True))
    found = levels.intercepts(residuals[:, None], codes, 5, (between, within), weights)[:, 0]
    every = levels.intercepts(residuals[:, None], codes, 5, (between, within))[:, 0]
    same = levels.intercepts(residuals[:, None], codes, 5, (between, within), np.full(len(codes), 0.3))[:, 0]
    assert same == pytest.approx(every)
    for group in range(5):
        own = codes == group
        if not own.any():
            assert found[group] == 0
            continue
        mean = float(np.average(residuals[own], weights=weights[own]))
        assert abs(found[group]) <= abs(mean) + 1e-9
        assert found[group] * mean >= 0


def _cuts(order: np.ndarray[Any, Any]) -> tuple[Forecast, Forecast, Any]:
    """Positions of two forecasts, without their residuals."""
    last = order >= 8
    first = (order >= 5) & ~last
    nothing = np.empty((0, 1))
    return (
        Forecast(np.flatnonzero(~last), np.flatnonzero(last), nothing),
        Forecast(np.flatnonzero(order < 5), np.flatnonzero(first), nothing), order,
    )  # fmt: skip


def _found(truth: np.ndarray[Any, Any], seed: int, *, known: float = 0.0, twice: bool = True) -> Levels:
    """What is found of groups whose level at each moment is given, (groups, moments).

    Args:
        known: share of the level at the forecast's beginning that a model has learned by itself.
        twice: whether there are two forecasts.
    """
    random = np.random.default_rng(seed)
    count, moments = truth.shape
    codes, order = np.repeat(np.arange(count), moments), np.tile(np.arange(moments, dtype=np.float64), count)
    seen = truth[codes, order.astype(int)] + random.normal(0, 0.5, len(codes))
    last, first, _ = _cuts(order)

    def with_residuals(each: Forecast, begin: int) -> Forecast:
        left = seen[each.later] - known * truth[codes[each.later], :begin].mean(axis=1)
        return Forecast(each.earlier, each.later, left[:, None])

    rows = Rows(codes, count, order, seen[:, None])
    return levels.levels(rows, with_residuals(last, 8), with_residuals(first, 5) if twice else None)


def _walk(seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng([seed, 1]).normal(0, 1, (GROUPS, MOMENTS)).cumsum(axis=1)


def _lasting(seed: int) -> np.ndarray[Any, Any]:
    return np.repeat(np.random.default_rng([seed, 2]).normal(0, 2, (GROUPS, 1)), MOMENTS, axis=1)


def test_of_levels_that_drift_the_last_rows_tell_most() -> None:
    for seed in range(5):
        truth = _walk(seed)
        found = _found(truth, seed)
        assert found.discount < 1
        # as the walk goes on, its last value is what is expected of it
        plain = _found(truth, seed, twice=False)
        assert plain.discount == 1, "one forecast alone decides nothing"
        errors = [float(np.mean((each.now[:, 0] - truth[:, -1]) ** 2)) for each in (found, plain)]
        assert errors[0] < 0.5 * errors[1]


def test_of_levels_that_last_all_rows_count_the_same_but_by_luck() -> None:
    found = [_found(_lasting(seed), seed) for seed in range(40)]
    assert np.mean([each.discount < 1 or each.forecast for each in found]) < 0.2


def test_a_drift_that_only_the_last_forecast_sees_is_not_believed() -> None:
    random = np.random.default_rng(4)
    truth = _lasting(0)
    # until 5 the last moments mislead; from there on they tell what comes
    truth[:, 3:5] += random.normal(0, 3, (GROUPS, 1))
    truth[:, 7:] += random.normal(0, 3, (GROUPS, 1))
    found = _found(truth, 0)
    assert found.discount == 1 or found.forecast


def test_what_a_model_has_learned_of_a_level_is_not_added_again() -> None:
    """It knows each group's mean of before: what is left of a walk lies elsewhere than the mean."""
    for seed in range(5):
        truth = _walk(seed)
        found = _found(truth, seed, known=1.0)
        assert found.forecast
        left = truth[:, -1] - truth[:, :8].mean(axis=1)
        assert np.corrcoef(found.now[:, 0], left)[0, 1] > 0.9
        assert abs(np.corrcoef(found.now[:, 0], truth[:, -1])[0, 1]) < np.corrcoef(found.now[:, 0], left)[0, 1]


def test_groups_without_late_rows_have_the_level_of_all_their_rows() -> None:
    truth, seed = _walk(1), 1
    random = np.random.default_rng(seed)
    codes, order = np.repeat(np.arange(GROUPS), MOMENTS), np.tile(np.arange(MOMENTS, dtype=np.float64), GROUPS)
    there = (codes >= 6) | (order < 5)
    codes, order = codes[there], order[there]
    seen = truth[codes, order.astype(int)] + random.normal(0, 0.5, len(codes))
    last, first, _ = _cuts(order)
    forecasts = [
        Forecast(each.earlier, each.later, (seen[each.later] - truth[codes[each.later], :begin].mean(axis=1))[:, None])
        for each, begin in ((last, 8), (first, 5))
    ]
    rows = Rows(codes, GROUPS + 1, order, seen[:, None])
    found = levels.levels(rows, forecasts[0], forecasts[1])
    assert found.forecast
    plain = levels.intercepts(seen[:, None], codes, GROUPS + 1)
    assert found.now[:6] == pytest.approx(plain[:6])
    assert found.now[GROUPS] == 0, "of a group without any row nothing is known"
    assert not np.allclose(found.now[6:GROUPS], plain[6:GROUPS])


def _drifting(seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    known, later = _panel(lasting=1.0, seed=seed)
    level = np.random.default_rng([seed, 3]).normal(0, 3, (SHOPS, YEARS)).cumsum(axis=1)
    for rows in (known, later):
        places = [(int(shop[1:]), year - 2000) for shop, year in zip(rows["shop_id"], rows["year"], strict=True)]
        rows["sales"] = [value + level[place] for value, place in zip(rows["sales"], places, strict=True)]
    return known, later


def test_later_rows_of_groups_that_drift_are_told_by_the_last_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    known, later = _drifting()
    model = fit(known, "sales", **QUICK)
    (why,) = (note for note in model.report["notes"] if "that training knew" in note)
    assert "counting 0." in why or "beyond what a forecast said" in why
    asked = {name: values for name, values in later.items() if name != "sales"}
    assert np.asarray(load(model.folder).predict(asked)) == pytest.approx(np.asarray(model.predict(asked)), abs=1e-9)
    monkeypatch.setattr(effects, "_before", lambda *_: None)  # as without time for a second forecast
    plain = fit(known, "sales", **QUICK)
    (why,) = (note for note in plain.report["notes"] if "that training knew" in note)
    assert "counting" not in why
    assert "forecast" not in why
    soon = [place for place, year in enumerate(later["year"]) if year < CUT + 2]
    near = {name: [values[place] for place in soon] for name, values in later.items()}
    assert _rmse(model, near) < 0.8 * _rmse(plain, near)
    strangers = {**asked, "shop_id": ["never seen"] * len(asked["year"])}
    assert np.asarray(model.predict(strangers)) == pytest.approx(np.asarray(plain.predict(strangers)), abs=1e-9)


@pytest.mark.parametrize(("order", "fits"), [(True, 2), (False, 0)])
def test_the_fits_of_both_forecasts_are_planned(order: bool, fits: int) -> None:
    known, _ = _panel(lasting=1.0)
    if not order:
        del known["year"]
    prepared = prepare(known, Options.of(target="sales", folds=4, repeats=1))
    assert prepared.panel is not None
    trial = TrialResult(0, {"learner": "linear"}, "succeeded", loss=1.0, value=1.0, folds=[1.0] * 4, fit_seconds=8.0)
    assert planned(prepared, [trial], 1) == pytest.approx(1.3 * fits * 2.0)
