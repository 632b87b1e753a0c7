"""Tables that tests draw: frames, schemas and problems."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.modelfile.scoring.values import Field, Frame, Schema
from automl_core.tabular.metrics import find
from automl_core.tabular.problem import Problem


def table(**columns: Any) -> tuple[Frame, Schema]:
    """Arrays of numbers are numbers, of datetime64 times, lists of texts categories."""
    fields = []
    for name, values in columns.items():
        kind = np.asarray(values).dtype.kind
        which = {"M": ("time", "timestamp"), "U": ("category", "string"), "O": ("category", "string")}
        fields.append(Field(name, *which.get(kind, ("number", "number"))))
    schema = Schema(fields)
    return schema.read(
        {name: list(v) if np.asarray(v).dtype.kind in "UO" else v for name, v in columns.items()}
    ), schema


def regression() -> Problem:
    return Problem("regression", "target", (), find("rmse", "regression"))


def classification(classes: int = 2) -> Problem:
    kind = "binary" if classes == 2 else "multiclass"
    return Problem(kind, "target", tuple(str(each) for each in range(classes)), find("log_loss", kind))
