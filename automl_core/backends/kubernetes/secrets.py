"""The cluster's secret with what a training task takes from Airflow connections; pods only refer to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, LABEL, journal_label, label_value


def secret_name(place: str, task: str) -> str:
    """Name of the secret that the trials of a run share.

    Args:
        place: URL of the experiment's folder, as `AttemptId.place`.
        task: name of the training task.
    """
    return f"automl-secrets-{hashlib.sha256(f'{place} {task}'.encode()).hexdigest()[:16]}"


def secret(place: str, experiment: str, task: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The secret itself.

    Args:
        place, task: see `secret_name`.
        experiment: its name.
        values: environment variable → value.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": secret_name(place, task),
            "labels": {JOURNAL_LABEL: journal_label(place), f"{LABEL}experiment": label_value(experiment)},
        },
        "stringData": dict(values),
    }
