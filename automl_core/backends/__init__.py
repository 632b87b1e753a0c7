"""Backends: start, watch and end one training task."""

from automl_core.backends.base import BackendError, Cause, Exit, Identity, Job, StartError, create_job, job_class

__all__ = ["BackendError", "Cause", "Exit", "Identity", "Job", "StartError", "create_job", "job_class"]
