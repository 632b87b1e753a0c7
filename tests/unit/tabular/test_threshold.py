"""Thresholds follow the metric, or what mistakes cost."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.tabular import threshold
from automl_core.tabular.metrics import find


def test_of_rare_positives_f1_wants_a_lower_threshold_than_a_half() -> None:
    random = np.random.default_rng(0)
    p = random.beta(1, 9, 4000)
    truth = (random.random(4000) < p).astype(np.int64)
    found = threshold.for_metric(find("f1", "binary"), truth, p, np.ones(4000), seed=0)
    assert 0.05 < found < 0.3


def test_where_a_half_is_as_good_it_stays() -> None:
    truth, p = np.array([0, 0, 1, 1] * 10), np.array([0.1, 0.2, 0.8, 0.9] * 10)
    assert threshold.for_metric(find("accuracy", "binary"), truth, p, np.ones(40), seed=0) == 0.5


def test_costs_decide_by_what_is_expected() -> None:
    classes = ("no", "yes")
    assert threshold.for_costs({("yes", "no"): 4.0, ("no", "yes"): 1.0}, classes) == pytest.approx(0.2)
    assert threshold.for_costs({("yes", "no"): 4.0, ("no", "yes"): 1.0, ("yes", "yes"): 1.0}, classes) == 0.25
    with pytest.raises(ValueError, match="no class 'maybe'"):
        threshold.for_costs({("maybe", "no"): 4.0}, classes)
    with pytest.raises(ValueError, match="cost more"):
        threshold.for_costs({("yes", "yes"): 4.0}, classes)
