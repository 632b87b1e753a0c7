"""What `prepare` depends on, as a key."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.study.prepared import prepare_key
from tests.unit.running.promises import experiment

DATA = {"train": {"digest": "a"}}
TASK = {"name": "split", "command": ["split", "${ds}"]}


def key(data: Any = None, code: str = "c", dates: Any = None, **groups: Any) -> str:
    spec = experiment(**{"prepare": [TASK], "data": {"train": "a.csv"}, **groups})
    return prepare_key(spec, data or DATA, code, dates or {"ds": "2026-11-01", "ts": "x"})


@pytest.mark.parametrize(
    "other",
    [
        {"data": {"train": {"digest": "b"}}},
        {"code": "d"},
        {"dates": {"ds": "2026-11-02"}},
        {"columns": {"target": "y"}},
        {"spec_file": {"format": "json", "base": {"seed": 1}}},
        {"prepare": [TASK | {"env": {"A": "1"}}]},
        {"space": {"x": {"type": "uniform", "low": 0, "high": 1}, "folds": {"type": "fixed", "value": 5}}},
        {"prepare": [TASK, {"name": "more", "command": ["more"]}]},
    ],
)
def test_what_makes_a_difference(other: dict[str, Any]) -> None:
    assert key(**other) != key()


@pytest.mark.parametrize(
    "other",
    [
        {"dates": {"ds": "2026-11-01", "ts": "y"}},
        {"data": {"train": {"digest": "a", "modified": 5.0, "place": "elsewhere.csv"}}},
        {"prepare": [TASK | {"timeout": "1h", "cost_per_hour": 3.0, "airflow": {"queue": "q"}}]},
        {"trials": {"max": 7}},
        {"tasks": [{"name": "train", "command": ["another"]}]},
    ],
)
def test_what_makes_none(other: dict[str, Any]) -> None:
    assert key(**other) == key()
