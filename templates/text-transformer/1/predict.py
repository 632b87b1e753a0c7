"""Use a model that ``train.py`` left: ``python predict.py --model DIR --data FILE --out FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from texts import joined, open_model, probabilities, tokenized

from automl_core.training.predicting import Predictor, main
from automl_core.training.problems import run


def load(folder: Path, told: dict[str, Any]) -> Predictor:
    """Open the model; rows in, probabilities out."""
    import transformers

    transformers.logging.disable_progress_bar()
    model, tokenizer = open_model(folder)

    def predict(table: Any) -> Any:
        rows = tokenized(tokenizer, joined(table, told["text"]), told["params"]["max_length"])
        return probabilities(model, tokenizer, rows)

    return predict


if __name__ == "__main__":
    run(lambda: main(load, ("text-transformer",)), hidden=())
