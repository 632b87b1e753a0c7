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


def main(
    load: Callable[[Path, dict[str, Any]], Predictor],
    kinds: tuple[str, ...],
    look: Callable[[str, dict[str, Any]], tuple[Any, list[Any]]] | None = None,
) -> None:
    """Predict each row of a table.

    Args:
        load: opens the model of a folder, given what its model.json says.
        kinds: the models' kinds that it opens.
        look: reads what is no table: from its place and model.json to what the model takes, and the rows' names.

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
    rows, ids = look(args.data, told) if look else _table(args.data, args.id)
    outputs = load(args.model, told)(rows)
    write_table(args.out, {"id": ids, **answers(told["classes"], outputs)})
    print(f"{len(ids)} rows: {args.out}", flush=True)


def _table(place: str, name: str | None) -> tuple[pa.Table, list[Any]]:
    table = read(place)
    if name is None:
        return table, list(range(table.num_rows))
    if name not in table.column_names:
        raise TrainingError(f"{place}: there is no column {name!r}")
    return table, table.column(name).to_pylist()
