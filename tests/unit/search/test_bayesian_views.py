"""The scales that losses are modelled on: a close look where the better half would lie in one place, if data ask it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.search.base import PastTrial
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.gp import Columns, Fit, Posterior, left_out
from automl_core.search.bayesian.surrogate import Evidence, Surrogate, best_view
from automl_core.search.bayesian.warping import normalise, views
from automl_core.space import Space
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState

Array = np.ndarray
TAILED = np.array([18.4, 18.9, 19.3, 20.1, 20.6, 21.0, 21.8, 340.0, 5.5e3, 5.1e4, 1.0e5, 2.2e5])
"""Losses inside of a region, and the penalty outside of it."""


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=30))
def test_every_view_keeps_the_order(losses: list[float]) -> None:
    values = np.array(losses)
    for view in views(values):
        assert np.isfinite(view.values).all()
        assert np.isfinite(view.log_slopes).all()
        assert (np.diff(view.values[np.argsort(values, kind="stable")]) >= 0).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=30), st.floats(0.0, 12.0), st.booleans())
def test_slopes_of_the_better_half_are_those_of_its_values(losses: list[float], tail: float, positive: bool) -> None:
    values = np.array(losses)
    values = np.where(values > np.median(values), values * 10.0**tail, values)
    values = np.sort(values - values.min() + 1e-3 if positive else values)
    better = values[values <= np.median(values)]
    for view in views(values):
        found, slopes = view.values[: len(better)], np.exp(view.log_slopes[: len(better)])
        between = np.diff(found)
        low, high = (np.diff(better) * side(slopes[1:], slopes[:-1]) for side in (np.minimum, np.maximum))
        allowed = 1e-6 * (1.0 + np.abs(found[1:]))
        assert (between >= low * (1 - 1e-6) - allowed).all()
        assert (between <= high * (1 + 1e-6) + allowed).all()


def test_a_far_tail_does_not_lay_the_better_half_in_one_place() -> None:
    robust, close = views(TAILED)
    assert robust.values == pytest.approx(normalise(TAILED))
    assert np.ptp(robust.values[:7]) < 0.01
    assert np.ptp(close.values[:7]) > 1.0
    assert close.values[-1] < 40.0


def test_losses_without_a_far_tail_have_one_scale() -> None:
    losses = np.random.default_rng(0).uniform(0, 1, 40)
    assert len(views(losses)) == len(views(np.exp(losses))) == len(views(np.ones(5))) == 1


def test_a_loss_left_out_is_predicted_by_the_others() -> None:
    rng = np.random.default_rng(3)
    rows = rng.random((12, 2))
    losses = normalise(np.sin(6 * rows[:, 0]) + rows[:, 1] ** 2)
    columns = Columns(np.arange(2), np.array([], dtype=np.intp), warped=True, main_effects=True)
    fit = Fit(columns, rows, losses)
    posterior = Posterior(columns, fit.unpack(fit.maximum()), rows, losses)
    step = 1e-6
    for i, density in enumerate(left_out(posterior, losses)):
        rest = np.arange(12) != i
        other = copy.copy(posterior)
        other._set(rows[rest], posterior.targets[rest])
        mean, variance = other.predict(rows[i : i + 1])
        spread = float(variance[0]) + posterior.noise
        off = float(posterior.targets[i, 0] - mean[0, 0])
        slope = np.diff(posterior.scale(losses[i] + np.array([-step, step])))[0] / (2 * step)
        expected = -0.5 * (off**2 / spread + np.log(2 * np.pi * spread)) + np.log(slope)
        assert density == pytest.approx(expected, abs=1e-3)


def region(rows: Array, inside: Array) -> Array:
    """What is inside of a disc, and a steep penalty outside of it."""
    outside = np.maximum(((rows - 0.5) ** 2).sum(axis=1) - 0.1, 0.0)
    return np.where(outside > 0, 100.0 + 1e6 * outside, inside)


def chosen(losses: Array, rows: Array) -> int:
    """Which of the two views the data prefer."""
    found = views(losses)
    assert len(found) == 2
    columns = Columns(np.arange(2), np.array([], dtype=np.intp), warped=False, main_effects=True)
    view = best_view(columns, rows, found, np.arange(len(rows)))[2]
    return next(i for i, each in enumerate(found) if each is view)


def test_the_data_choose_the_close_look_where_the_better_half_has_structure() -> None:
    rng = np.random.default_rng(1)
    rows = np.vstack([0.5 + 0.2 * rng.uniform(-1, 1, (20, 2)), rng.random((12, 2))])
    assert chosen(region(rows, 20.0 + 10 * rows[:, 0] + 5 * rows[:, 1] ** 2), rows) == 1


def test_the_data_keep_the_robust_scale_where_the_close_look_would_show_noise() -> None:
    """Many trials beside one value that jitters, few that climb away from it: the climb is what can be learned."""
    rng = np.random.default_rng(2)
    rows = np.vstack([0.3 + 0.05 * rng.standard_normal((24, 2)), rng.random((16, 2))])
    climb = 3e3 * np.maximum(np.abs(rows[:, 0] - 0.3) - 0.15, 0.0)
    assert chosen(climb + rng.normal(0, 2.0, 40), rows) == 0


def test_the_surrogate_sees_the_differences_of_good_trials_beside_a_far_tail() -> None:
    unit = {"type": "uniform", "low": 0.0, "high": 1.0}
    space = Space.from_models(TypeAdapter(dict[str, Parameter]).validate_python({"x": unit, "y": unit}))
    rng = np.random.default_rng(1)
    rows = np.vstack([0.5 + 0.2 * rng.uniform(-1, 1, (20, 2)), rng.random((12, 2))])
    losses = region(rows, 20.0 + 10 * rows[:, 0])
    history = [
        PastTrial(i, {"x": float(row[0]), "y": float(row[1])}, TrialState.SUCCEEDED, loss=float(loss))
        for i, (row, loss) in enumerate(zip(rows, losses, strict=True))
    ]
    surrogate = Surrogate(Encoding(space), Evidence.of(history), np.random.default_rng(0))
    posterior = surrogate.acquisition.models[0].posterior
    means, variances = posterior.predict(np.array([[0.35, 0.5], [0.65, 0.5]]))
    assert means[1, 0] - means[0, 0] > 3.0 * np.sqrt(variances.max())
