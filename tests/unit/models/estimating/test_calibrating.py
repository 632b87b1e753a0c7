"""Probabilities that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.models.estimating.calibrating import calibrate, calibrations, chosen
from tests.support.examples import examples


def sure(rows: int, seed: int, power: float) -> tuple[Any, Any]:
    """Two classes; what is said is the truth's odds to a power: above 1 a model that is too sure of itself."""
    rng = np.random.default_rng(seed)
    odds = np.exp(rng.normal(0, 1.5, rows))
    true, told = odds / (1 + odds), odds**power / (1 + odds**power)
    return np.column_stack([1 - told, told]), (rng.random(rows) < true).astype(np.int64)


@pytest.mark.parametrize("power", [1.0, 2.0, 0.5])
def test_a_model_that_is_too_sure_of_itself_is_taken_at_its_true_word(power: float) -> None:
    outputs, truth = sure(20_000, 1, power)
    fixed = calibrate(outputs, truth, "beta")
    told = np.array([[0.5, 0.5], [0.2, 0.8], [0.05, 0.95]])
    odds = (told[:, 1] / told[:, 0]) ** (1 / power)
    assert np.allclose(fixed(told)[:, 1], odds / (1 + odds), atol=0.02)
    assert np.allclose(fixed(told).sum(axis=1), 1)


def test_a_curve_that_beta_can_not_follow_is_left_to_the_isotonic_one() -> None:
    rng = np.random.default_rng(2)
    told = rng.random(8_000)
    true = np.where(told < 0.3, 0.1, np.where(told < 0.6, 0.5, 0.55))  # steps
    truth = (rng.random(len(told)) < true).astype(np.int64)
    outputs = np.column_stack([1 - told, told])
    assert chosen(outputs, truth) == "isotonic"
    fixed = calibrate(outputs, truth, "isotonic")(np.array([[0.9, 0.1], [0.55, 0.45], [0.2, 0.8]]))[:, 1]
    assert np.allclose(fixed, [0.1, 0.5, 0.55], atol=0.06)
    assert chosen(*sure(2_000, 3, 2.0)) == "beta", "three numbers are enough, and need fewer rows"


def test_several_classes_are_calibrated_each_and_add_up_to_one() -> None:
    rng = np.random.default_rng(4)
    true = rng.dirichlet([1, 1, 1], 10_000)
    truth = (rng.random(len(true))[:, None] >= np.cumsum(true, axis=1)[:, :2]).sum(axis=1)
    told = true**2 / (true**2).sum(axis=1, keepdims=True)
    fixed = calibrate(told, truth, "beta")(told)
    assert np.allclose(fixed.sum(axis=1), 1)
    assert np.abs(fixed - true).mean() < 0.5 * np.abs(told - true).mean()


def test_draws_begin_where_the_last_fit_ended_and_come_to_the_same() -> None:
    outputs, truth = sure(500, 5, 2.0)
    rng = np.random.default_rng(0)
    weights = [rng.poisson(1.0, 500).astype(float) for _ in range(5)]
    told = np.array([[0.3, 0.7], [0.9, 0.1]])
    together = [each(told) for each in calibrations(outputs, truth, "beta", weights)]
    alone = [next(calibrations(outputs, truth, "beta", [each]))(told) for each in weights]
    assert np.allclose(together, alone, atol=1e-6)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=40), st.sampled_from(["beta", "isotonic"])
)
@settings(max_examples=examples(60), deadline=None)
def test_whatever_was_said_and_came_a_map_gives_probabilities_that_never_fall(
    rows: list[tuple[float, bool]], method: Any
) -> None:
    """All of one class, probabilities of 0 and 1, one value alone: still a monotone map into [0, 1]."""
    told = np.array([each for each, _ in rows])
    truth = np.array([int(came) for _, came in rows])
    grid = np.linspace(0, 1, 21)
    found = calibrate(np.column_stack([1 - told, told]), truth, method)(np.column_stack([1 - grid, grid]))[:, 1]
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-9).all()
