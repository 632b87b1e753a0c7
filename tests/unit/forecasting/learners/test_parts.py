"""Parts of learners of series that need no library but numpy: gaps, scales, the fallback, the plain learners."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.forecasting.frequency import parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.learners import Shape, find, installed, names
from automl_core.forecasting.learners.base import CannotFit
from automl_core.forecasting.learners.fallback import naive
from automl_core.forecasting.learners.gaps import filled, trimmed
from automl_core.forecasting.learners.local import run_on
from automl_core.forecasting.learners.scaling import scale_of, scaled_back
from automl_core.forecasting.panel import Panel, Series
from automl_core.training.problems import TrainingError
from tests.support.examples import examples

NAN = np.nan


def panel(**values: list[float]) -> Panel:
    series = tuple(Series(name, 2, np.array(each), np.empty((len(each), 0))) for name, each in values.items())
    return Panel(series, Grid(parse("D"), None, 0), (), "y")


def fit(name: str, of: Panel, ends: Any = None, seasons: tuple[int, ...] = (), **params: Any) -> Any:
    ends = of.lengths if ends is None else np.array(ends)
    return find(name).fit(of, ends, params=params, horizon=3, seasons=seasons)


def test_a_gap_follows_level_and_season() -> None:
    at = np.arange(35)
    values = 10.0 * (at % 7) + at
    holed = values.copy()
    holed[[19, 20, 21, 22]] = NAN
    np.testing.assert_allclose(filled(holed, 7), values, atol=3)
    assert np.abs(filled(holed)[19:23] - values[19:23]).max() > 20, "without the season it is a line"
    np.testing.assert_array_equal(filled(values, 7), values)


def test_a_gap_at_a_place_of_the_season_that_is_never_known_is_a_line() -> None:
    values = np.array([1.0, 9.0, NAN, 1.0, 9.0, NAN, 1.0, 9.0])
    np.testing.assert_allclose(filled(values, 3)[[2, 5]], 5.0)


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(NAN)), min_size=1, max_size=40), st.integers(1, 8)
)  # fmt: skip
@settings(max_examples=examples(60), deadline=None)
def test_filled_values_lie_between_the_known_ones(values: list[float], season: int) -> None:
    first, last = trimmed(np.array(values))
    part = np.array(values)[first:last]
    if not len(part):
        assert not np.isfinite(values).any()
        return
    found = filled(part, season)
    known = part[np.isfinite(part)]
    assert known.min() <= found.min()
    assert found.max() <= known.max()
    np.testing.assert_array_equal(found[np.isfinite(part)], known)


def test_the_fallback_goes_by_places_of_the_season() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, NAN])
    np.testing.assert_array_equal(naive(values, 4, 3), [5, 6, 4, 5])
    np.testing.assert_array_equal(naive(values[:2], 3, 3), [2, 2, 2])
    np.testing.assert_array_equal(naive(np.array([NAN]), 2, 3, 7.0), [7, 7])


def test_values_are_scaled_by_powers_of_two_and_only_where_they_are_huge_or_tiny() -> None:
    assert scale_of(np.array([0.0, 0.0])) == scale_of(np.array([1.0, 5e4])) == 1.0
    for size in (1e12, 1e-9, -3e300):
        scale = scale_of(np.array([size, size]))
        assert np.log2(scale) == round(np.log2(scale))
        assert 50 < abs(size / scale) < 200


def test_states_are_brought_back_and_factors_are_not() -> None:
    ets = {"type": "ets", "error": "M", "trend": "A", "season": "M", "alpha": 0.1, "beta": 0.1, "gamma": 0.1,
           "phi": 1.0, "level": 3.0, "growth": 1.0, "seasonal": np.array([0.9, 1.1])}  # fmt: skip
    for season, factor in (("M", 1.0), ("A", 8.0)):
        record = ets | {"season": season}
        one = run_on([scaled_back(record, 8.0)], [np.empty(0)], 4)
        np.testing.assert_allclose(one, 8.0 * run_on([record], [np.empty(0)], 4))
        np.testing.assert_array_equal(scaled_back(record, 8.0)["seasonal"], factor * ets["seasonal"])


def test_the_last_season_goes_on_and_is_run_forward() -> None:
    of = panel(a=[1, 2, 3, 4, 5, 6, 7.0], b=[5, NAN, 5, 6, 7, 8, NAN])
    fitted = fit("seasonal_naive", of, [6, 6], (3,))
    np.testing.assert_array_equal(fitted.forecast(of, np.array([6, 6]), 3), [[4, 5, 6], [6, 7, 8]])
    np.testing.assert_array_equal(fitted.forecast(of, np.array([7, 7]), 3), [[5, 6, 7], [7, 8, 6]])
    assert fitted.notes == {}


def test_drift_and_mean() -> None:
    of = panel(a=[1.0, 5, 2, 4])
    np.testing.assert_allclose(fit("seasonal_naive", of, form="drift").forecast(of, of.lengths, 2), [[5, 6]])
    np.testing.assert_allclose(fit("seasonal_naive", of, form="mean").forecast(of, of.lengths, 2), [[3, 3]])
    with pytest.raises(CannotFit, match="form: found 'best'; allowed: season, drift, mean"):
        fit("seasonal_naive", of, form="best")


def test_a_series_without_a_value_has_the_others_level_and_is_named() -> None:
    of = panel(a=[4.0, 4, 6], b=[NAN, NAN, NAN], c=[8.0, 8, 8])
    fitted = fit("seasonal_naive", of)
    np.testing.assert_array_equal(fitted.forecast(of, of.lengths, 2)[1], [6, 6])
    assert "no value" in fitted.notes["b"]
    with pytest.raises(CannotFit, match="no series"):
        fit("seasonal_naive", panel(b=[NAN]))


def test_a_forecast_from_before_the_fit_is_no_leak() -> None:
    of = panel(a=[1.0, 2, 3, 50, 60])
    fitted = fit("seasonal_naive", of)
    np.testing.assert_array_equal(fitted.forecast(of, np.array([3]), 2), [[3, 3]])
    assert "before the end of its fit" in fitted.notes["a"]


def test_demand_that_is_mostly_zero() -> None:
    of = panel(a=[0, 0, 4, 0, 0, 4, 0, 0, 4, 0, 0.0], b=[0, -1, 0, 2, 0.0])
    for form in ("sba", "tsb"):
        found = fit("intermittent", of, form=form)
        assert 0.5 < found.forecast(of, of.lengths, 1)[0, 0] < 2.2
        assert "below 0" in found.notes["b"]
        assert found.forms == {"a": form}


def test_croston_by_hand() -> None:
    from automl_core.forecasting.learners import intermittent

    alphas = np.array(intermittent.ALPHAS)
    _, record = intermittent._run(intermittent._candidates("sba"), np.array([0, 3, 0, 0, 5.0]))
    alpha = record["alpha_demand"]
    assert alpha in alphas
    assert record["demand"] == pytest.approx(3 + alpha * 2)
    assert record["interval"] == pytest.approx(2 + alpha)
    assert record["factor"] == pytest.approx(1 - alpha / 2)


def test_learners_by_name() -> None:
    assert "seasonal_naive" in installed()
    assert set(installed()) <= set(names())
    with pytest.raises(TrainingError, match="theta"):
        find("thetta")


def test_which_learners_suit() -> None:
    monthly, yearly = Shape(5, 60, 60, 60, 12, (12,)), Shape(5, 20, 20, 20, 6)
    weekly, demand = Shape(5, 200, 200, 200, 12, (52,)), Shape(5, 60, 60, 60, 12, (12,), intermittent=0.5)
    suited = {
        key: {name for name in names() if not find(name).optional and find(name).suits(shape)}
        for key, shape in (("monthly", monthly), ("yearly", yearly), ("weekly", weekly), ("demand", demand))
    }
    assert suited["monthly"] == {"seasonal_naive", "ets", "theta", "ces", "boosted"}
    assert suited["yearly"] == {"seasonal_naive", "ets", "theta"}
    assert suited["weekly"] == {"seasonal_naive", "theta", "ces", "boosted", "decomposed"}
    assert suited["demand"] == suited["monthly"] | {"intermittent"}
    assert not find("boosted").suits(Shape(1, 60, 60, 60, 12))
    assert find("decomposed").suits(Shape(1, 600, 600, 600, 12, (7, 365)))


def test_the_shape_of_a_panel() -> None:
    shape = Shape.of(panel(a=[1.0, 2, NAN, 3], b=[0, 0, 0, 5, 0.0]), 3, [1, 7])
    assert (shape.series, shape.shortest, shape.longest, shape.seasons) == (2, 3, 5, (7,))
    assert not shape.positive
    assert shape.intermittent == 0.5


def test_who_comes_after_the_deadline_has_the_fallback() -> None:
    of = panel(a=[1.0, 2, 3, 9])
    late: dict[str, Any] = {"horizon": 2, "seasons": (), "deadline": time.monotonic() - 1}
    fitted = find("intermittent").fit(of, of.lengths, params={}, **late)
    np.testing.assert_array_equal(fitted.forecast(of, of.lengths, 2), [[9, 9]])
    assert "no time was left" in fitted.notes["a"]
    cheap = find("seasonal_naive").fit(of, of.lengths, params={"form": "mean"}, **late)  # costs no more than that
    np.testing.assert_array_equal(cheap.forecast(of, of.lengths, 2), [[3.75, 3.75]])
    assert not cheap.notes
