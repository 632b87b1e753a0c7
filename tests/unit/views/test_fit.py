"""The gap between training and validation, in a line that says what the curves say and no more."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.spec.goal import Goal
from automl_core.views.fit import fits

GOAL = Goal.model_validate({"metric": "val_loss", "direction": "minimize"})


def curve(*values: float, first: int = 1, every: int = 1) -> list[tuple[float, float]]:
    return [(first + every * k, value) for k, value in enumerate(values)]


def one(curves: dict[str, Any], goal: Goal = GOAL) -> dict[str, Any]:
    found = fits(curves, goal)
    assert len(found) == 1
    return found[0]


def test_overfitting_is_said_with_its_step() -> None:
    found = one(
        {"train_loss": curve(0.9, 0.5, 0.3, 0.2, 0.1), "val_loss": curve(1.0, 0.7, 0.6, 0.65, 0.8)},
    )
    assert found["overfits"] is True
    assert found["best_step"] == 3
    assert found["gap"] == pytest.approx(0.7)
    assert found["text"] == (
        "At step 5 val_loss is 0.8 and train_loss 0.1: 0.7 worse on held-out data. val_loss was best at step 3 (0.6) "
        "and is worse since, while train_loss went on getting better: from there on it overfits."
    )


def test_what_is_better_when_it_rises() -> None:
    goal = Goal.model_validate({"metric": "val_accuracy", "direction": "maximize"})
    found = one({"train_accuracy": curve(0.6, 0.8, 0.99), "val_accuracy": curve(0.6, 0.8, 0.5)}, goal)
    assert (found["direction"], found["best_step"], found["overfits"]) == ("maximize", 2, True)
    assert found["gap"] == pytest.approx(0.49)


def test_the_goals_direction_goes_before_the_names() -> None:
    goal = Goal.model_validate({"metric": "val_score", "direction": "minimize"})
    assert one({"train_score": curve(1, 2), "val_score": curve(1, 3)}, goal)["direction"] == "minimize"


def test_a_metric_that_is_weighed_against_the_goal_goes_the_other_way() -> None:
    goal = Goal.model_validate({"metric": {"acc": 1.0, "val_bytes": -0.1}, "direction": "maximize"})
    assert one({"train_bytes": curve(1, 2), "val_bytes": curve(1, 3)}, goal)["direction"] == "minimize"


def test_curves_that_fall_together_do_not_overfit() -> None:
    found = one({"train_loss": curve(1.0, 0.5, 0.25), "val_loss": curve(1.1, 0.6, 0.35)})
    assert found["overfits"] is False
    assert found["text"] == "At step 3 val_loss is 0.35 and train_loss 0.25: 0.1 worse on held-out data."


def test_a_little_noise_at_the_end_is_none() -> None:
    found = one({"train_loss": curve(1.0, 0.5, 0.45), "val_loss": curve(1.1, 0.6, 0.61)})
    assert found["overfits"] is False


def test_both_growing_worse_is_no_overfitting() -> None:
    found = one({"train_loss": curve(1.0, 0.5, 0.9), "val_loss": curve(1.1, 0.6, 1.0)})
    assert found["overfits"] is False


def test_where_the_name_says_nothing_there_is_a_difference() -> None:
    found = one({"train_speed": curve(1, 2), "val_speed": curve(1, 3)})
    assert (found["gap"], found["direction"]) == (None, None)
    assert found["text"].endswith("a difference of 1.")


def test_a_goals_short_name_is_not_its_own_training() -> None:
    goal = Goal.model_validate({"metric": "auc", "direction": "maximize"})
    assert fits({"valid auc": curve(0.5, 0.6), "auc": curve(0.5, 0.6)}, goal) == []


def test_iterations_and_epochs_share_no_axis() -> None:
    assert fits({"train_loss": curve(*[0.5] * 500, first=0), "val_loss": curve(0.9, 0.8, 0.7)}, GOAL) == []
    assert fits({"train_loss": curve(0.5, 0.4), "val_loss": curve(0.9, 0.8, first=1000)}, GOAL) == []


def test_a_validation_now_and_then_is_held_against_the_same_steps() -> None:
    found = one({"train_loss": curve(*(1 / k for k in range(1, 13))), "val_loss": curve(0.5, 0.3, first=5, every=5)})
    assert found["step"] == 10
    assert found["gap"] == pytest.approx(0.2)
    assert fits({"train_loss": [], "val_loss": curve(1)}, GOAL) == []
