"""Small models of two numbers and a category, and rows for them, whose right figures are easy to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from automl_core.modelfile import write
from automl_core.modelfile.scoring.values import Field, Schema

SCHEMA = Schema(
    [
        Field("a", "number", "number", missing=False, low=-4.0, high=4.0),
        Field("b", "number", "number", missing=True, low=-4.0, high=4.0),
        Field("city", "category", "string", levels=("Bonn", "Ulm")),
    ]
)
GOLDEN: list[dict[str, Any]] = [
    {"a": 0.5, "b": -1.0, "city": "Bonn"},
    {"a": -2.0, "b": None, "city": "Ulm"},
    {"a": 1.25, "b": 0.0, "city": None},
]


def model(
    folder: Path, a: Any = 1.0, b: Any = 0.0, bonn: Any = 0.0, *, start: Any = 0.0,
    classes: tuple[str, ...] = ("0", "1"),
    kind: str = "binary", metric: str | None = None, threshold: Any = None, target: str = "y", needs: str | None = None,
) -> Path:  # fmt: skip
    """A linear model: of two classes by the logistic function, of more by softmax (then each weight is a list).

    It refuses rows without the column that it `needs`, whatever it makes of that.
    """
    outputs = len(classes) if kind == "multiclass" else 1

    def of(value: Any) -> list[float]:
        return [float(each) for each in np.broadcast_to(value, outputs)]

    coef = np.asarray([of(a), of(b), of(bonn), [0.0] * outputs])
    features = [
        {"step": "numbers", "columns": ["a", "b"], "fill": np.asarray([0.0, 0.0])},
        {
            "step": "onehot", "columns": ["city"], "levels": [["Bonn", "Ulm"]], "places": [np.asarray([0, 1, -1, -1])],
            "names": [["city=Bonn", "city=Ulm"]],
        },
    ]  # fmt: skip
    linear = {"type": "linear", "coef": coef, "intercept": np.asarray(of(start)), "center": np.zeros(4)}
    link = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}[kind]
    problem: dict[str, Any] = {"kind": kind, "target": target, "classes": list(classes) if kind != "regression" else []}
    if metric is not None:
        problem["metric"] = metric
    members = [{"weight": 1.0, "features": features, "model": linear, "link": link}]
    schema, golden = SCHEMA, GOLDEN
    if needs is not None:
        schema = Schema([*SCHEMA, Field(needs, "category", "string")])
        golden = [{**each, needs: "x"} for each in GOLDEN]
    return write(folder, members=members, schema=schema, problem=problem, golden=golden, made={}, threshold=threshold)


def rows(n: int = 400, seed: int = 1, *, kind: str = "binary") -> dict[str, Any]:
    """Rows whose second class is likely where a + b/2 is high; of numbers, y = a + b/2 + noise."""
    random = np.random.default_rng(seed)
    a, b = random.normal(size=n), random.normal(size=n)
    city = random.choice(["Bonn", "Ulm", "Jena"], n)
    score = a + b / 2
    y: list[Any]
    if kind == "binary":
        y = [int(each) for each in random.random(n) < 1 / (1 + np.exp(-2 * score))]
    elif kind == "multiclass":
        y = [str(each) for each in np.digitize(score + random.normal(0, 0.5, n), [-0.7, 0.7])]
    else:
        y = [float(each) for each in score + random.normal(0, 0.5, n)]
    return {"a": a.tolist(), "b": b.tolist(), "city": city.tolist(), "y": y, "id": [f"c{k}" for k in range(n)]}
