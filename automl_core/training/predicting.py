"""The command that uses a trained model: ``python predict.py --model DIR --data FILE --out FILE``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.training.model import answers, read_description, write_table
from automl_core.training.problems import TrainingError
from automl_core.training.rows import read

if TYPE_CHECKING:
    import pyarrow as pa

Predictor = Callable[["pa.Table"], NDArray[np.float64]]
"""Rows in, probabilities (n, classes) or numbers (n,) out."""


def main(load: Callable[[Path, dict[str, Any]], Predictor], kinds: tuple[str, ...]) -> None:
    """Predict each row of a table.

    Args:
        load: opens the model of a folder, given what its model.json says.
        kinds: the models' kinds that it opens.

    Raises:
        TrainingError: model or data don't do.
    """
    parser = argparse.ArgumentParser(description="Use a trained model on rows of a table.")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--data", required=True, help="rows to predict: CSV, Parquet, …")
    parser.add_argument("--out", type=Path, required=True, help="where predictions go: .parquet, or .csv")
    parser.add_argument("--id", help="column that names a row; its number where there is none")
    args = parser.parse_args()
    told = read_description(args.model)
    if told["kind"] not in kinds:
        raise TrainingError(f"{args.model}: is a model of {told['kind']}; this program opens {', '.join(kinds)}")
    table = read(args.data)
    if args.id is not None and args.id not in table.column_names:
        raise TrainingError(f"{args.data}: there is no column {args.id!r}")
    ids = list(range(table.num_rows)) if args.id is None else table.column(args.id).to_pylist()
    outputs = load(args.model, told)(table)
    write_table(args.out, {"id": ids, **answers(told["classes"], outputs)})
    print(f"{len(ids)} rows: {args.out}", flush=True)
