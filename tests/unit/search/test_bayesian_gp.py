"""The Gaussian process: its gradients are those of its values, and it learns what it should."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.search.bayesian import ensemble as ensembles
from automl_core.search.bayesian import kernel
from automl_core.search.bayesian.acquisition import Acquisition, Model, log_improvement
from automl_core.search.bayesian.ensemble import Ensemble
from automl_core.search.bayesian.gp import Columns, Fit, Posterior
from automl_core.search.bayesian.subset import choose
from automl_core.search.bayesian.warping import kumaraswamy, kumaraswamy_at, normalise, yeo_johnson
from tests.support.examples import examples

Array = np.ndarray


def slope(function: Callable[[Array], float], at: Array, step: float = 1e-5) -> Array:
    """Central differences."""
    moves = step * np.eye(len(at))
    return np.array([(function(at + e) - function(at - e)) / (2 * step) for e in moves])


def mixed_data(count: int = 30, seed: int = 0) -> tuple[Array, Array]:
    """Three numeric columns and two categorical ones, of which one of each matters."""
    rng = np.random.default_rng(seed)
    rows = rng.random((count, 5))
    rows[:, 3] = rng.integers(0, 3, count)
    rows[:, 4] = rng.integers(-1, 4, count)
    return rows, normalise(np.exp(np.sin(5 * rows[:, 0]) + (rows[:, 3] == 1)))


def columns(warped: bool = True, main_effects: bool = True) -> Columns:
    return Columns(np.arange(3), np.array([3, 4]), warped=warped, main_effects=main_effects)


@pytest.mark.parametrize("warped", [False, True])
@pytest.mark.parametrize("main_effects", [False, True])
def test_the_gradient_of_the_posterior_density_is_that_of_its_value(warped: bool, main_effects: bool) -> None:
    fit = Fit(columns(warped, main_effects), *mixed_data())
    theta = fit.mode + 0.3 * np.random.default_rng(1).standard_normal(len(fit.mode))
    expected = slope(lambda t: fit.objective(t)[0], theta)
    assert fit.objective(theta)[1] == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_length_scales_are_expected_to_grow_with_the_columns_that_a_row_has() -> None:
    rows, losses = mixed_data()
    every, few = (Fit(Columns(np.arange(3), np.array([3, 4]), False, active=active), rows, losses) for active in (5, 2))
    assert every.mode[:5] - few.mode[:5] == pytest.approx(0.5 * np.log(5 / 2))
    assert every.mode[5:] == pytest.approx(few.mode[5:])
    assert Fit(columns(False, False), rows, losses).mode == pytest.approx(every.mode)


@pytest.mark.parametrize("main_effects", [False, True])
def test_the_gradients_of_a_prediction_are_those_of_its_value(main_effects: bool) -> None:
    rows, losses = mixed_data()
    fit = Fit(columns(main_effects=main_effects), rows, losses)
    posterior = Posterior(fit.columns, fit.unpack(fit.mode + 0.2), rows, losses)
    row, moving = np.array([0.3, 0.6, 0.2, 1.0, 2.0]), np.array([0, 2])

    def shifted(x: Array) -> Array:
        return np.array([[x[0], row[1], x[1], row[3], row[4]]])

    def at(one: Posterior, which: int, x: Array) -> float:
        return float(one.predict(shifted(x))[which].ravel()[0])

    other = Posterior(fit.columns, fit.unpack(fit.mode - 0.1), rows, losses)
    means, variances, d_means, d_variances = Ensemble([posterior, other]).gradients(row, moving)
    x = row[moving]
    for k, one in enumerate([posterior, other]):
        expected_mean, expected_variance = one.predict(row[None])
        assert means[k] == pytest.approx(expected_mean[0])
        assert variances[k] == pytest.approx(expected_variance[0])
        expected = slope(partial(at, one, 0), x)
        assert d_means[k, :, 0] == pytest.approx(expected, rel=1e-5)
        expected = slope(partial(at, one, 1), x)
        assert d_variances[k] == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_matrices_that_are_read_by_half_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, losses = mixed_data(40)
    fit = Fit(columns(), rows, losses)
    posteriors = [Posterior(columns(), hyper, rows, losses) for hyper in fit.ensemble(np.random.default_rng(0), 2)]
    assert not any(np.triu(each.whitening, 1).any() for each in posteriors)
    moving = np.array([1])
    whole = Ensemble(posteriors).gradients(rows[3] * 0.9, moving)
    monkeypatch.setattr(ensembles, "_CACHED", 0)
    by_half = Ensemble(posteriors)
    assert by_half.stacked is None
    for one, other in zip(whole, by_half.gradients(rows[3] * 0.9, moving), strict=True):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("main_effects", [True, False])
def test_covariances_are_the_same_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch, main_effects: bool) -> None:
    rows, losses = mixed_data(40)
    fit = Fit(columns(main_effects=main_effects), rows, losses)
    posterior = Posterior(columns(main_effects=main_effects), fit.unpack(fit.mode), rows, losses)
    whole = posterior.covariance(rows)
    assert whole == pytest.approx(whole.T, rel=1e-12)
    for block in (1, 130, 1000):
        monkeypatch.setattr(kernel, "_BLOCK", block)
        assert (posterior.covariance(rows) == whole).all()


def test_the_gradient_of_the_acquisition_is_that_of_its_value_with_fantasies_and_failures() -> None:
    rows, losses = mixed_data()
    fit = Fit(columns(), rows, losses)
    posterior = Posterior(fit.columns, fit.unpack(fit.mode), rows, losses)
    labels = np.where(rows[:, 1] > 0.7, 1.0, -1.0)
    success = Posterior(fit.columns, fit.unpack(np.concatenate([fit.mode[:-1], [1.0]])), rows, labels)
    pending = np.array([[0.31, 0.61, 0.2, 1.0, 2.0], [0.9, 0.1, 0.5, 0.0, 2.0]])
    posterior = posterior.with_pending(pending, np.random.default_rng(4).standard_normal((2, 6)))
    model = Model(posterior, posterior.smoothed().min(axis=0))
    acquisition = Acquisition(fit.columns, [model], [(success, 0.0)], running=pending)
    row, moving = np.array([0.3, 0.6, 0.2, 1.0, 2.0]), np.array([0, 1])
    value, gradient = acquisition.gradient(row, moving)

    def at(x: Array) -> float:
        return float(acquisition(np.array([[x[0], x[1], *row[2:]]]))[0])

    assert value == pytest.approx(at(row[moving]))
    assert gradient == pytest.approx(slope(at, row[moving]), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("main_effects", [False, True])
def test_columns_that_do_nothing_get_the_longer_length_scales(main_effects: bool) -> None:
    rows, losses = mixed_data(60)
    fit = Fit(columns(main_effects=main_effects), rows, losses)
    hyper = fit.ensemble(np.random.default_rng(0), 0)[0]
    numeric, categorical = hyper.scales[:3], hyper.scales[3:]
    assert numeric[0] < min(numeric[1:]) - 0.5
    assert categorical[0] < categorical[1]


def test_noise_is_estimated() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((80, 1))
    smooth = np.sin(6 * rows[:, 0])
    one = Columns(np.array([0]), np.array([], dtype=np.intp), warped=False)
    deviations = []
    for noise in (0.0, 0.3):
        fit = Fit(one, rows, smooth + noise * rng.standard_normal(80), power=1.0)
        deviations.append(np.exp(0.5 * fit.ensemble(rng, 0)[0].noise) * smooth.std())
    assert deviations[0] < 0.02
    assert 0.2 < deviations[1] < 0.4


def test_a_pending_row_is_known_and_leaves_the_rest_unsure() -> None:
    rows, losses = mixed_data(8)
    fit = Fit(columns(), rows, losses)
    posterior = Posterior(fit.columns, fit.unpack(fit.mode), rows, losses)
    pending = np.array([[0.9, 0.9, 0.9, 2.0, 3.0]])
    before = posterior.predict(pending)[1][0]
    after = posterior.with_pending(pending, np.zeros((1, 1))).predict(pending)[1][0]
    assert after < 0.01 * before


@given(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=30))
def test_normalised_losses_keep_their_order(losses: list[float]) -> None:
    values = np.array(losses)
    result = normalise(values)
    assert np.isfinite(result).all()
    assert (np.diff(result[np.argsort(values, kind="stable")]) >= 0).all()


@given(st.integers(0, 2**31), st.floats(-1, 2))
def test_yeo_johnson_is_monotone_and_has_the_slopes_that_it_says(seed: int, power: float) -> None:
    y = np.sort(np.random.default_rng(seed).normal(0, 3, 20))
    value, by_power, log_slope = yeo_johnson(y, power)
    assert (np.diff(value) >= 0).all()
    step = 1e-6
    numeric = (yeo_johnson(y, power + step)[0] - yeo_johnson(y, power - step)[0]) / (2 * step)
    assert by_power == pytest.approx(numeric, rel=1e-3, abs=1e-6)
    numeric = (yeo_johnson(y + step, power)[0] - yeo_johnson(y - step, power)[0]) / (2 * step)
    assert np.exp(log_slope) == pytest.approx(numeric, rel=1e-3, abs=1e-6)


@given(st.floats(0.01, 0.99), st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_the_input_warp_stays_in_the_unit_interval_and_has_its_slopes(x: float, a: float, b: float) -> None:
    at, log_a, log_b = np.array([[x]]), np.array([a]), np.array([b])
    value, by_a, by_b = kumaraswamy(at, log_a, log_b)
    assert 0 <= value[0, 0] <= 1
    assert kumaraswamy_at(at[0], np.exp([log_a]), np.exp([log_b]))[0] == pytest.approx(value, rel=1e-12)
    step = 1e-6
    right, left = kumaraswamy(at + step, log_a, log_b), kumaraswamy(at - step, log_a, log_b)
    for got, up, down in [
        (by_a, kumaraswamy(at, log_a + step, log_b), kumaraswamy(at, log_a - step, log_b)),
        (by_b, kumaraswamy(at, log_a, log_b + step), kumaraswamy(at, log_a, log_b - step)),
        (kumaraswamy_at(at[0], np.exp([log_a]), np.exp([log_b]))[1], right, left),
    ]:
        assert got == pytest.approx((up[0] - down[0]) / (2 * step), rel=1e-3, abs=1e-6)


@settings(max_examples=examples(200))
@given(st.floats(-1e8, 30))
def test_log_improvement_is_finite_and_rises(u: float) -> None:
    low, high = log_improvement(np.array([u, u + 1e-3 * max(1.0, abs(u))]))
    assert np.isfinite(low)
    assert low < high


def test_log_improvement_equals_the_formula_where_that_can_be_computed() -> None:
    from scipy.integrate import quad
    from scipy.stats import norm

    for u in (-6.0, -2.0, -1.0001, -0.9999, 0.0, 1.0, 5.0):
        integral, _ = quad(lambda t, u=u: (u + t) * norm.pdf(t), -u, max(-u, 0) + 40, epsabs=0, epsrel=1e-10)
        assert float(log_improvement(np.array([u]))[0]) == pytest.approx(np.log(integral), rel=1e-6, abs=1e-7)


def test_of_many_trials_the_best_and_their_surroundings_are_kept_and_some_of_the_rest() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((2000, 2))
    losses = ((rows - 0.3) ** 2).sum(axis=1)
    plane = Columns(np.arange(2), np.array([], dtype=np.intp), warped=False)
    kept = choose(plane, rows, losses, 100, rng)
    assert len(set(kept)) == 100
    assert set(np.argsort(losses)[:25]) <= set(kept)
    distance = np.abs(rows[kept] - 0.3).max(axis=1)
    assert (distance < 0.15).sum() >= 70
    assert (distance > 0.3).sum() >= 10
