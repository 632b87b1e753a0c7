"""A trial is given up after folds where others were clearly better, and never the first of its kind."""

from __future__ import annotations

from automl_core.tabular.judging import Judge


def _judge() -> Judge:
    judge = Judge()
    for each in range(8):
        judge.finished("trees", [1.0 + 0.01 * each, 2.0 + 0.01 * each, 1.5 + 0.01 * each])
    return judge


def test_clearly_worse_is_given_up() -> None:
    assert _judge().hopeless("trees", [1.5, 2.5])
    assert _judge().hopeless("trees", [1.5])


def test_as_good_as_the_sixth_goes_on() -> None:
    assert not _judge().hopeless("trees", [1.04, 2.04])
    assert not _judge().hopeless("trees", [1.01])


def test_a_hard_fold_is_hard_for_everybody() -> None:
    assert not _judge().hopeless("trees", [1.0, 2.0])


def test_worse_once_and_better_once_is_not_clear() -> None:
    assert not _judge().hopeless("trees", [0.5, 2.9])


def test_the_first_of_a_kind_and_early_ones_go_on() -> None:
    assert not _judge().hopeless("linear", [9.0, 9.0])
    young = Judge()
    young.finished("trees", [1.0])
    assert not young.hopeless("trees", [9.0])


def test_what_is_not_defined_decides_nothing() -> None:
    assert not _judge().hopeless("trees", [float("nan"), 9.0])
