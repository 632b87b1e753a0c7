"""Train a small neural network on scikit-learn's digits images (experiments/digits_mlp.yaml and others use it).

It is ordinary training code, with nothing of the platform imported. What makes it searchable:

- hyperparameters are its arguments;
- after each epoch it prints a line ``epoch=3 val_accuracy=0.9412 val_loss=0.2210 train_loss=0.2103``;
- the best model so far lies in AUTOML_MODEL_DIR, as plain numbers: whoever loads it executes nothing;
- beside it lies predictions.csv, what that model makes of each validation image: the trial's page shows from it which
  digits are taken for which, and the worst errors;
- with AUTOML_CHECKPOINT_DIR it can be interrupted: a new attempt goes on where the last one stood, and a trial that is
  promoted to a higher budget goes on from AUTOML_RESUME_FROM. Either way the result is that of one uninterrupted run.

By hand:

    python examples/digits_mlp.py --lr 0.003 --units 128 --model-dir /tmp/digits
    python examples/digits_mlp.py --predict /tmp/digits
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

SCALE = 16.0
"""The highest value of a pixel."""

OPTIMIZER_STATE = {"adam": ("ms", "vs"), "sgd": ("velocities",)}
"""Solver → scikit-learn's names for what its optimizer remembers of each weight array."""


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
}


@dataclass(frozen=True)
class Data:
    """Images (n, 64) scaled to 0..1 with their digits: 60 % to learn from, 20 % to choose by, 20 % seen by neither."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load_data() -> Data:
    """Split the digits the same way every time, so that trials can be compared."""
    images, digits = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(images / SCALE, digits, test_size=0.2, random_state=0, stratify=digits)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    return Data((x_train, y_train), (x_val, y_val), (x_test, y_test))


def new_classifier(args: argparse.Namespace) -> MLPClassifier:
    """Make an untrained network of the hyperparameters."""
    return MLPClassifier(
        hidden_layer_sizes=(args.units,) * args.layers,
        activation=args.activation,
        solver=args.solver,
        learning_rate_init=args.lr,
        alpha=args.alpha,
        batch_size=args.batch_size,
        momentum=args.momentum,
    )


def train_epoch(classifier: MLPClassifier, data: Data, seed: int) -> None:
    """Go over the training images once, in an order that only the seed decides."""
    classifier.set_params(random_state=seed)
    classifier.partial_fit(*data.train, classes=np.arange(10))


def evaluate(classifier: MLPClassifier, data: Data) -> dict[str, float]:
    """Measure on the validation images."""
    images, digits = data.validation
    probabilities = classifier.predict_proba(images)
    of_truth = probabilities[np.arange(len(digits)), digits]
    return {
        "val_accuracy": float(np.mean(probabilities.argmax(axis=1) == digits)),
        "val_loss": float(-np.log(np.maximum(of_truth, 1e-12)).mean()),
        "train_loss": float(classifier.loss_),
    }


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays whole or not at all: who reads, or is killed in between, finds the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial.npz")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    partial.replace(path)


def weights_of(classifier: MLPClassifier) -> dict[str, np.ndarray]:
    """Name the weight arrays, layer by layer: weight_0, bias_0, weight_1 and so on."""
    layers = enumerate(zip(classifier.coefs_, classifier.intercepts_, strict=True))
    return {f"{kind}_{i}": array for i, pair in layers for kind, array in zip(("weight", "bias"), pair, strict=True)}


def save_checkpoint(folder: Path, classifier: MLPClassifier, epoch: int, best: float) -> None:
    """Save all that the next epoch depends on: weights, the optimizer's memory, the epochs done."""
    optimizer = classifier._optimizer  # what Adam remembers lies nowhere public
    arrays = {**weights_of(classifier), "epoch": np.array(epoch), "best": np.array(best)}
    arrays |= {"updates": np.array(getattr(optimizer, "t", 0)), "loss": np.array(classifier.loss_)}
    for name in OPTIMIZER_STATE[classifier.solver]:
        arrays |= {f"{name}_{i}": array for i, array in enumerate(getattr(optimizer, name))}
    write_npz(folder / "checkpoint.npz", arrays)


def epochs_in(folder: Path | None) -> int:
    """Epochs that a folder's checkpoint has behind it, 0 where there is none."""
    if folder is None or not (folder / "checkpoint.npz").exists():
        return 0
    with np.load(folder / "checkpoint.npz", allow_pickle=False) as arrays:
        return int(arrays["epoch"])


def load_checkpoint(folder: Path, classifier: MLPClassifier, data: Data) -> float:
    """Put a network in the state of a checkpoint; returns the best validation accuracy until then."""
    # One step lets scikit-learn lay out its arrays; then every number is replaced.
    images, digits = data.train
    classifier.set_params(random_state=0)
    classifier.partial_fit(images[: classifier.batch_size], digits[: classifier.batch_size], classes=np.arange(10))
    with np.load(folder / "checkpoint.npz", allow_pickle=False) as arrays:
        for name, array in weights_of(classifier).items():
            array[...] = arrays[name]
        optimizer = classifier._optimizer
        if hasattr(optimizer, "t"):
            optimizer.t = int(arrays["updates"])
        for name in OPTIMIZER_STATE[classifier.solver]:
            for i, array in enumerate(getattr(optimizer, name)):
                # population-based training may hand on the weights of another solver, whose memory is of no use
                array[...] = arrays.get(f"{name}_{i}", 0.0)
        classifier.loss_ = float(arrays["loss"])
        return float(arrays["best"])


def save_model(folder: Path, classifier: MLPClassifier, metrics: dict[str, float], epoch: int) -> None:
    """Save the model: its weights, and what is needed to use them again."""
    write_npz(folder / "model.npz", weights_of(classifier))
    description = {
        "model": "multi-layer perceptron",
        "activation": classifier.activation,
        "layers": [int(array.shape[0]) for array in classifier.coefs_] + [10],
        "input": "8 x 8 grey values, row by row, divided by scale",
        "scale": SCALE,
        "output": "probabilities of the digits 0 to 9 (softmax)",
        "epoch": epoch,
        "metrics": metrics,
        "made_with": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
    }
    (folder / "model.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def save_predictions(folder: Path, network: MLPClassifier | Model, data: Data) -> None:
    """Save what a network makes of the validation images: id, truth, prediction, the score of each digit."""
    images, digits = data.validation
    probabilities = network.predict_proba(images)
    partial = folder / ".predictions.partial"
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "truth", "prediction", *(f"score_{digit}" for digit in range(10)), "ink"])
        for image, digit, scores in zip(images, digits, probabilities, strict=True):
            name = hashlib.sha256(image.tobytes()).hexdigest()[:12]  # the same image has the same name in every trial
            writer.writerow([name, digit, scores.argmax(), *(f"{s:.6f}" for s in scores), f"{image.mean():.3f}"])
    partial.replace(folder / "predictions.csv")


@dataclass(frozen=True)
class Model:
    """A trained network, loaded from a folder: numpy is all that using it takes."""

    activation: str
    layers: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Load what `save_model` saved."""
        description: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            count = len(description["layers"]) - 1
            layers = [(arrays[f"weight_{i}"], arrays[f"bias_{i}"]) for i in range(count)]
        return cls(description["activation"], layers)

    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, 10) of the digits for images (n, 64) scaled to 0..1."""
        values = images
        for weight, bias in self.layers[:-1]:
            values = ACTIVATIONS[self.activation](values @ weight + bias)
        weight, bias = self.layers[-1]
        scores = values @ weight + bias
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Digits (n,) for images (n, 64) scaled to 0..1."""
        return self.predict_proba(images).argmax(axis=1)


def train(args: argparse.Namespace) -> None:
    """Train up to args.epochs epochs in all, from the furthest checkpoint there is."""
    data = load_data()
    classifier = new_classifier(args)
    best = float("-inf")
    # After an interruption the trial's own checkpoint is further than the one it was promoted with.
    folders = [folder for folder in (args.checkpoint_dir, args.resume_from) if 0 < epochs_in(folder) <= args.epochs]
    start = max(folders, key=epochs_in, default=None)
    done = epochs_in(start)
    if start:
        best = load_checkpoint(start, classifier, data)
        metrics = evaluate(classifier, data)
        print(f"going on from {start}", flush=True)
        report(done, metrics)
        if args.model_dir and not (args.model_dir / "model.npz").exists():
            best = metrics["val_accuracy"]
            save_model(args.model_dir, classifier, metrics, done)
            save_predictions(args.model_dir, classifier, data)
    for epoch in range(done + 1, args.epochs + 1):
        train_epoch(classifier, data, seed=args.seed * 100_000 + epoch)
        metrics = evaluate(classifier, data)
        if metrics["val_accuracy"] > best:
            best = metrics["val_accuracy"]
            if args.model_dir:
                save_model(args.model_dir, classifier, metrics, epoch)
                save_predictions(args.model_dir, classifier, data)
        if args.checkpoint_dir:
            save_checkpoint(args.checkpoint_dir, classifier, epoch, best)
        report(epoch, metrics)


def report(epoch: int, metrics: dict[str, float]) -> None:
    """Print one line of metrics, at once."""
    print(f"epoch={epoch}", *(f"{name}={value:.4f}" for name, value in metrics.items()), flush=True)


def show_predictions(folder: Path) -> None:
    """Load a model and let it read the test images."""
    images, digits = load_data().test
    predicted = Model.load(folder).predict(images)
    print(f"the first test images are {digits[:10].tolist()}, read as {predicted[:10].tolist()}")
    print(f"test_accuracy={np.mean(predicted == digits):.4f}")


def folder_from(variable: str) -> Path | None:
    """The folder that an environment variable names, None when it names none."""
    value = os.environ.get(variable)
    return Path(value) if value else None


def parser() -> argparse.ArgumentParser:
    """The arguments, the platform's environment variables as their defaults."""
    result = argparse.ArgumentParser(description="Train a small neural network on the digits images.")
    result.add_argument("--lr", type=float, default=1e-3, help="step size")
    result.add_argument("--units", type=int, default=64, help="units of a hidden layer")
    result.add_argument("--layers", type=int, default=1, help="hidden layers")
    result.add_argument("--activation", choices=["relu", "tanh", "logistic"], default="relu")
    result.add_argument("--alpha", type=float, default=1e-4, help="L2 penalty")
    result.add_argument("--batch-size", type=int, default=128, help="images a step")
    result.add_argument("--solver", choices=["adam", "sgd"], default="adam")
    result.add_argument("--momentum", type=float, default=0.9, help="only of sgd")
    result.add_argument("--epochs", type=int, default=int(os.environ.get("AUTOML_BUDGET") or 30), help="epochs in all")
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--model-dir", type=Path, default=folder_from("AUTOML_MODEL_DIR"))
    result.add_argument("--checkpoint-dir", type=Path, default=folder_from("AUTOML_CHECKPOINT_DIR"))
    result.add_argument("--resume-from", type=Path, default=folder_from("AUTOML_RESUME_FROM"))
    result.add_argument("--predict", type=Path, metavar="MODEL_DIR", help="use a trained model instead of training one")
    return result


def main() -> None:
    """Train, or use what was trained."""
    args = parser().parse_args()
    with threadpool_limits(1):  # trials run side by side: each keeps to one core
        if args.predict:
            show_predictions(args.predict)
        else:
            train(args)


if __name__ == "__main__":
    main()
