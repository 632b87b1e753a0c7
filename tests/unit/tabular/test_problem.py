"""Classes have one order; a model without columns predicts their shares."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.tabular.metrics import find
from automl_core.tabular.problem import Problem, ordered, prior


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["01", "02", "10"], ("01", "02", "10")),
        ([str(each) for each in range(10, -1, -1)], tuple(str(each) for each in range(11))),
        (["1.5", "-2", "10"], ("-2", "1.5", "10")),
        (["b", "10", "9"], ("10", "9", "b")),
        (["false", "true", "true"], ("false", "true")),
    ],
)
def test_classes_are_sorted_as_numbers_only_where_they_are_nothing_else(values, wanted) -> None:
    assert ordered(values) == wanted


def test_the_prior_of_a_class_without_a_row_is_small_and_not_zero() -> None:
    problem = Problem("multiclass", "y", ("a", "b", "c"), find(None, "multiclass"))
    shares = prior(problem, np.array([0, 0, 1]))
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 0
    assert 0 < shares[2] < shares[1]


def test_the_prior_of_numbers_is_their_weighted_mean() -> None:
    problem = Problem("regression", "y", (), find(None, "regression"))
    assert prior(problem, np.array([1.0, 1e6]), np.array([1.0, 0.0])) == pytest.approx([1.0])
    assert prior(problem, np.array([1.0]), np.array([0.0])) == pytest.approx([0.0])
