"""Features of trees over lags: the same rows in training as at a forecast, nothing of the future, any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.forecasting.frequency import parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.learners.boosted import calendar_of
from automl_core.forecasting.learners.lagged import histories, rows_of
from automl_core.forecasting.panel import KnownColumn, Panel, Series
from automl_core.modelfile.scoring.series.features import Recipe

NAN = np.nan
PLAIN: dict[str, Any] = {
    "block": 3, "lags": 2, "seasons": [4], "cycles": 2, "windows": [3], "calendar": ["weekday"], "known": 1,
    "series": True, "logarithm": False, "level": 4, "unit": "spread", "base": "season",
}  # fmt: skip


def panel(values: Any, names: str = "abc") -> Panel:
    series = tuple(
        Series(name, 5, np.asarray(each, dtype=float), 100.0 + np.arange(len(each) + 4)[:, None])
        for name, each in zip(names, np.atleast_2d(values), strict=False)
    )
    return Panel(series, Grid(parse("D"), None, 0), (KnownColumn("promo", "number"),), "y")


def wave(n: int = 30, seed: int = 0) -> Any:
    return 50 + np.arange(n) % 4 * 10 + np.random.default_rng(seed).normal(size=n)


def ask(recipe: Recipe, of: Panel, end: int, horizon: int, margin: Any) -> Any:
    ends = np.full(len(of), end)
    return recipe.forecast(
        histories(of, ends, np.arange(len(of)), recipe.reach), horizon, last=of.starts + end - 1, grid=of.grid,
        known=of.future_known(ends, horizon), codes=np.arange(len(of)), margin=margin,
    )  # fmt: skip


def test_a_row_says_what_its_names_do() -> None:
    of, recipe = panel(np.arange(1.0, 31)), Recipe(PLAIN)
    seen: list[Any] = []
    ask(recipe, of, 20, 3, lambda rows: seen.append(rows) or np.zeros(len(rows)))
    rows = dict(zip(recipe.names, seen[0].T, strict=True))
    level, unit = 18.5, 4.0  # of 17 … 20; a step of 4 is always 4 more
    np.testing.assert_array_equal(rows["step"], [1, 2, 3])
    np.testing.assert_allclose(rows["lag 0"], (20 - level) / unit)
    np.testing.assert_allclose(rows["lag 1"], (19 - level) / unit)
    np.testing.assert_allclose(rows["season 4 back 1"] * unit + level, [17, 18, 19])
    np.testing.assert_allclose(rows["season 4 back 2"] * unit + level, [13, 14, 15])
    np.testing.assert_allclose(rows["mean 3"] * unit + level, 19)
    np.testing.assert_allclose(rows["unit by level"], unit / level)
    np.testing.assert_array_equal(rows["weekday"], [(3 + 5 + at) % 7 for at in (20, 21, 22)])  # 1970 began a Thursday
    np.testing.assert_array_equal(rows["known 0"], [120, 121, 122])
    np.testing.assert_array_equal(rows["series"], 0)


@pytest.mark.parametrize("change", [{}, {"base": "level"}, {"base": "last"}, {"unit": "level"}, {"logarithm": True}])
def test_training_and_forecast_make_the_same_rows(change: dict[str, Any]) -> None:
    of, recipe = panel([wave(), wave(seed=1)]), Recipe(PLAIN | change)
    rows = rows_of(of, of.lengths, recipe, most=10**6, rng=np.random.default_rng(0))
    asked: list[Any] = []
    for end in range(4, 30):
        ask(recipe, of, end, 3, lambda each: asked.append(each) or np.zeros(len(each)))
    everything = {each.tobytes() for each in np.vstack(asked)}
    assert len(rows.features) == 2 * (24 * 3 + 2 + 1)
    assert {each.tobytes() for each in rows.features} <= everything


def test_who_answers_with_the_targets_forecasts_the_truth() -> None:
    for change in ({}, {"base": "last", "unit": "level"}, {"logarithm": True, "unit": "one"}):
        of, recipe = panel([wave(), wave(seed=1)]), Recipe(PLAIN | change)
        rows = rows_of(of, of.lengths, recipe, most=10**6, rng=np.random.default_rng(0))
        known = {each.tobytes(): target for each, target in zip(rows.features, rows.target, strict=True)}
        found = ask(recipe, of, 20, 3, lambda asked, known=known: np.array([known[each.tobytes()] for each in asked]))
        np.testing.assert_allclose(found, [one.values[20:23] for one in of.series])


def test_nothing_of_the_future_is_learned_from() -> None:
    values, recipe = wave(), Recipe(PLAIN)
    other = np.concatenate([values[:20], np.full(10, 1e9)])
    found = [
        rows_of(panel(each), np.array([20]), recipe, most=10**6, rng=np.random.default_rng(0))
        for each in (values, other)
    ]
    np.testing.assert_array_equal(found[0].features, found[1].features)
    np.testing.assert_array_equal(found[0].target, found[1].target)


def test_steps_beyond_the_block_stand_on_its_forecasts() -> None:
    of = panel([np.full(20, 10.0) + np.arange(20) % 2])
    recipe = Recipe(PLAIN | {"block": 1, "base": "last", "unit": "one", "seasons": [], "known": 0})
    found = ask(recipe, of, 20, 5, lambda rows: np.ones(len(rows)))
    np.testing.assert_allclose(found[0], of.series[0].values[-1] + np.arange(1, 6))


def test_a_series_of_any_size_is_the_same_to_the_forest() -> None:
    recipe = Recipe(PLAIN | {"calendar": [], "known": 0, "series": False})
    answers = lambda rows: rows[:, 1] * 0.5 + rows[:, 0]  # noqa: E731 - of last value and step
    one, other = (ask(recipe, panel(wave() * size), 30, 4, answers) for size in (1.0, 1e9))
    np.testing.assert_allclose(other, one * 1e9)


def test_what_never_changes_goes_on_and_what_is_empty_is_nothing() -> None:
    recipe = Recipe(PLAIN | {"known": 0})
    held = np.array([[NAN] * 11 + [7.0], [3.0] * 12, [0.0] * 12, [NAN] * 12])
    found = recipe.forecast(
        held, 2, last=np.full(4, 9), grid=panel(wave()).grid, known=np.empty((4, 2, 0)), codes=np.full(4, -1),
        margin=lambda rows: np.full(len(rows), 5.0),
    )  # fmt: skip
    np.testing.assert_array_equal(found[:3], [[7, 7], [3, 3], [0, 0]])
    assert np.isnan(found[3]).all()


def test_a_sample_of_rows_is_drawn_from_all_series() -> None:
    of, recipe = panel([wave(200), wave(200, 1), wave(200, 2)]), Recipe(PLAIN | {"block": 30})
    rows = rows_of(of, of.lengths, recipe, most=300, rng=np.random.default_rng(0))
    assert 200 < len(rows.target) <= 300
    assert set(rows.series) == {0, 1, 2}
    assert len(np.unique(rows.features[:, 0])) > 20


def test_calendars_follow_the_frequency() -> None:
    assert calendar_of(parse("MS"), 100) == ["month"]
    assert calendar_of(parse("QS"), 100) == ["month"]
    assert calendar_of(parse("YS"), 100) == []
    assert calendar_of(parse("W"), 60) == []
    assert calendar_of(parse("W"), 200) == ["week"]
    assert calendar_of(parse("D"), 400) == ["weekday", "day"]
    assert calendar_of(parse("D"), 800) == ["weekday", "day", "day_of_year"]
    assert calendar_of(parse("h"), 800) == ["time_of_day", "weekday"]


def test_a_recipe_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no recipe with the unit 'size'"):
        Recipe(PLAIN | {"unit": "size"})


def test_calendar_and_known_columns_beyond_the_block_are_those_of_the_step() -> None:
    of, recipe = panel(np.arange(1.0, 31)), Recipe(PLAIN | {"block": 2})
    seen: list[Any] = []
    ask(recipe, of, 20, 5, lambda rows: seen.append(rows) or np.zeros(len(rows)))
    rows = dict(zip(recipe.names, np.vstack(seen).T, strict=True))
    np.testing.assert_array_equal(rows["step"], [1, 2, 1, 2, 1])
    np.testing.assert_array_equal(rows["weekday"], [(3 + 25 + at) % 7 for at in range(5)])
    np.testing.assert_array_equal(rows["known 0"], 120 + np.arange(5))
