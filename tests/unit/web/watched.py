"""Looks of a watch for tests: measured and estimated quality, drift that begins, live tests that fail once."""

from __future__ import annotations

from typing import Any

from automl_core.models.watching import write_look
from automl_core.models.watching.looks import Look
from automl_core.storage.base import ObjectStore
from tests.unit.web.guarded import HOSTILE

COLUMNS = ("age", "plan", "city", "spent", HOSTILE, "probability of yes")


def watch(store: ObjectStore, name: str, version: int, begun: float, count: int = 12, every: float = 3600.0) -> None:
    """Write looks at a version, one after another; from the eighth on the age has drifted.

    Args:
        store: the model storage path.
        name: of the model.
        version: that was in use.
        begun: time of the first, seconds since 1970.
        count: how many.
        every: seconds between two.
    """
    for i in range(count):
        at, moved = begun + i * every, i >= 8
        look = Look(
            at, f"scheduled__{at:.0f}", version, "cant_tell", "no label yet", "roc_auc", "maximize",
            value=0.87 - 0.002 * i if i % 3 == 0 else None, low=0.85 - 0.002 * i, high=0.89 - 0.002 * i, rows=900,
            estimate=estimate_of(i), drift=drift_of(i, moved), live=live_of(version, failed=i == 5),
        )  # fmt: skip
        details = {
            "estimate": estimate_of(i), "drift": {**drift_of(i, moved), "attribution": attribution()} if moved else {},
            "live": {**live_of(version, failed=i == 5), "tests": TESTS},
        }  # fmt: skip
        write_look(store, name, look, None, [f"12 rows were left out {HOSTILE}"], details)


def estimate_of(i: int) -> dict[str, Any]:
    """The estimate of a look."""
    return {
        "state": "estimated", "why": "", "metric": "roc_auc", "direction": "maximize", "value": 0.868 - 0.003 * i,
        "low": 0.84 - 0.003 * i, "high": 0.89 - 0.003 * i, "rows": 4_000, "accepted": 0.87,
        "loss": {"value": 0.003 * i, "low": 0.003 * i - 0.02, "high": 0.003 * i + 0.02}, "limit": 0.05, "worse": False,
        "words": f"roc_auc is estimated at {0.868 - 0.003 * i:.3f}: no loss beyond 5 % is shown",
        "checked": {"rows": 900, "estimated": 0.866, "low": 0.84, "high": 0.89, "spread": 0.01, "measured": 0.861,
                    "within": True} if i % 3 == 0 else None,
        "record": {"checks": 4, "within": 4, "error": 0.004, "excess": 0.0},
    }  # fmt: skip


def drift_of(i: int, moved: bool) -> dict[str, Any]:
    """The drift of a look."""
    distances = {name: 0.01 + 0.004 * ((i + place) % 5) for place, name in enumerate(COLUMNS)}
    if moved:
        distances |= {"age": 0.12 + 0.02 * (i - 8), "probability of yes": 0.08}
    return {
        "state": "drifted" if moved else "holds", "why": "", "rows": 4_000, "p": 1e-9 if moved else 0.4,
        "alpha": 0.0014, "columns": distances, "drifted": ["age", "probability of yes"] if moved else [],
        "words": [f"age: mean 44.1 (38.2 before) {HOSTILE}", "probability of yes: mean 0.31 (0.24 before)"]
        if moved else [],
    }  # fmt: skip


def attribution() -> dict[str, Any]:
    """By which columns predictions have changed."""
    return {
        "why": "", "output": "probability of yes", "before": 0.24, "now": 0.31, "distance": 0.08, "rows": 2_000,
        "columns": [
            {"name": "age", "mean": 0.25, "distance": 0.01, "share": 0.87},
            {"name": HOSTILE, "mean": 0.3, "distance": 0.07, "share": 0.12},
        ],
        "together": 0.95, "words": "with age as it was, 87 % of the change goes away",
    }  # fmt: skip


TESTS = [
    {"name": "loyal customers stay", "kind": "cases", "severity": "refuse", "passed": True, "checked": 12, "failed": 0,
     "why": ""},
    {"name": f"never falls with age {HOSTILE}", "kind": "monotone", "severity": "warn", "passed": False, "checked": 200,
     "failed": 3, "why": "3 of 200 rows fell"},
]  # fmt: skip


def live_of(version: int, *, failed: bool) -> dict[str, Any]:
    """The live tests of a look."""
    return {
        "state": "failed" if failed else "passed", "cause": "", "why": "1 of 12 cases failed" if failed else "",
        "url": "https://models.example:8080", "version": version, "record": 41, "other": "", "tests": 2,
        "failed": int(failed), "requests": 14, "seconds": {"median": 0.012, "p95": 0.04},
    }  # fmt: skip
