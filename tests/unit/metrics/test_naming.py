"""Which of the names that are reported a goal means."""

from __future__ import annotations

import pytest

from automl_core.metrics import AmbiguousMetric, Point, Series
from automl_core.metrics.naming import GoalNames, fits


def reported(names: GoalNames, *points: dict[str, float]) -> Series:
    series = Series()
    for step, values in enumerate(points):
        series.add(names.apply([Point(step, values, "epoch")]))
    return series


def values(series: Series, name: str) -> list[float]:
    return [point.values[name] for point in series if name in point.values]


@pytest.mark.parametrize("name", ["auc", "valid's auc", "cv_agg's valid auc", "best val auc"])
def test_a_name_with_a_prefix_fits(name: str) -> None:
    assert fits("auc", name)


@pytest.mark.parametrize("name", ["val_auc", "valid/auc", "AUC", "auc 2", "valid-auc", "val.auc"])
def test_a_name_of_its_own_does_not(name: str) -> None:
    assert not fits("auc", name)


def test_one_name_that_fits_is_the_goals() -> None:
    names = GoalNames(["auc"])
    series = reported(names, {"valid's auc": 0.5}, {"valid's auc": 0.6, "loss": 1})
    names.check()
    assert values(series, "auc") == [0.5, 0.6]
    assert series.axis_of(["auc"]) == "epoch"


def test_two_names_that_fit_are_refused_by_name() -> None:
    names = GoalNames(["auc"])
    series = reported(names, {"valid's auc": 0.63}, {"train's auc": 0.84})
    assert values(series, "auc") == [], "neither is taken"
    with pytest.raises(AmbiguousMetric, match='fits 2 of the names seen, "valid\'s auc", "train\'s auc"'):
        names.check()


def test_the_name_itself_is_the_goals_whenever_it_comes() -> None:
    names = GoalNames(["loss"])
    series = reported(names, {"best loss": 9.0}, {"loss": 0.5, "final loss": 7.0}, {"best loss": 8.0})
    names.check()
    assert values(series, "loss") == [0.5]
    assert values(series, "best loss") == [9, 8]
