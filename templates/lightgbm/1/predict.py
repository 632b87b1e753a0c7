"""Use a model that ``train.py`` left: ``python predict.py --model DIR --data FILE --out FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from automl_core.training.columns import Columns
from automl_core.training.imports import without
from automl_core.training.predicting import Predictor, main
from automl_core.training.problems import run


def load(folder: Path, told: dict[str, Any]) -> Predictor:
    """Open the model; rows in, probabilities or numbers out."""
    with without("pandas", "sklearn", "dask", "matplotlib", "graphviz"):
        import lightgbm as lgb
    booster, columns = lgb.Booster(model_file=folder / "model.txt"), Columns.from_json(told["columns"])

    def predict(table: Any) -> Any:
        outputs = np.asarray(booster.predict(columns.encode(table)))
        return np.column_stack([1 - outputs, outputs]) if len(told["classes"]) == 2 else outputs

    return predict


if __name__ == "__main__":
    run(lambda: main(load, ("lightgbm",)))
