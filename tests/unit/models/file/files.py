"""Models' files of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from automl_core.models.file import ModelFile, parse_model_document
from automl_core.models.file.loading import load_model_file
from automl_core.spec.errors import SpecError

GOOD: dict[str, Any] = {
    "kind": "model",
    "name": "churn",
    "candidates": {"experiments": ["churn"]},
    "evaluate": {"data": "s3://lake/latest/"},
}

BATCH: dict[str, Any] = {
    "to": "batch", "data": "s3://lake/in/ds=${ds}/", "out": "s3://lake/out/ds=${ds}/", "schedule": "@daily",
    "keep": ["request_id"],
}  # fmt: skip

FEEDBACK: dict[str, Any] = {"data": "s3://lake/outcomes/", "key": "request_id", "outcome": "churned"}

WHOLE: dict[str, Any] = {
    **GOOD,
    "description": "Who leaves.",
    "owner": "anna",
    "tags": ["sales"],
    "output": {"storage": "s3://bucket/automl", "connection": "minio"},
    "candidates": {
        "experiments": ["churn", {"experiment": "other", "storage": "s3://elsewhere/runs", "connection": "theirs"}],
        "look": "12h",
    },
    "evaluate": {
        "data": "feedback", "target": "churned", "key": "customer", "group": "household", "metric": "roc_auc",
        "slices": ["country"], "confidence": 0.9, "least_rows": 50,
        "tests": [{"test": "monotone", "column": "age", "direction": "increasing"}, {"test": "golden"}],
        "program": {"command": ["score", "${rows}", "${predictions}", "${model_dir}"], "timeout": "10m"},
    },
    "accept": {"when": "not_worse", "margin": 0.01, "by": ["anna", "ben"], "within": "2d"},
    "deploy": {**BATCH, "proba": True},
    "feedback": {**FEEDBACK, "time": "decided_at", "within": "14d"},
    "watch": {
        "every": "0 6 * * 1",
        "retrain": {"experiment": "churn", "when": {"worse_by": "2%"}, "every": "30d", "at_most": 3, "in": "90d"},
    },
    "mlflow": {"connection": "tracking", "name": "churners"},
    "airflow": {"pool": "small"},
    "alerts": {"on": ["asked"], "url_connection": "chat"},
    "closed": False,
}  # fmt: skip


def body(**groups: Any) -> dict[str, Any]:
    """The content of a small good file with some groups replaced."""
    return {**GOOD, **groups}


def text_of(**groups: Any) -> str:
    """The same as text; each top-level key begins a line."""
    return yaml.safe_dump(body(**groups), sort_keys=False)


def file_of(**groups: Any) -> ModelFile:
    """A small good file with some groups replaced, read."""
    return parse_model_document(text_of(**groups), "churn.model.yaml")[0]


def problems(text: str | None = None, **groups: Any) -> list[str]:
    """What is wrong with a text, or with a small good file some groups of which are replaced; no file's name."""
    try:
        parse_model_document(text if text is not None else text_of(**groups), "f")
    except SpecError as error:
        return [str(problem).partition(" ")[2] for problem in error.problems]
    return []


def write(folder: Path, name: str, content: dict[str, Any] | str) -> Path:
    """Write a file below a folder's experiments."""
    path = folder / "experiments" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return path


__all__ = ["BATCH", "FEEDBACK", "GOOD", "WHOLE", "body", "file_of", "load_model_file", "problems", "text_of", "write"]
