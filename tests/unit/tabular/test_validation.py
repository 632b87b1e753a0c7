"""Folds: every row held out once, classes even, groups whole, the past before the future."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.tabular import validation
from automl_core.tabular.metrics import find
from automl_core.tabular.options import Options
from automl_core.tabular.problem import Problem
from automl_core.training.problems import TrainingError
from tests.support.examples import examples

REGRESSION = Problem("regression", "y", (), find(None, "regression"))
CLASSES = Problem("multiclass", "y", ("a", "b", "c"), find(None, "multiclass"))


def _options(**more: object) -> Options:
    return Options.of(target="y", **more)


@pytest.mark.parametrize(
    ("rows", "kind", "folds"),
    [(999, "k-fold", 10), (1000, "k-fold", 5), (20_000, "k-fold", 5), (20_001, "holdout", 1)],
)
def test_size_decides(rows: int, kind: str, folds: int) -> None:
    found = validation.split(REGRESSION, np.arange(rows, dtype=float), np.arange(rows), _options())
    assert (found.kind, found.first) == (kind, folds)
    if kind == "holdout":
        assert len(found.folds[0].valid) == round(rows * 0.1)


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 999), st.integers(4, 300), st.integers(2, 10), st.booleans())
def test_of_folds_every_row_is_held_out_once_a_repeat(seed: int, rows: int, folds: int, grouped: bool) -> None:
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, rows)
    groups = random.integers(0, max(rows // 4, 2), rows) if grouped else None
    found = validation.split(
        CLASSES, y, np.arange(rows), _options(folds=folds, validation="k-fold", seed=seed), groups=groups
    )
    times = np.zeros(rows, dtype=int)
    for fold in found.folds:
        times[fold.valid] += 1
        assert set(fold.train) | set(fold.valid) == set(range(rows))
        assert not set(fold.train) & set(fold.valid)
        if groups is not None and len(set(groups)) > 1:
            assert not set(groups[fold.train]) & set(groups[fold.valid])
    assert (times == found.repeats).all()


def test_classes_are_even_over_folds() -> None:
    y = np.repeat([0, 1, 2], [70, 23, 7])
    found = validation.split(CLASSES, y, np.arange(100), _options(folds=5, validation="k-fold"))
    counts = np.array([np.bincount(y[fold.valid], minlength=3) for fold in found.folds])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


def test_a_fold_of_numbers_has_low_and_high_ones() -> None:
    y = np.arange(100, dtype=float)
    found = validation.split(REGRESSION, y, np.arange(100), _options(folds=5, validation="k-fold"))
    means = [y[fold.valid].mean() for fold in found.folds]
    assert np.ptp(means) < 5


def test_classes_are_nearly_even_over_folds_of_whole_groups() -> None:
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 10)
    y = (random.random(60) < 0.3)[groups].astype(int)
    problem = Problem("binary", "y", ("0", "1"), find(None, "binary"))
    found = validation.split(problem, y, np.arange(600), _options(folds=5, validation="k-fold"), groups=groups)
    shares = [y[fold.valid].mean() for fold in found.folds]
    sizes = [len(fold.valid) for fold in found.folds]
    assert np.ptp(shares) < 0.1
    assert np.ptp(sizes) <= 20


def test_one_group_is_no_group_and_that_is_said() -> None:
    found = validation.split(CLASSES, np.arange(60) % 3, np.arange(60), _options(), groups=np.zeros(60, dtype=int))
    assert "one group only" in found.why


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 999), st.integers(10, 200), st.integers(2, 30))
def test_forward_in_time_nothing_is_learned_from_later_rows(seed: int, rows: int, moments: int) -> None:
    random = np.random.default_rng(seed)
    times = random.integers(0, moments, rows).astype(float)
    if len(np.unique(times)) < 2:
        return
    found = validation.split(REGRESSION, random.normal(size=rows), np.arange(rows), _options(), times=times)
    assert found.kind == "time"
    for fold in found.folds:
        assert times[fold.train].max() < times[fold.valid].min()
    assert times[found.folds[-1].valid].max() == times.max()


def test_forward_in_time_groups_that_are_predicted_are_not_learned_from() -> None:
    times = np.arange(300.0)
    groups = np.arange(300) // 20  # each for a while: a group lies across each cut
    y = np.random.default_rng(0).normal(size=300)
    found = validation.split(REGRESSION, y, np.arange(300), _options(), times=times, groups=groups)
    assert found.kind == "time"
    assert "of another group" in found.why
    for fold in found.folds:
        assert times[fold.train].max() < times[fold.valid].min()
        assert not set(groups[fold.train]) & set(groups[fold.valid])
    rest, test = validation.held_back(REGRESSION, y, np.arange(300), 0.15, _options(), times=times, groups=groups)
    assert times[rest].max() < times[test].min()
    assert not set(groups[rest]) & set(groups[test])


def test_groups_that_go_on_through_time_are_on_both_sides_and_that_is_said() -> None:
    times, groups = np.arange(300.0), np.arange(300) % 20
    y = np.random.default_rng(0).normal(size=300)
    found = validation.split(REGRESSION, y, np.arange(300), _options(), times=times, groups=groups)
    assert "groups go on through time" in found.why
    assert all(len(fold.train) >= 100 for fold in found.folds)
    rest, _ = validation.held_back(REGRESSION, y, np.arange(300), 0.15, _options(), times=times, groups=groups)
    assert len(rest) == 255


def test_rows_of_one_moment_have_no_later_part() -> None:
    with pytest.raises(TrainingError, match="one moment"):
        validation.split(REGRESSION, np.arange(9.0), np.arange(9), _options(time="t"), times=np.zeros(9))


def test_what_is_held_back_is_the_latest_or_whole_groups() -> None:
    times = np.random.default_rng(0).permutation(100).astype(float)
    rest, held = validation.held_back(
        REGRESSION, np.arange(100.0), np.arange(100), 0.2, _options(), groups=None, times=times
    )
    assert len(held) == 20
    assert times[rest].max() < times[held].min()
    groups = np.repeat(np.arange(20), 5)
    rest, held = validation.held_back(
        REGRESSION, np.arange(100.0), np.arange(100), 0.2, _options(), groups=groups, times=None
    )
    assert len(held) == 20
    assert not set(groups[rest]) & set(groups[held])


def test_monte_carlo_and_ones_own_validation_set() -> None:
    y = np.arange(100) % 3
    found = validation.split(CLASSES, y, np.arange(100), _options(validation="monte-carlo", folds=3, valid_share=0.2))
    assert [len(fold.valid) for fold in found.folds] == [20, 20, 20]
    assert len({tuple(fold.valid) for fold in found.folds}) == 3
    own = validation.split(CLASSES, y, np.arange(80), _options(), own=np.arange(80, 100))
    assert own.kind == "own"
    assert own.folds[0].valid.tolist() == list(range(80, 100))
    with pytest.raises(TrainingError, match="needs a validation set"):
        validation.split(CLASSES, y, np.arange(100), _options(validation="own"))


def test_the_same_seed_makes_the_same_folds() -> None:
    y = np.arange(200) % 3
    one, two, other = (
        [fold.valid.tolist() for fold in validation.split(CLASSES, y, np.arange(200), _options(seed=seed)).folds]
        for seed in (1, 1, 2)
    )
    assert one == two != other
