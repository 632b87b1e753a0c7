"""The folder of a trained model: ``model.json``, the library's own file, and the predictions to judge it by."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.training.columns import Columns
from automl_core.training.problems import TrainingError
from automl_core.training.rows import Data

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
MOST_SHOWN = 40
"""Columns of the data that stand beside predictions; so many are shown of a row (docs/metrics.md)."""

OF_PREDICTIONS = frozenset({"id", "truth", "prediction", "score", "weight"})
"""Columns of predictions that have a meaning."""

MANY_CLASSES = 100
"""Classes up to which each has a column of its own in predictions."""


def write_json(path: Path, told: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def describe(
    folder: Path,
    kind: str,
    data: Data,
    *,
    columns: Columns | None,
    params: Mapping[str, Any],
    step: int,
    metrics: Mapping[str, float],
    libraries: Sequence[str],
    seconds: float,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write ``model.json``: what the model is, what it takes, and what made it.

    Args:
        folder: the model's folder.
        kind: the template's name.
        data: what it was trained with.
        columns: its features, None where it has no table's.
        params: all parameters it was trained with.
        step: the epochs or trees that it has.
        metrics: what was measured at that step.
        libraries: distributions whose versions are noted.
        seconds: that its last process trained, without what came before: imports, reading.
        more: what the program itself needs to use the model again.
    """
    write_json(
        folder / "model.json",
        {
            "format": FORMAT,
            "kind": kind,
            "task": data.task,
            "target": data.target,
            "classes": list(data.classes),
            "columns": None if columns is None else columns.as_json(),
            "rows": {"train": len(data.train), "valid": len(data.valid)},
            "params": dict(params),
            "step": step,
            "metrics": dict(metrics),
            "seconds": round(seconds, 3),
            "versions": {"python": platform.python_version(), **{name: installed(name) for name in libraries}},
            **(more or {}),
        },
    )


def installed(name: str) -> str | None:
    """Version of an installed distribution, None where it has none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def read_description(folder: Path) -> dict[str, Any]:
    """Read what `describe` wrote.

    Raises:
        TrainingError: there is none, or it is of a later format.
    """
    path = folder / "model.json"
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: no description of a model: {error}") from None
    if told.get("format") != FORMAT:
        raise TrainingError(f"{path}: its format is {told.get('format')}; this program knows {FORMAT}")
    return told


def write_predictions(folder: Path, data: Data, outputs: NDArray[np.float64]) -> None:
    """Write ``predictions.parquet``: id, truth, prediction, score for each row that the trial is judged by.

    Its weight stands there where rows have any, so that what is summed up of the file is weighted as the trial was; and
    the data's own columns, for whoever looks at the worst errors.

    Args:
        folder: the model's folder.
        data: what was judged.
        outputs: probabilities (n, classes), or numbers (n,).
    """
    rows: dict[str, Any] = {"id": data.valid.ids}
    rows["truth"] = data.valid.labels if data.task == "classification" else data.valid.truth
    if (data.valid.weights != 1).any():
        rows["weight"] = data.valid.weights
    rows |= answers(data.classes, outputs)
    write_table(folder / "predictions.parquet", {**rows, **shown(data.valid.table, data.target)})


def shown(table: pa.Table, target: str) -> dict[str, Any]:
    """The data's own columns as predictions have them: at most `MOST_SHOWN`, without the target, bytes and nested ones.

    One that is called like a column of predictions' own is called ``data.NAME``: else a feature ``weight`` would weigh,
    and ``score_x`` be a class's.
    """
    import pyarrow.types as of

    readable = [each.name for each in table.schema if not (of.is_nested(each.type) or of.is_binary(each.type))]
    names = [name for name in readable if name != target][:MOST_SHOWN]
    own = {name: name in OF_PREDICTIONS or name.startswith("score_") for name in names}
    return {f"data.{name}" if taken else name: table.column(name) for name, taken in own.items()}


def answers(classes: Sequence[str], outputs: NDArray[np.float64]) -> dict[str, Any]:
    """Columns of predictions.

    Classification has ``prediction`` (the class, as text), ``score`` (its probability) and, up to `MANY_CLASSES`,
    ``score_<class>`` in the classes' order; regression has ``prediction`` alone.
    """
    if not classes:
        return {"prediction": outputs}
    best = outputs.argmax(axis=1)
    told: dict[str, Any] = {
        "prediction": [classes[each] for each in best],
        "score": outputs[np.arange(len(best)), best],
    }
    if len(classes) <= MANY_CLASSES:
        told |= {f"score_{name}": outputs[:, index] for index, name in enumerate(classes)}
    return told


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """Write a table whole or not at all: CSV where the name says so, else Parquet."""
    import pyarrow as pa

    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    ids = columns.get("id")
    try:
        table = pa.table(dict(columns))
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # names of several types
        table = pa.table({**columns, "id": [str(each) for each in ids or []]})
    if path.suffix == ".csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(table, partial)
    else:
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, partial)
    partial.replace(path)
