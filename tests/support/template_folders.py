"""Templates in folders, for tests: a small one with every relation between parameters, and the means to make others."""

from __future__ import annotations

from pathlib import Path

import yaml

from automl_core.templates.places import Places
from automl_core.templates.version import Template, read_template

NET = """\
template: net
version: 1
title: A small network
description: For tests.
kind: classification
requires: ["numpy>=2"]
data:
  train: {required: true, help: the table}
  valid: {help: another table}
columns:
  target: {required: true, help: what is predicted}
parameters:
  solver: {type: choice, values: [adam, sgd, lbfgs], weights: [2, 1, 1], default: adam, search: true, help: Solver}
  momentum: {type: uniform, low: 0.0, high: 0.95, default: 0.9, when: {solver: [sgd]}, search: true}
  lr: {type: loguniform, low: 1.0e-5, high: 1.0, default: 1.0e-3, search: true, help: Step size}
  layers: {type: int, low: 1, high: 4, default: 2, search: offered}
  width: {type: logint, low: 8, high: 256, multiple_of: 8, default: 64, search: offered}
  last: {type: int, low: 8, high: 256, multiple_of: 8, default: 32, at_most: width, search: offered}
  dropout: {type: uniform, low: 0.0, high: 0.8, default: 0.1, when: {layers: [2, 3, 4]}, search: offered}
  epochs: {type: int, low: 1, high: 100, default: 20, search: offered, help: Passes over the data}
  seed: {type: int, low: 0, high: 1000, default: 0, search: never}
goal: {metric: accuracy, direction: maximize, final: last}
search: {algorithm: random}
trials: {max: 20, early_stopping: {rule: median, delay: 2}}
tasks:
  - name: train
    command: [python, train.py, --lr, "${lr}"]
"""
"""A template's file."""

PROGRAM = "print('accuracy=0.5')\n"


def make_template(folder: Path, text: str = NET, program: str = PROGRAM) -> Template:
    """Lay a version below a folder, by what its file says, and read it."""
    head = yaml.safe_load(text)
    place = folder / str(head["template"]) / str(head["version"])
    place.mkdir(parents=True)
    (place / "template.yaml").write_text(text)
    (place / "train.py").write_text(program)
    return read_template(place)


def places_in(*folders: Path) -> Places:
    """These folders alone."""
    return Places(folders)
