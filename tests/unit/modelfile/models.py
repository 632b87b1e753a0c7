"""Small whole models: a linear one over two numbers and a category, forests, means of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.modelfile.exporting.forest import Tree, document
from automl_core.modelfile.scoring.values import Field, Schema

SCHEMA = Schema(
    [
        Field("age", "number", "number", missing=False, low=18.0, high=90.0),
        Field("city", "category", "string", levels=("Bonn", "Ulm")),
        Field("plan", "category", "integer", levels=("1", "2")),
    ]
)

ROWS: list[dict[str, Any]] = [
    {"age": 30.0, "city": "Bonn", "plan": 1},
    {"age": 55.5, "city": "Ulm", "plan": 2},
    {"age": None, "city": None, "plan": None},
    {"age": 41.0, "city": "Köln", "plan": 7},
]

BINARY = {"kind": "binary", "target": "churned", "classes": ["no", "yes"]}
NUMBERS = {"kind": "regression", "target": "price", "classes": []}


def features() -> list[dict[str, Any]]:
    """age, city's two levels, plan's two levels."""

    def onehot(column: str, levels: list[str]) -> dict[str, Any]:
        return {
            "step": "onehot", "columns": [column], "levels": [levels], "places": [np.asarray([0, 1, -1, -1])],
            "names": [[f"{column}={level}" for level in levels]],
        }  # fmt: skip

    numbers = {"step": "numbers", "columns": ["age"], "fill": np.asarray([40.0])}
    return [numbers, onehot("city", ["Bonn", "Ulm"]), onehot("plan", ["1", "2"])]


def linear(outputs: int = 1, link: str = "sigmoid", weight: float = 1.0, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=(5, outputs)) * np.asarray([0.02, 1, 1, 1, 1])[:, None]
    model = {
        "type": "linear",
        "coef": coef,
        "intercept": rng.normal(size=outputs),
        "center": np.asarray([40.0, 0, 0, 0, 0]),
    }
    return {"weight": weight, "features": features(), "model": model, "link": link}


def forest(link: str = "sigmoid", weight: float = 1.0) -> dict[str, Any]:
    def tree(column: int, threshold: float, low: float, high: float) -> Tree:
        return Tree(
            left=np.asarray([1, -1, -1]), right=np.asarray([2, -1, -1]), column=np.asarray([column, -1, -1]),
            threshold=np.asarray([threshold, 0, 0]), missing=np.asarray([1, 0, 0]), value=np.asarray([0, low, high]),
            cover=np.asarray([0, 6, 4]),
        )  # fmt: skip

    trees = [tree(0, 45.0, 0.1, 0.3), tree(1, 0.5, 0.05, 0.2), tree(4, 0.5, 0.2, 0.1)]
    return {"weight": weight, "features": features(), "model": document(trees, [0.1]), "link": link}


def whole(members: list[dict[str, Any]], problem: dict[str, Any] = BINARY, **more: Any) -> dict[str, Any]:
    return {"format": 1, "problem": problem, "schema": SCHEMA.to_json(), "members": members, **more}
