"""Use a model that ``train.py`` left: ``python predict.py --model DIR --data FILE --out FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from features import Features, joined, probabilities

from automl_core.training.predicting import Predictor, main
from automl_core.training.problems import run


def load(folder: Path, told: dict[str, Any]) -> Predictor:
    """Open the model; rows in, probabilities out."""
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    features = Features.load(folder, told["params"], arrays)

    def predict(table: Any) -> Any:
        rows = features.apply(joined(table, told["text"]))
        return probabilities(rows, arrays["weight"], arrays["bias"])

    return predict


if __name__ == "__main__":
    run(lambda: main(load, ("text-classification",)))
