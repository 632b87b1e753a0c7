"""Models at a glance, for lists."""

from __future__ import annotations

import time
from typing import Any

from automl_airflow.web.glances import Glances
from automl_airflow.web.held_models import read_model
from automl_airflow.web.model_catalog import ModelInfo
from automl_core.models import views

_BLANK: dict[str, Any] = {
    "seq": None, "updated": None, "in_use": None, "waiting": [], "newest": None, "versions": None,
    "rollout": None,
}  # fmt: skip


def _told(model: ModelInfo) -> dict[str, Any]:
    """What Airflow says of a model."""
    score = model.dags.get("score")
    return {
        "model": model.name, "description": model.description, "tags": model.tags, "gone": model.gone,
        "broken": model.broken, "paused": any(each.paused for each in model.dags.values()),
        "next_interval": score.next_run if score is not None else None,
    }  # fmt: skip


def _glance(model: ModelInfo) -> dict[str, Any]:
    return read_model(model).use(lambda life: views.at_a_glance(life, time.time()))


glances: Glances[ModelInfo] = Glances("model", _told, _glance, _BLANK)
"""Those of this process."""
