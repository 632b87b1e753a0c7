"""What a training task takes from files of AUTOML_HOME or its bundle: its pod template, the code that it ships."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.manifest import Manifest
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, LABEL, AttemptId, journal_label, label_value
from automl_core.spec.bundles import in_bundle
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.pod_templates import problem_of_template

MAX_BYTES = 900_000
"""Bytes of all `files` of a training task: an object of the cluster may have 1 MiB."""


def config_map(task: KubernetesTask, attempt: AttemptId, home: Path, bundle: Path | None = None) -> Manifest:
    """The config map with a training task's `files`, called by what is in it: all trials share one.

    Args:
        task: with `files`.
        attempt: whose experiment it belongs to.
        home: folder to which the files are relative.
        bundle: folder of the DAG bundle, for those that name it; ``home`` where there is none.

    Raises:
        StartError: a file is missing, is no text, or all are too large.
    """
    data = {f"file-{number}": _text(task, path, home, bundle) for number, path in enumerate(sorted(task.files))}
    size = sum(len(text.encode()) for text in data.values())
    if size > MAX_BYTES:
        raise StartError(
            f"files: they have {size} bytes, {MAX_BYTES} at most; build an image, or use a volume", systematic=True
        )
    place = journal_label(attempt.place)
    digest = hashlib.sha256(json.dumps([place, data], sort_keys=True).encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"automl-files-{digest}",
            "labels": {JOURNAL_LABEL: place, f"{LABEL}experiment": label_value(attempt.experiment)},
        },
        "immutable": True,
        "data": data,
    }


def read_template(task: KubernetesTask, home: Path, bundle: Path | None = None) -> dict[str, Any]:
    """The pod that a training task starts from, empty without a template.

    Raises:
        StartError: its file can't be read, has no pod in it, or one that may not be.
    """
    if not isinstance(task.pod_template, str):
        return task.pod_template or {}
    import yaml

    path = in_bundle(task.pod_template, home, bundle)
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StartError(f"pod_template: {path} can't be read: {error}", systematic=True) from error
    if not isinstance(found, dict) or found.get("kind", "Pod") != "Pod":
        raise StartError(f"pod_template: {path} has no pod in it (kind: Pod, spec: …)", systematic=True)
    if problem := problem_of_template(found):
        raise StartError(f"pod_template: {path}: {problem}", systematic=True)
    return found


def _text(task: KubernetesTask, path: str, home: Path, bundle: Path | None) -> str:
    source = in_bundle(task.files[path], home, bundle)
    try:
        return source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"files.{path}: {source} can't be read as text: {error}", systematic=True) from error
