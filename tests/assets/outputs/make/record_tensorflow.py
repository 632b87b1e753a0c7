# /// script
# requires-python = ">=3.11"
# dependencies = ["tensorflow-cpu==2.21.0", "keras==3.15.1", "tensorboard==2.21.0"]
# ///
"""Event files that TensorFlow writes: by tf.summary, and by Keras's TensorBoard callback."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
from recorder import Case, History, main

CURVE = [0.9, 0.6, 0.4, 0.45, 0.5, 0.55]


def summary(folder: Path) -> History:
    with tf.summary.create_file_writer(str(folder)).as_default():
        for step, value in enumerate(CURVE):
            tf.summary.scalar("val_loss", value, step=step)
            tf.summary.scalar("train/loss", value / 2, step=step)
    return {"val_loss": list(enumerate(CURVE)), "train/loss": [(step, v / 2) for step, v in enumerate(CURVE)]}


def v1_file_writer(folder: Path) -> History:
    """TensorFlow 1's FileWriter, with scalars as tensors: it strips a tag's metadata after its first event."""
    from tensorboard.plugins.scalar.summary import pb

    with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(str(folder)) as writer:
        for step, value in enumerate(CURVE):
            event = tf.compat.v1.Summary.FromString(pb("val_loss", value).SerializeToString())
            writer.add_summary(event, step)
    return {"val_loss/scalar_summary": list(enumerate(CURVE))}


def keras_callback(folder: Path) -> History:
    keras.utils.set_random_seed(1)
    rows = np.random.default_rng(1).normal(size=(96, 6))
    labels = (rows[:, 0] + rows[:, 1] > 0).astype("float32")
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.2), keras.losses.BinaryCrossentropy(from_logits=True))
    history = model.fit(
        rows[:64], labels[:64], validation_data=(rows[64:], labels[64:]), batch_size=16, epochs=4, verbose=0,
        callbacks=[keras.callbacks.TensorBoard(folder, write_graph=False)],
    ).history  # fmt: skip
    return {
        "validation/epoch_loss": list(enumerate(map(float, history["val_loss"]))),
        "train/epoch_loss": list(enumerate(map(float, history["loss"]))),
    }


FILES = {"source": "tensorboard", "path": ""}
CASES = {
    "summary": Case(
        summary,
        {"val_loss": "minimize", "train/loss": "minimize"},
        "each event has the tag, a tensor, the plugin scalars",
        metrics=FILES,
        kept="*tfevents*",
        tolerance=1e-6,
    ),
    "v1_file_writer": Case(
        v1_file_writer,
        {"val_loss/scalar_summary": "minimize"},
        "plugin and data class in a tag's first event only",
        metrics=FILES,
        kept="*tfevents*",
        tolerance=1e-6,
    ),
    "keras_callback": Case(
        keras_callback,
        {"validation/epoch_loss": "minimize", "train/epoch_loss": "minimize"},
        "one file in train/, one in validation/, tag epoch_loss in both, epochs from 0",
        metrics=FILES,
        kept="*tfevents*",
        tolerance=1e-6,
    ),
}

if __name__ == "__main__":
    main("tensorflow", ["tensorflow-cpu", "keras", "tensorboard"], CASES)
