"""Airflow's REST API as far as experiments need it, and AutoML's own (`AutoML`, `ExperimentRun`) for notebooks."""

from typing import TYPE_CHECKING, Any

from automl_core.client.credentials import Credentials, find_credentials
from automl_core.client.errors import ClientError
from automl_core.client.records import DagInfo, ImportProblem, Run, TaskInstance

if TYPE_CHECKING:
    from automl_core.client.annotations import Annotation
    from automl_core.client.automl import AutoML
    from automl_core.client.model import Model
    from automl_core.client.run import ExperimentRun

__all__ = [
    "Annotation",
    "AutoML",
    "ClientError",
    "Credentials",
    "DagInfo",
    "ExperimentRun",
    "ImportProblem",
    "Model",
    "Rollout",
    "Run",
    "TaskInstance",
    "find_credentials",
]


def __getattr__(name: str) -> Any:
    """The notebook's client is loaded when it is asked for: every command would wait for it otherwise."""
    if name == "AutoML":
        from automl_core.client.automl import AutoML

        return AutoML
    if name == "ExperimentRun":
        from automl_core.client.run import ExperimentRun

        return ExperimentRun
    if name == "Model":
        from automl_core.client.model import Model

        return Model
    if name == "Annotation":
        from automl_core.client.annotations import Annotation

        return Annotation
    if name == "Rollout":
        from automl_core.client.rollouts import Rollout

        return Rollout
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
