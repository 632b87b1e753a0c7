"""Prepare once, search by cross-validation, refit the best on all of it (experiments/breast_cancer_refit.yaml).

Three small commands, each a training task of its own: ``prepare`` splits the table before the first trial, ``train``
scores one combination fold by fold, ``conclude`` trains the best one on every row that the search has seen and measures
it once on rows that it has not. They find one another by environment variables alone: what ``prepare`` leaves in
AUTOML_MODEL_DIR is AUTOML_PREPARED_DIR of the others, and AUTOML_TRIALS_FILE tells ``conclude`` of all trials.

The model is a file of numbers (JSON): whoever loads it executes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

FOLDS = 5


def prepare(out: Path) -> None:
    """Write train.csv and test.csv: the label first, then the measurements."""
    rows, labels = load_breast_cancer(return_X_y=True)
    parts = train_test_split(np.column_stack([labels, rows]), test_size=0.25, random_state=0, stratify=labels)
    for name, part in zip(("train", "test"), parts, strict=True):
        np.savetxt(out / f"{name}.csv", part, delimiter=",")
        print(f"{name}.csv: {len(part)} rows", flush=True)


def read(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Measurements (n, 30) and labels (n,) of one part of the table."""
    table = np.loadtxt(folder / f"{name}.csv", delimiter=",")
    return table[:, 1:], table[:, 0].astype(int)


def fit(rows: np.ndarray, labels: np.ndarray, params: argparse.Namespace) -> tuple[StandardScaler, LogisticRegression]:
    """Train one model."""
    scaler = StandardScaler().fit(rows)
    model = LogisticRegression(
        C=params.c, l1_ratio=params.l1_ratio, class_weight=None if params.weights == "none" else params.weights,
        solver="saga", max_iter=params.iterations, random_state=0,
    )  # fmt: skip
    return scaler, model.fit(scaler.transform(rows), labels)


def train(data: Path, params: argparse.Namespace) -> None:
    """Score a combination fold by fold: each is a step of its curve, so a bad one is stopped after a few."""
    rows, labels = read(data, "train")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(rows, labels)
    for fold, (learn, check) in enumerate(folds, start=1):
        scaler, model = fit(rows[learn], labels[learn], params)
        print(f"step={fold} accuracy={model.score(scaler.transform(rows[check]), labels[check]):.4f}", flush=True)


def conclude(data: Path, trials: Path, out: Path) -> None:
    """Train the best combination on all rows of the search, and measure it on those that no trial has seen."""
    told = json.loads(trials.read_text(encoding="utf-8"))
    best = next(trial for trial in told["trials"] if trial["rank"] == 1)
    params = parser().parse_args(["train", *(f"--{name}={value}" for name, value in best["params"].items())])
    scaler, model = fit(*read(data, "train"), params)
    rows, labels = read(data, "test")
    accuracy = float(model.score(scaler.transform(rows), labels))
    print(
        f"trial {best['number']} of {len(told['trials'])}, trained on all rows: test_accuracy={accuracy:.4f}",
        flush=True,
    )
    described = {
        "model": "logistic regression of scaled measurements",
        "mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist(),
        "weights": model.coef_[0].tolist(), "bias": float(model.intercept_[0]),
        "params": best["params"], "cross_validated": best["value"], "test_accuracy": accuracy,
        "made_with": {"scikit-learn": sklearn.__version__},
    }  # fmt: skip
    (out / "model.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def folder_from(variable: str) -> Path:
    """The folder (or file) that an environment variable names; the working directory where none is named."""
    return Path(os.environ.get(variable) or ".")


def parser() -> argparse.ArgumentParser:
    """The arguments, the platform's environment variables as their defaults."""
    result = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    result.add_argument("command", choices=["prepare", "train", "conclude"])
    result.add_argument("--c", type=float, default=1.0, help="inverse strength of the penalty")
    result.add_argument("--l1-ratio", "--l1_ratio", dest="l1_ratio", type=float, default=0.0)
    result.add_argument("--weights", choices=["none", "balanced"], default="none")
    result.add_argument("--iterations", type=int, default=2000)
    result.add_argument("--data", type=Path, default=folder_from("AUTOML_PREPARED_DIR"))
    result.add_argument("--trials", type=Path, default=folder_from("AUTOML_TRIALS_FILE"))
    result.add_argument("--out", type=Path, default=folder_from("AUTOML_MODEL_DIR"))
    return result


def main() -> None:
    """Do one of the three."""
    args = parser().parse_args()
    with threadpool_limits(1):  # trials run side by side: each keeps to one core
        if args.command == "prepare":
            prepare(args.out)
        elif args.command == "train":
            train(args.data, args)
        else:
            conclude(args.data, args.trials, args.out)


if __name__ == "__main__":
    main()
