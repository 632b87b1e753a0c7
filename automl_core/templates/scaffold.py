"""The beginning of a template of one's own: a version that checks and trains, to be changed into what is wanted."""

from __future__ import annotations

import re
from pathlib import Path

from automl_core.spec.template import TEMPLATE_NAME
from automl_core.templates.digest import FILE

_TEMPLATE = """\
# One version of a template: what an experiment needs beside its data and its name. Check it with
#   automl template check {folder}
# Once others use it, it never changes: copy the folder to {name}/2 for the next version.
template: {name}
version: 1
title: Softmax regression
description: A linear model for tables of numbers, trained by gradient descent. Change it into what you want to train.
kind: classification
requires: ["numpy>=2"]
data:
  train: {{required: true, help: "CSV file with a header; columns of numbers, and the target"}}
columns:
  target: {{required: true, help: "Column that is predicted: text or numbers, each value a class"}}
# Everything that the program takes. search: true is searched, offered is not unless an experiment asks for it,
# never can be set and no more.
parameters:
  lr: {{type: loguniform, low: 1.0e-4, high: 10.0, default: 0.5, search: true, help: "Step size"}}
  l2: {{type: loguniform, low: 1.0e-6, high: 1.0, default: 1.0e-4, search: true, help: "Weight of the squared weights"}}
  epochs: {{type: int, low: 1, high: 1000, default: 30, search: offered, help: "Passes over the data"}}
  standardize: {{type: choice, values: [true, false], default: true, search: offered, help: "Scale each column first"}}
  seed: {{type: int, low: 0, high: 1000000, default: 0, search: never, help: "Of the split and the order of rows"}}
goal: {{metric: valid_accuracy, direction: maximize, final: last}}
trials: {{max: 20}}
# Each trial's values, places of data and columns, in the format that the program reads.
spec_file: {{format: json}}
tasks:
  - {{name: train, cwd: code, command: [python, train.py, --config, "${{spec_file}}"]}}
"""

_PROGRAM = '''\
"""Softmax regression on a table of numbers: reads its spec file, prints its metrics, leaves its model."""

import argparse
import csv
import json
import os
from pathlib import Path

import numpy as np


def read(path: str, target: str) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Columns as numbers, the class of each row, and the names of columns and classes."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != target]
    features = np.array([[float(row[name]) for name in names] for row in rows])
    classes = sorted({row[target] for row in rows})
    labels = np.array([classes.index(row[target]) for row in rows])
    return features, labels, names, classes


def probabilities(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of each class for each row."""
    scores = features @ weights
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = json.loads(parser.parse_args().config.read_text())
    features, labels, names, classes = read(config["data"]["train"], config["columns"]["target"])
    if config["standardize"]:
        features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-12)
    features = np.hstack([features, np.ones((len(features), 1))])
    rng = np.random.default_rng(config["seed"])
    order = rng.permutation(len(features))
    valid, train = order[: max(1, len(order) // 5)], order[max(1, len(order) // 5) :]
    weights = np.zeros((features.shape[1], len(classes)))
    truth = np.eye(len(classes))
    for epoch in range(1, config["epochs"] + 1):
        for rows in np.array_split(rng.permutation(train), max(1, len(train) // 32)):
            error = probabilities(features[rows], weights) - truth[labels[rows]]
            weights -= config["lr"] * (features[rows].T @ error / len(rows) + config["l2"] * weights)
        for part, rows in (("train", train), ("valid", valid)):
            right = probabilities(features[rows], weights).argmax(axis=1) == labels[rows]
            print(f"epoch={epoch} {part}_accuracy={right.mean():.6f}", flush=True)
    model = {"columns": names, "classes": classes, "weights": weights.tolist()}
    Path(os.environ["AUTOML_MODEL_DIR"], "model.json").write_text(json.dumps(model))


if __name__ == "__main__":
    main()
'''

_README = """\
# {name}

A template of your own: each folder beside this file is a version, with its program. `automl template` knows it as
`{name}@1` where this folder lies beside `experiments`, or in a folder that AUTOML_TEMPLATES names.

    automl template check {folder}       # every mistake, with file and line
    automl template show {name}@1
    automl new first --template {name}@1 --data train=TABLE.csv --target COLUMN
    automl try experiments/first.yaml    # one trial, here, without Airflow
"""


class Refused(ValueError):
    """It can't be done. The message says why."""


def make_template(into: Path, name: str) -> Path:
    """Lay the first version of a template below a folder.

    Args:
        into: folder of templates; made where it isn't there.
        name: of the template.

    Returns:
        The version's folder.

    Raises:
        Refused: the name is none, or there is such a template already.
    """
    if not re.fullmatch(TEMPLATE_NAME, name):
        raise Refused(f"{name!r} is no template's name: lower-case letters, digits, '-', '_' and '.' are wanted")
    folder = into / name / "1"
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise Refused(f"{folder} is there already; copy it to {into / name / '2'} for another version") from None
    words = {"name": name, "folder": str(folder)}
    (folder / FILE).write_text(_TEMPLATE.format(**words), encoding="utf-8")
    (folder / "train.py").write_text(_PROGRAM, encoding="utf-8")
    readme = into / name / "README.md"
    if not readme.exists():
        readme.write_text(_README.format(**words), encoding="utf-8")
    return folder
