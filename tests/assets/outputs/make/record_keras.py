# /// script
# requires-python = ">=3.11"
# dependencies = ["keras==3.15.1", "tensorflow-cpu==2.21.0"]
# ///
"""What Keras 3 prints, on the TensorFlow backend (the lines are Keras's own and the same on each)."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
from recorder import Case, History, main


def _fit(epochs: int = 4, rate: float = 0.2, scale: float = 1.0, **options: object) -> History:
    keras.utils.set_random_seed(1)
    rows = np.random.default_rng(1).normal(size=(96, 6))
    labels = (rows[:, 0] + rows[:, 1] > 0).astype("float32")
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    model.compile(
        keras.optimizers.SGD(rate), keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
    )  # fmt: skip
    data = {"validation_data": (rows[64:] * scale, labels[64:])} if options.pop("validate", True) else {}
    history = model.fit(rows[:64] * scale, labels[:64], batch_size=16, epochs=epochs, **data, **options).history
    return {name: list(enumerate(map(float, values), 1)) for name, values in history.items()}


def verbose_1(_: Path) -> History:
    return _fit(verbose=1)


def verbose_2(_: Path) -> History:
    return _fit(verbose=2)


def without_validation(_: Path) -> History:
    return _fit(verbose=1, validate=False)


def callbacks(folder: Path) -> History:
    return _fit(
        epochs=6, verbose=2, rate=3.0,
        callbacks=[
            keras.callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True, verbose=1),
            keras.callbacks.ReduceLROnPlateau(patience=1, verbose=1),
            keras.callbacks.EarlyStopping(patience=3, verbose=1, restore_best_weights=True),
        ],
    )  # fmt: skip


def callbacks_verbose_1(folder: Path) -> History:
    checkpoint = keras.callbacks.ModelCheckpoint(folder / "best.keras", save_best_only=True, verbose=1)
    return _fit(epochs=3, verbose=1, rate=3.0, callbacks=[checkpoint])


def not_a_number(_: Path) -> History:
    return _fit(epochs=3, verbose=2, rate=1e30, scale=1e20)


def initial_epoch(_: Path) -> History:
    """Training that goes on from epoch 4, as after a promotion."""
    history = _fit(epochs=6, initial_epoch=3, verbose=2)
    return {name: [(step + 3, value) for step, value in pairs] for name, pairs in history.items()}


ALL = {"val_loss": "minimize", "loss": "minimize", "val_accuracy": "maximize", "accuracy": "maximize"}
CASES = {
    "verbose_1": Case(
        verbose_1,
        ALL,
        "'Epoch 1/4', then a line for every few batches, as the output is no terminal; the last one has val_loss",
        seen="a bar that redraws itself all the same: 70 backspaces and a carriage return before each redraw",
    ),
    "verbose_2": Case(verbose_2, ALL, "'Epoch 1/4', then '4/4 - 0s - 20ms/step - accuracy: 0.5000 - loss: …'"),
    "without_validation": Case(
        without_validation, {"loss": "minimize", "accuracy": "maximize"}, "the same without val_…"
    ),
    "callbacks": Case(
        callbacks,
        ALL,
        "'Epoch 1: val_loss improved from None to 0.5, saving model to …' before the epoch's own line",
        seen="also 'Epoch 1: finished saving model to …', and learning_rate in the line with ReduceLROnPlateau",
    ),
    "callbacks_verbose_1": Case(
        callbacks_verbose_1, ALL, "the callback's line stands between the bar and the epoch's last line"
    ),
    "nan": Case(not_a_number, {"val_loss": "minimize"}, "'loss: nan'", fails="val_loss"),
    "initial_epoch": Case(initial_epoch, ALL, "starts with 'Epoch 4/6'"),
}

if __name__ == "__main__":
    main("keras", ["keras", "tensorflow-cpu"], CASES)
