"""Annotation projects' files of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from automl_core.annotation.file import AnnotationFile, parse_annotation_document
from automl_core.annotation.file.warnings import warnings_of
from automl_core.spec.errors import SpecError

GOOD: dict[str, Any] = {
    "kind": "annotation",
    "name": "intents",
    "items": {"data": "s3://lake/messages/"},
    "labels": {"classes": ["order", "refund", "other"]},
    "models": [{"experiment": "trees"}, {"experiment": "linear"}],
}

PROGRAM: dict[str, Any] = {
    "name": "engine-a", "family": "ctc", "command": ["python", "engine.py", "${items}", "${out}"],
}  # fmt: skip

WHOLE: dict[str, Any] = {
    **GOOD,
    "description": "What a message wants.",
    "owner": "anna",
    "tags": ["support"],
    "output": {"storage": "s3://bucket/automl", "connection": "minio"},
    "items": {
        "data": ["s3://lake/messages/*.jsonl", {"place": "s3://other/ds=${ds}/", "connection": "own", "format": "csv"}],
        "kind": "row", "columns": ["text", "channel"], "show": ["text", "channel", "sender"], "key": "id",
        "label": "intent", "gold": "checked",
    },
    "labels": {
        "classes": ["order", "refund", "other"], "hints": {"order": "Wants to buy."}, "keys": {"order": "o"}
    },
    "models": [{"experiment": "trees", "storage": "s3://elsewhere/runs", "connection": "theirs"},
               {**PROGRAM, "timeout": "10m", "env": {"SEED": "1"}}],
    "select": {"by": "disagreement", "diversity": "k-centre", "cold": "random", "multiple": 3, "many": 200,
               "random_share": "40%", "stratum_share": 0.3, "bad_share": "10%", "seed": 7},
    "agree": {"accuracy": "98%", "confidence": 0.9},
    "people": {"where": "label-studio", "who": ["anna", "ben"], "votes": 2, "within": "3d",
               "enough": "90%", "price": 0.05, "currency": "CHF", "gold": "10%", "least_right": "75%"},
    "label_studio": {"connection": "label_studio", "project": 7},
    "stop": {"target": "95%", "confidence": "90%", "flat": "0.5%", "money": 500, "rounds": 30},
    "schedule": {"cron": "@daily", "timezone": "Europe/Berlin"},
    "suspects": {"back": False},
    "airflow": {"pool": "small"},
    "alerts": {"on": ["labels"], "url_connection": "chat"},
    "closed": False,
}  # fmt: skip


def body(**groups: Any) -> dict[str, Any]:
    """The content of a small good file with some groups replaced."""
    return {**GOOD, **groups}


def text_of(**groups: Any) -> str:
    """The same as text; each top-level key begins a line."""
    return yaml.safe_dump(body(**groups), sort_keys=False)


def file_of(**groups: Any) -> AnnotationFile:
    """A small good file with some groups replaced, read."""
    return parse_annotation_document(text_of(**groups), "intents.annotation.yaml")[0]


def problems(text: str | None = None, **groups: Any) -> list[str]:
    """What is wrong with a text, or with a small good file some groups of which are replaced; no file's name."""
    try:
        parse_annotation_document(text if text is not None else text_of(**groups), "f")
    except SpecError as error:
        return [str(problem).partition(" ")[2] for problem in error.problems]
    return []


def warned(**groups: Any) -> list[str]:
    """What may be a slip, or is worth knowing."""
    return [str(each) for each in warnings_of(file_of(**groups))]


def write(folder: Path, name: str, content: dict[str, Any] | str) -> Path:
    """Write a file below a folder's experiments."""
    path = folder / "experiments" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return path
