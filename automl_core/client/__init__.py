"""Airflow's REST API, as far as experiments need it."""

from automl_core.client.credentials import Credentials, find_credentials
from automl_core.client.errors import ClientError
from automl_core.client.records import DagInfo, ImportProblem, Run, TaskInstance

__all__ = ["ClientError", "Credentials", "DagInfo", "ImportProblem", "Run", "TaskInstance", "find_credentials"]
