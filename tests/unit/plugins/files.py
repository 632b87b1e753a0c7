"""Experiment files of tests, and DAGs as Airflow's other processes see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

GOOD: dict[str, Any] = {
    "name": "first",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
    "trials": {"max": 6, "concurrency": 3},
    "tasks": [{"name": "train", "command": ["true"]}],
}

TWO_TASKS = [{"name": "train", "command": ["true"]}, {"name": "score", "command": ["true"]}]


def body(**groups: Any) -> dict[str, Any]:
    """The content of a good file with some groups replaced."""
    return {**GOOD, **groups}


def write(folder: Path, name: str, content: dict[str, Any] | str) -> Path:
    """Write an experiment file below a DAGs folder's experiments."""
    path = folder / "experiments" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def round_trip(dag: Any) -> Any:
    """A DAG as the scheduler reads it from the database."""
    import json

    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
