"""A frame of pandas as the guardrails see it: frame, schema, target, problem."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.modelfile.scoring.values import Field, Frame, Schema
from automl_core.tabular.metrics import find
from automl_core.tabular.problem import Problem, ordered


def table_of(data: Any, target: str) -> tuple[Frame, Schema, Any, Problem]:
    """Rows whose target is known; few whole numbers or texts as a target are classes."""
    data = data[data[target].notna()].reset_index(drop=True)
    fields = []
    for name in data.columns:
        if name == target:
            continue
        kind = data[name].dtype.kind if isinstance(data[name].dtype, np.dtype) else "O"
        if kind in "iufb":
            fields.append(Field(str(name), "number", "number"))
        elif kind == "M":
            fields.append(Field(str(name), "time", "timestamp"))
        else:
            fields.append(Field(str(name), "category", "string"))
    schema = Schema(fields)
    frame = schema.read(data)
    truth = data[target]
    kind = truth.dtype.kind if isinstance(truth.dtype, np.dtype) else "O"
    if kind in "iuf" and truth.nunique() > 12:
        return (
            frame,
            schema,
            truth.to_numpy(dtype=np.float64),
            Problem("regression", target, (), find("rmse", "regression")),
        )
    texts = truth.astype(str)
    classes = ordered(texts)
    codes = texts.map({name: place for place, name in enumerate(classes)}).to_numpy(dtype=np.int64)
    problem = Problem(
        "binary" if len(classes) == 2 else "multiclass",
        target,
        classes,
        find("log_loss", "binary" if len(classes) == 2 else "multiclass"),
    )
    return frame, schema, codes, problem
