"""The cluster's secret with what an attempt takes from Airflow connections; its pod only refers to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from automl_core.backends.kubernetes.naming import AttemptId


def secret_name(attempt: AttemptId) -> str:
    """Name of an attempt's secret: that of its pod, which owns it."""
    return attempt.name


def secret_of_run(place: str, task: str) -> str:
    """Name of the secret that all attempts of a run shared before each had its own: of runs that began then.

    Args:
        place: URL of the experiment's folder, as `AttemptId.place`.
        task: name of the training task.
    """
    return f"automl-secrets-{hashlib.sha256(f'{place} {task}'.encode()).hexdigest()[:16]}"


def secret(attempt: AttemptId, values: Mapping[str, str]) -> dict[str, Any]:
    """The secret itself.

    Args:
        attempt: whose it is.
        values: environment variable → value.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": secret_name(attempt), "labels": attempt.labels},
        "stringData": dict(values),
    }
