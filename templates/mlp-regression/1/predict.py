"""Use a model that ``train.py`` left, by numpy alone: ``python predict.py --model DIR --data FILE --out FILE``."""

from __future__ import annotations

from automl_core.training.mlp import load
from automl_core.training.predicting import main
from automl_core.training.problems import run

if __name__ == "__main__":
    run(lambda: main(load, ("mlp-regression",)))
