"""Predictions of rows held out as a file that the pages sum up: what a model gets right and wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.prepared import Prepared

MOST_ROWS = 100_000
"""Rows of a file of predictions; of more an even share is taken: figures of so many rows are exact enough."""

MANY_CLASSES = 100
"""Classes up to which each has a column of its scores."""

_MEANT = frozenset({"id", "truth", "prediction", "score", "weight"})
MOST_SHOWN = 40


def write_predictions(folder: Path, prepared: Prepared, outputs: NDArray[np.float64]) -> None:
    """Write ``predictions.parquet``: truth, prediction, scores and the columns of each row that was held out.

    Args:
        folder: of the model.
        prepared: the table.
        outputs: (n, classes) or (n,) over the table's rows, NaN of rows that were not held out.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    rows = np.flatnonzero(np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
    problem = prepared.problem
    columns: dict[str, Any] = {"id": rows}
    if problem.classes:
        classes = np.asarray(problem.classes, dtype=object)
        columns["truth"] = pa.array(classes[prepared.y[rows]], type=pa.string())
        columns["prediction"] = pa.array(classes[outputs[rows].argmax(axis=1)], type=pa.string())
        if len(classes) <= MANY_CLASSES:
            columns |= {f"score_{name}": outputs[rows, place] for place, name in enumerate(problem.classes)}
    else:
        columns |= {"truth": prepared.y[rows], "prediction": outputs[rows]}
    if prepared.weights is not None:
        columns["weight"] = prepared.weights[rows]
    shown = [name for name in prepared.schema.names if name not in columns and not name.startswith("score_")]
    frame = prepared.frame.take(rows)
    for name in [each for each in shown if each not in _MEANT][:MOST_SHOWN]:
        columns[name] = _plain(frame.columns[name], pa)
    pq.write_table(pa.table(columns), folder / "predictions.parquet", compression="zstd")


def _plain(column: Any, pa: Any) -> Any:
    """A column of a frame as Arrow has it."""
    if isinstance(column, np.ndarray):
        return pa.array(column, mask=np.isnan(column))
    levels = pa.array(list(column.levels), type=pa.string())
    codes = pa.array(column.codes, mask=column.codes < 0, type=pa.int32())
    return levels.take(codes)
