"""Use a model that ``train.py`` left: ``python predict.py --model DIR --data FILE --out FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rows import features, library

from automl_core.training.columns import Columns
from automl_core.training.predicting import Predictor, main
from automl_core.training.problems import run


def load(folder: Path, told: dict[str, Any]) -> Predictor:
    """Open the model; rows in, probabilities or numbers out."""
    catboost, columns = library(), Columns.from_json(told["columns"])
    booster = catboost.CatBoost().load_model(str(folder / "model.cbm"))
    kind = "Probability" if told["classes"] else "RawFormulaVal"

    def predict(table: Any) -> Any:
        rows = catboost.Pool(features(catboost, columns, table))
        return np.asarray(booster.predict(rows, prediction_type=kind), dtype=np.float64)

    return predict


if __name__ == "__main__":
    run(lambda: main(load, ("catboost",)), hidden=())
