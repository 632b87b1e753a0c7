"""Final values of several objectives, and with constraints."""

from __future__ import annotations

import math
from typing import Any

import pytest

from automl_core.metrics.errors import MissingMetric, NotFinite
from automl_core.metrics.series import Point, Series
from automl_core.spec.goal import Goal


def goal(final: str | None = None, **more: Any) -> Goal:
    return Goal.model_validate({"metric": "acc", "direction": "maximize"} | more | ({"final": final} if final else {}))


LIMITED: dict[str, Any] = {"constraints": [{"metric": "ms", "max": 20}]}
BOTH: dict[str, Any] = {
    "metric": None,
    "direction": None,
    "objectives": [{"metric": "acc", "direction": "maximize"}, {"metric": "ms", "direction": "minimize"}],
}


def series(*rows: dict[str, float]) -> Series:
    return Series(Point(step, row) for step, row in enumerate(rows))


def test_the_best_step_is_one_that_satisfies_the_constraints() -> None:
    trained = series({"acc": 0.7, "ms": 10}, {"acc": 0.8, "ms": 15}, {"acc": 0.9, "ms": 25}, {"acc": 0.6})
    final = trained.final(goal(**LIMITED))
    assert (final.value, final.step, final.metrics) == (0.8, 1, {"acc": 0.8, "ms": 15})


def test_where_no_step_satisfies_them_it_is_the_best_of_all() -> None:
    final = series({"acc": 0.7, "ms": 30}, {"acc": 0.8, "ms": 25}).final(goal(**LIMITED))
    assert (final.value, final.metrics["ms"]) == (0.8, 25)


def test_what_is_measured_once_at_the_end_holds_for_all_steps() -> None:
    trained = series({"acc": 0.7}, {"acc": 0.9}, {"acc": 0.8}, {"ms": 12})
    final = trained.final(goal(**LIMITED))
    assert (final.value, final.step, final.metrics) == (0.9, 1, {"acc": 0.9, "ms": 12})
    assert trained.curve(goal(**LIMITED)) == ((0, 0.7), (1, 0.9), (2, 0.8))


def test_a_constraint_that_was_not_measured_is_missing_unless_only_a_part_is_asked_for() -> None:
    trained = series({"acc": 0.7})
    with pytest.raises(MissingMetric, match="'ms' was never reported"):
        trained.final(goal(**LIMITED))
    assert trained.final(goal(**LIMITED), partial=True).metrics == {"acc": 0.7}


def test_a_constraint_that_is_no_number_fails() -> None:
    with pytest.raises(NotFinite, match="'ms' is nan at step 1"):
        series({"acc": 0.7, "ms": 3}, {"acc": 0.9, "ms": math.nan}).final(goal(**LIMITED))


def test_the_mean_is_of_constraints_too() -> None:
    final = series({"acc": 0.6, "ms": 10}, {"acc": 0.8}, {"acc": 1.0, "ms": 40}).final(goal("mean", **LIMITED))
    assert final.value == pytest.approx(0.8)
    assert final.metrics == pytest.approx({"acc": 0.8, "ms": 20.0})


def test_several_objectives_have_their_values_from_one_step() -> None:
    trained = series({"acc": 0.9, "ms": 30}, {"acc": 0.8, "ms": 10}, {"acc": 0.85})
    final = trained.final(goal(**BOTH))
    assert (final.value, final.step, final.metrics) == (0.85, 2, {"acc": 0.85, "ms": 10})
    mean = trained.final(goal("mean", **BOTH))
    assert mean.metrics == pytest.approx({"acc": 0.85, "ms": 50 / 3})


def test_there_is_a_value_once_every_objective_is_known() -> None:
    trained = series({"acc": 0.5}, {"ms": 10}, {"acc": 0.7})
    assert trained.curve(goal(**BOTH)) == ((1, 0.5), (2, 0.7))
    with pytest.raises(MissingMetric, match="'ms' was never reported"):
        series({"acc": 0.5}).final(goal(**BOTH))


def test_every_objective_must_be_finite() -> None:
    with pytest.raises(NotFinite, match="'ms' is inf at step 1"):
        series({"acc": 0.5, "ms": 3}, {"ms": math.inf}, {"ms": 2}).check(goal(**BOTH))
