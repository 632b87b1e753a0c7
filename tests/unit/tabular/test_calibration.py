"""Probabilities that say too much are tempered, honest ones are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.modelfile.scoring.calibration import calibrated
from automl_core.tabular import calibration


def _data(boldness: float, rows: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    honest = random.beta(2, 2, rows)
    truth = (random.random(rows) < honest).astype(np.int64)
    said = honest**boldness / (honest**boldness + (1 - honest) ** boldness)
    return truth, np.column_stack([1 - said, said])


def test_bold_probabilities_are_tempered_by_what_made_them_bold() -> None:
    truth, said = _data(3.0)
    found, gain = calibration.learn(truth, said, np.ones(len(truth)), [])
    assert found == pytest.approx(3.0, rel=0.15)
    assert gain > 0.05


def test_honest_probabilities_and_few_rows_are_left_alone() -> None:
    truth, said = _data(1.0)
    assert calibration.learn(truth, said, np.ones(len(truth)), [])[0] is None
    truth, said = _data(3.0, rows=calibration.LEAST_ROWS - 1)
    assert calibration.learn(truth, said, np.ones(len(truth)), [])[0] is None


def test_few_rows_that_are_all_right_do_not_make_certain() -> None:
    """124 wines, none of them mistaken: the next one may be."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 124)
    said = np.full((124, 3), 0.01)
    said[np.arange(124), truth] = 0.98
    found = calibration.temperature(truth, said, np.ones(124))
    tempered = calibration.tempered(said, found)[np.arange(124), truth]
    assert (tempered < 1 - 1 / 124).all()
    # of very many rows the same is known better
    many = calibration.temperature(np.tile(truth, 100), np.tile(said, (100, 1)), np.ones(12_400))
    assert many < 0.7 * found


def test_rows_without_weight_say_nothing() -> None:
    truth, said = _data(3.0)
    weights = np.r_[np.ones(1500), np.zeros(1500)]
    nonsense = said.copy()
    nonsense[1500:] = [0.999, 0.001]
    one, _ = calibration.learn(truth, nonsense, weights, [])
    other, _ = calibration.learn(truth[:1500], said[:1500], np.ones(1500), [])
    assert one == pytest.approx(other, rel=1e-6)


def test_the_models_folder_tempers_as_we_do() -> None:
    _, said = _data(3.0, rows=50)
    document = {"type": "temperature", "temperature": 1.7}
    assert np.allclose(calibrated(document, said), calibration.tempered(said, 1.7), atol=1e-12)


def test_bins_say_how_often_it_was_so() -> None:
    truth = np.array([0, 0, 0, 1, 1, 1])
    said = np.array([0.05, 0.05, 0.05, 0.05, 0.95, 0.95])
    found = calibration.bins(truth, np.column_stack([1 - said, said]), np.ones(6))
    assert [(each["rows"], each["true"]) for each in found] == [(4, 0.25), (2, 1.0)]
