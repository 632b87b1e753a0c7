"""Which metrics are of the training and which of the validation, by the names that libraries give them."""

from __future__ import annotations

import pytest

from automl_core.metrics.pairs import Pair, pairs_of


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["train_loss", "valid_loss"], Pair("loss", "train_loss", "valid_loss")),
        (["val_loss", "loss"], Pair("loss", "loss", "val_loss")),
        (["loss", "eval_loss"], Pair("loss", "loss", "eval_loss")),
        (["train's auc", "valid_0's auc"], Pair("auc", "train's auc", "valid_0's auc")),
        (["train-auc", "validation_0-auc"], Pair("auc", "train-auc", "validation_0-auc")),
        (["Train Loss", "Val Loss"], Pair("loss", "Train Loss", "Val Loss")),
        (["trainAcc", "valAcc"], Pair("acc", "trainAcc", "valAcc")),
        (
            ["train/epoch_loss", "validation/epoch_loss"],
            Pair("epoch loss", "train/epoch_loss", "validation/epoch_loss"),
        ),
        (["learn", "test"], Pair("", "learn", "test")),
        (["train_f1", "val_f1", "test_f1"], Pair("f1", "train_f1", "val_f1", ("test_f1",))),
        (["loss_train", "loss_test"], Pair("loss", "loss_train", "loss_test")),
        (["train_top_5", "val_top_5"], Pair("top 5", "train_top_5", "val_top_5")),
    ],
)
def test_both_sides_of_a_quantity_are_found(names: list[str], pair: Pair) -> None:
    assert pairs_of(names) == [pair]


@pytest.mark.parametrize(
    "names",
    [
        ["val_loss"],
        ["train_loss", "val_accuracy"],
        ["loss", "accuracy"],
        ["validation_0-logloss", "validation_1-logloss"],
        ["trainer_steps", "validity"],
        ["test", "time"],
    ],
)
def test_what_has_no_other_side_is_no_pair(names: list[str]) -> None:
    assert pairs_of(names) == []


def test_a_stated_side_goes_before_a_bare_name() -> None:
    assert pairs_of(["loss", "val_loss", "train_loss"]) == [Pair("loss", "train_loss", "val_loss")]


@pytest.mark.parametrize(
    ("names", "direction"),
    [
        (["train_loss", "val_loss"], "minimize"), (["train_acc", "val_acc"], "maximize"),
        (["train_top_1_error", "val_top_1_error"], "minimize"), (["train_speed", "val_speed"], None),
    ],
)  # fmt: skip
def test_the_direction_is_that_of_the_name(names: list[str], direction: str | None) -> None:
    assert pairs_of(names)[0].direction == direction
