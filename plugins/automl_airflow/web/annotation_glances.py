"""Annotation projects at a glance, for lists."""

from __future__ import annotations

import time
from typing import Any

from automl_airflow.web import annotation_views as views
from automl_airflow.web.annotation_catalog import ProjectInfo
from automl_airflow.web.glances import Glances
from automl_airflow.web.held_projects import read_project

_BLANK: dict[str, Any] = {
    "seq": None, "updated": None, "items": None, "counts": {}, "labelled": None, "taken": None, "open": None,
    "round": None, "batch": None, "stopped": None, "seconds": None, "spent": None, "workers": [], "document": {},
}  # fmt: skip


def told(project: ProjectInfo) -> dict[str, Any]:
    """What Airflow says of a project."""
    dag = project.dag
    return {
        "annotation": project.name, "description": project.description, "tags": project.tags, "gone": project.gone,
        "broken": dag.broken, "paused": dag.paused, "schedule": dag.schedule, "next_run": dag.next_run,
    }  # fmt: skip


def _glance(project: ProjectInfo) -> dict[str, Any]:
    held, now = read_project(project), time.time()
    found = held.at_a_glance()
    return held.use(lambda state: {**found, "workers": views.workers(state, now), "document": state.document})


glances: Glances[ProjectInfo] = Glances("annotation project", told, _glance, _BLANK)
"""Those of this process."""
