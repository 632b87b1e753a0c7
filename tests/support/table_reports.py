"""Whole reports of tables, as `conclude` writes them."""

from __future__ import annotations

import copy
from typing import Any

BINARY: dict[str, Any] = {
    "problem": {"kind": "binary", "target": "churned", "classes": ["no", "yes"], "metric": "log_loss",
                "direction": "minimize"},
    "data": {"rows": 569, "columns": 12},
    "guardrails": [
        {"kind": "identifier", "certainty": "certain", "columns": ["customer_id"], "found": "every value is there once",
         "done": "left out", "advice": "", "numbers": {}},
        {"kind": "imbalance", "certainty": "doubtful", "columns": [], "found": "one row in twenty is yes", "done": "",
         "advice": "Judge by a metric that sees the rare class.", "numbers": {}},
    ],
    "leaderboard": [
        {"trial": 3, "learner": "lightgbm", "value": 0.081, "folds": [0.07, 0.09, 0.08], "seconds": 2.5,
         "params": {"learner": "lightgbm", "lightgbm.num_leaves": 31}},
        {"trial": 0, "learner": "linear", "value": 0.1, "folds": [0.09, 0.12, 0.09], "seconds": 0.4,
         "params": {"learner": "linear"}},
    ],
    "ensemble": [{"trial": 3, "weight": 0.75}, {"trial": 0, "weight": 0.25}],
    "validation": {"kind": "group", "folds": 3, "group": "household", "time": None,
                   "why": "rows of a household are alike"},
    "test": {"rows": 114, "of": "rows that no search has seen", "untouched": True,
             "metrics": {"log_loss": {"value": 0.09, "low": 0.05, "high": 0.14},
                                      "accuracy": {"value": 0.974, "low": 0.93, "high": 0.99}}},
    "importance": [{"column": "calls", "value": 0.2, "std": 0.02}, {"column": "plan", "value": 0.01, "std": 0.005}],
    "calibration": {"bins": [{"said": 0.1, "true": 0.08, "rows": 60},
                             {"said": 0.9, "true": 0.95, "rows": 54}]},
    "confusion": {"classes": ["no", "yes"], "counts": [[70, 2], [1, 41]]},
    "threshold": 0.42, "notes": ["each pipeline answers by the mean of its 3 models"],
    "search": {"why": "the deadline", "trials": 2, "failed": 0},
    "memory": 250 * 2**20, "times": {"total": 61.0, "search": 40.0, "conclude": 12.0},
}  # fmt: skip

REGRESSION: dict[str, Any] = {
    **{key: BINARY[key] for key in ("data", "guardrails", "leaderboard", "ensemble", "importance", "memory", "times")},
    "problem": {"kind": "regression", "target": "price", "classes": [], "metric": "rmse", "direction": "minimize"},
    "validation": {"kind": "k-fold", "folds": 3}, "test": {},
    "residuals": {"points": [{"true": 10.0, "predicted": 11.0}, {"true": 20.0, "predicted": 19.5},
                              {"true": None, "predicted": 4.0}],
                  "quantiles": {"0.05": -3.0, "0.95": 4.5}},
}  # fmt: skip


def report(base: dict[str, Any] = BINARY, **other: Any) -> dict[str, Any]:
    """A copy of a report, with other parts."""
    return {**copy.deepcopy(base), **other}
