"""Learners on what real series have, with statsforecast and LightGBM as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.forecasting.frequency import parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.learners import Shape, find, names
from automl_core.forecasting.panel import KnownColumn, Panel, Series
from automl_core.modelfile.scoring.series.models import local_of
from automl_core.modelfile.scoring.series.models.trees import SeriesTrees

HORIZON, SEASON = 6, 12
DEAR = ("plain", "constant", "two", "gaps")
"""Cases that are enough for ARIMA."""

RANDOM = np.random.default_rng(5)
LOCAL = [name for name in names() if name not in ("boosted", "arima")]


def monthly(n: int = 60, size: float = 100.0, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    at = np.arange(n)
    return size * (1 + 0.005 * at + 0.2 * np.sin(at * 2 * np.pi / SEASON) + 0.03 * rng.standard_normal(n))


def gappy() -> Any:
    values = monthly(seed=3)
    values[[7, 20, 21, 22, 59 - 8]] = np.nan
    return values


CASES = {
    "plain": monthly(),
    "constant": np.full(40, 7.5),
    "zeros": np.zeros(40),
    "negative": monthly(seed=1) - 110,
    "gaps": gappy(),
    "two": np.array([3.0, 4.0]),
    "three": np.array([3.0, 4.0, 2.5]),
    "five": np.array([3.0, 4.0, 2.5, 6.0, 1.0]),
    "one": np.array([3.0]),
    "huge": monthly(size=1e12, seed=2),
    "tiny": monthly(size=1e-9, seed=2),
    "demand": np.where(RANDOM.random(60) < 0.3, RANDOM.integers(1, 9, 60), 0).astype(float),
    "late start": np.concatenate([np.zeros(30), monthly(30)]),
    "spike": np.where(np.arange(48) == 30, 1e6, 1.0),
}


def panel(cases: dict[str, Any], known: bool = False) -> Panel:
    series = tuple(
        Series(name, 3, values, np.ones((len(values) + HORIZON, 1)) if known else np.empty((len(values), 0)))
        for name, values in cases.items()
    )
    columns = (KnownColumn("promo", "number"),) if known else ()
    return Panel(series, Grid(parse("MS"), None, 0), columns, "y")


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    """Every learner on its cases."""
    found = {}
    for name in names():
        many = panel(cases_of(name))
        params = {"iterations": 20} if name == "boosted" else {}
        found[name] = find(name).fit(many, many.lengths, params=params, horizon=HORIZON, seasons=[SEASON])
    return found


def cases_of(name: str) -> dict[str, Any]:
    return {case: CASES[case] for case in DEAR} if name == "arima" else CASES


@pytest.mark.parametrize("name", names())
def test_every_series_has_a_finite_forecast_near_its_values(fitted: dict[str, Any], name: str) -> None:
    many = panel(cases_of(name))
    found = fitted[name].forecast(many, many.lengths, HORIZON)
    assert np.isfinite(found).all()
    for (case, values), ahead in zip(cases_of(name).items(), found, strict=True):
        low, high = np.nanmin(values), np.nanmax(values)
        assert (ahead >= low - 10 * (high - low) - 1e-12).all(), case
        assert (ahead <= high + 10 * (high - low) + 1e-12).all(), case


@pytest.mark.parametrize("name", [each for each in LOCAL if each not in ("seasonal_naive",)])
def test_a_series_that_gets_the_fallback_is_named_with_why(fitted: dict[str, Any], name: str) -> None:
    notes = fitted[name].notes
    assert "the same" in notes["constant"]
    assert "the same" in notes["zeros"]
    assert "2 values" in notes["two"]
    assert name in notes["two"]
    assert "plain" not in notes or name == "decomposed"
    assert set(notes) <= set(CASES)


@pytest.mark.parametrize("name", ["ets", "theta", "ces"])
def test_huge_and_tiny_series_are_forecast_as_others(fitted: dict[str, Any], name: str) -> None:
    many = panel(CASES)
    found = dict(zip(CASES, fitted[name].forecast(many, many.lengths, HORIZON), strict=True))
    assert "huge" not in fitted[name].notes
    assert "tiny" not in fitted[name].notes
    # the same values but for their size
    np.testing.assert_allclose(found["huge"] / 1e12, found["tiny"] / 1e-9, rtol=0.02)


@pytest.mark.parametrize("name", names())
def test_the_document_forecasts_what_the_learner_does(fitted: dict[str, Any], name: str) -> None:
    many, horizon = panel(cases_of(name)), HORIZON + 9
    expected = fitted[name].forecast(many, many.lengths, horizon)
    seen = np.zeros(len(expected), dtype=int)
    for document in fitted[name].export()["models"]:
        if document["type"] == "trees":
            trees = SeriesTrees(document)
            history = np.full((len(many), trees.reach), np.nan)
            for row, one in zip(history, many.series, strict=True):
                part = one.values[-trees.reach :]
                row[trees.reach - len(part) :] = part
            found = trees.forecast(
                history, horizon, last=many.starts + many.lengths - 1, grid=many.grid,
                known=np.empty((len(many), horizon, 0)), codes=np.arange(len(many)),
            )  # fmt: skip
            places = np.arange(len(many))
        else:
            model = local_of(document)
            found, places = model.forecast(np.arange(model.count), horizon), document["series"]
        np.testing.assert_allclose(found, expected[places], rtol=1e-9, atol=0)
        seen[places] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(("name", "form"), [("ets", "auto"), ("theta", "auto"), ("theta", "STM"), ("ces", "auto")])
def test_forecasts_are_the_library_s(name: str, form: str) -> None:
    from statsforecast import ces, ets, theta

    values = monthly(seed=9)
    one = panel({"a": values})
    fitted = find(name).fit(one, one.lengths, params={"form": form}, horizon=HORIZON, seasons=[SEASON])
    found = fitted.forecast(one, one.lengths, HORIZON)[0]
    chosen = fitted.forms["a"]
    if name == "ets":
        model = ets.ets_f(values, SEASON, chosen[0] + chosen[1] + chosen[-1], damped="d" in chosen)
        expected = ets.forecast_ets(model, HORIZON)["mean"]
    elif name == "theta":
        expected = theta.forecast_theta(theta.auto_theta(values, SEASON, model=chosen), HORIZON)["mean"]
    else:
        expected = ces.forecast_ces(ces.auto_ces(values, SEASON, model="Z"), HORIZON)["mean"]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_states_of_ets_run_forward_as_the_library_s() -> None:
    from statsforecast import ets

    values = monthly(seed=9)
    one = panel({"a": values})
    fitted = find("ets").fit(one, np.array([48]), params={"form": "MAM"}, horizon=HORIZON, seasons=[SEASON])
    model = ets.ets_f(values[:48], SEASON, "MAM", damped=False)
    expected = ets.forecast_ets(ets.forward_ets(model, values), HORIZON)["mean"]
    np.testing.assert_allclose(fitted.forecast(one, one.lengths, HORIZON)[0], expected, rtol=1e-9)


@pytest.mark.parametrize("name", names())
def test_the_future_is_never_seen(name: str) -> None:
    values = monthly(seed=4)
    other = values.copy()
    other[50:] = -1e5
    found = []
    for each in (values, other):
        many = panel({"a": each, "b": monthly(seed=6)})
        ends = np.array([50, 55])
        params = {"iterations": 10} if name == "boosted" else {}
        fitted = find(name).fit(many, ends, params=params, horizon=HORIZON, seasons=[SEASON])
        found.append(fitted.forecast(many, ends, HORIZON))
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("name", names())
def test_a_series_that_is_new_and_one_that_is_not_asked_for(name: str) -> None:
    many = panel({"a": monthly(), "b": monthly(seed=6)})
    params = {"iterations": 10} if name == "boosted" else {}
    fitted = find(name).fit(many, many.lengths, params=params, horizon=HORIZON, seasons=[SEASON])
    later = panel({"new": np.array([5.0, 6.0, 7.0]), "a": monthly(), "b": monthly(seed=6)})
    found = fitted.forecast(later, np.array([3, -1, 60]), HORIZON)
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[2]).all()
    assert name == "boosted" or "not among the series" in fitted.notes["new"]
    assert np.ptp(found[0]) < 20
    assert abs(found[0].mean() - 6) < 20


def test_a_form_that_was_chosen_is_taken_over() -> None:
    many = panel({"a": monthly(), "b": monthly(seed=6)})
    ets = find("ets")
    first = ets.fit(many, many.lengths - 12, params={}, horizon=HORIZON, seasons=[SEASON])
    first.kept["a"] = type(first.kept["a"])(first.kept["a"].record, first.kept["a"].end, "ANN")
    again = ets.fit(many, many.lengths, params={}, horizon=HORIZON, seasons=[SEASON], start=first)
    assert again.forms["a"] == "ANN"
    assert again.forms["b"] == first.forms["b"]


def test_several_and_long_seasons_are_taken_out() -> None:
    at = np.arange(24 * 7 * 4)
    values = 50 + 10 * np.sin(at * 2 * np.pi / 24) + 5 * (at // 24 % 7 >= 5) + RANDOM.standard_normal(len(at)) * 0.1
    one = Panel((Series("a", 0, values, np.empty((len(values), 0))),), Grid(parse("h"), None, 0), (), "y")
    end = len(at) - 48
    for name in ("decomposed", "boosted"):
        fitted = find(name).fit(one, np.array([end]), params={}, horizon=48, seasons=[24, 168])
        found = fitted.forecast(one, np.array([end]), 48)[0]
        assert np.abs(found - values[end:]).mean() < (0.5 if name == "decomposed" else 1.5), name


def test_trees_learn_from_known_columns() -> None:
    rng = np.random.default_rng(1)
    promo = (rng.random(206) < 0.3).astype(float)
    values = 20 + 10 * promo[:200] + rng.standard_normal(200) * 0.1
    series = Series("a", 0, values, promo[:, None])
    one = Panel((series,), Grid(parse("D"), None, 0), (KnownColumn("promo", "number"),), "y")
    fitted = find("boosted").fit(one, one.lengths, params={}, horizon=6, seasons=[])
    found = fitted.forecast(one, one.lengths, 6)[0]
    assert np.abs(found - (20 + 10 * promo[200:])).max() < 2


def test_the_same_seed_makes_the_same_forest() -> None:
    many = panel({"a": monthly(), "b": monthly(seed=6)})
    found = [
        find("boosted").fit(many, many.lengths, params={"iterations": 10}, horizon=6, seasons=[12], seed=seed)
        .forecast(many, many.lengths, 6) for seed in (1, 1, 2)
    ]  # fmt: skip
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize("name", names())
def test_what_is_tried_first_lies_in_the_space(name: str) -> None:
    learner = find(name)
    for seasons, positive in (((), True), ((12,), False), ((24, 168), True)):
        shape = Shape(9, 40, 60, 90, 6, seasons, positive=positive)
        space = learner.space(shape)
        for params in learner.portfolio(shape):
            for key, value in params.items():
                parameter = space.get(key)
                if parameter is None:
                    assert value == learner.defaults[key], (name, key)
                elif "values" in parameter:
                    assert value in parameter["values"]
                else:
                    assert parameter["low"] <= value <= parameter["high"]
