"""Modules of Airflow's own that are imported ahead, by name. Nothing in them is used: one that is gone costs time.

They are what a process of Airflow's imports by itself sooner or later. Imported once, before processes are forked or
while the database is being made, they are paid for once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

IN_TASKS = (
    "airflow.dag_processing.bundles.local",
    "airflow.dag_processing.dagbag",
    "airflow.providers.standard.operators.empty",
    "airflow.sdk.bases.sensor",
    "airflow.sdk.observability.stats",
    "encodings.utf_8_sig",
    "jinja2.ext",
)
"""What Airflow imports in a task's process before it runs the task."""

IN_PARSING = (
    "airflow.dag_processing.dagbag",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.trigger_dagrun",  # these two when a DAG is written down, whatever is in it
    "airflow.providers.standard.sensors.external_task",
    "airflow.sdk.bases.operatorlink",
    "airflow.timetables.assets",
    "airflow.timetables.trigger",
    "encodings.utf_8_sig",
)
"""What the DAG processor imports in the process of a file."""

IN_COMPONENTS = {
    "api-server": ("airflow.api_fastapi.main",),  # its app is made when it is imported, and kept
    "dag-processor": ("airflow.cli.commands.dag_processor_command",),
    "scheduler": ("airflow.cli.commands.scheduler_command",),
    "triggerer": ("airflow.cli.commands.triggerer_command",),
}
"""What a component imports as it starts, by its name."""


def import_ahead(modules: Iterable[str]) -> None:
    """Import modules; one that another release has moved is imported where it lies, by each process."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:
            continue
