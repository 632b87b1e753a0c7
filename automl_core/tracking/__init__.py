"""A run of ours in a tracking server: MLflow, by its REST API."""

from automl_core.tracking.mlflow import Tracked, track
from automl_core.tracking.server import MlflowError, MlflowServer

__all__ = ["MlflowError", "MlflowServer", "Tracked", "track"]
