"""Who asks the API server, and what they may do: by the dependencies that Airflow's own routes have."""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag

__all__ = ["GetUserDep", "get_auth_manager", "requires_access_dag"]
