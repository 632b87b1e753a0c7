"""Calibration: against scikit-learn, and where the right answer is plain."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from automl_core.models.evaluation.reliability import BINS, reliability
from automl_core.models.evaluation.subjects import Said


def binary(second: np.ndarray) -> Said:
    return Said(np.column_stack([1 - second, second]), (second >= 0.5).astype(np.int64), ("a", "b"))


def test_bins_are_scikit_learns_quantile_bins() -> None:
    random = np.random.default_rng(1)
    second = random.random(1500)
    truth = (random.random(1500) < second**2).astype(np.int64)
    found = reliability(truth, binary(second))
    assert found is not None
    was, said = calibration_curve(truth, second, n_bins=BINS, strategy="quantile")
    assert [each["said"] for each in found["bins"]] == pytest.approx(said.tolist())
    assert [each["was"] for each in found["bins"]] == pytest.approx(was.tolist())
    assert found["brier"] == pytest.approx(brier_score_loss(truth, second))
    assert found["ece"] == pytest.approx(np.abs(was - said).mean())


def test_rows_with_one_probability_are_in_one_bin() -> None:
    second = np.asarray([0.2] * 700 + [0.9] * 300)
    truth = np.r_[np.ones(140), np.zeros(560), np.ones(240), np.zeros(60)].astype(np.int64)
    found = reliability(truth, binary(second))
    assert found is not None
    assert [(each["rows"], each["low"], each["high"]) for each in found["bins"]] == [(700, 0.2, 0.2), (300, 0.9, 0.9)]
    assert found["ece"] == pytest.approx(0.3 * 0.1)  # 20 % of the 20 % came, 80 % of the 90 %


def test_of_more_classes_it_is_the_likeliest_that_is_looked_at() -> None:
    outputs = np.asarray([[0.6, 0.3, 0.1]] * 10)
    truth = np.asarray([0] * 6 + [1] * 4)
    found = reliability(truth, Said(outputs, outputs.argmax(axis=1), ("a", "b", "c")))
    assert found is not None
    assert found["ece"] == pytest.approx(0.0, abs=1e-12)


def test_classes_alone_have_none() -> None:
    assert reliability(np.asarray([0, 1]), Said(np.empty((2, 0)), np.asarray([0, 1]), ("a", "b"))) is None
