"""Train a multi-layer perceptron for classification: ``python train.py --config spec.yaml``."""

from __future__ import annotations

from automl_core.training.mlp import train
from automl_core.training.problems import run

if __name__ == "__main__":
    run(lambda: train("classification"))
