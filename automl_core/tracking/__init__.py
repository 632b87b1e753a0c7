"""A run of ours in a tracking server, and a model's versions in its registry: MLflow, by its REST API."""

from automl_core.tracking.mlflow import Tracked, track
from automl_core.tracking.registry import Registered, register
from automl_core.tracking.server import MlflowError, MlflowServer

__all__ = ["MlflowError", "MlflowServer", "Registered", "Tracked", "register", "track"]
