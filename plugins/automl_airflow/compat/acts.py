"""What Airflow's own REST routes run, called from ours: in the same process, transaction and rights as the request.

A request to the REST API from within the API server would need a token of the user's, and could not be one transaction
with what the act writes beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from airflow.api_fastapi.common.dagbag import create_dag_bag
from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.datamodels.task_instances import ClearTaskInstancesBody
from airflow.api_fastapi.core_api.routes.public.dag_run import trigger_dag_run
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.api_fastapi.core_api.routes.public.task_instances import post_clear_task_instances
from airflow.api_fastapi.core_api.services.public.dag_run import patch_dag_run_state
from airflow.api_fastapi.logging.decorators import action_logging
from airflow.settings import task_instance_mutation_hook
from fastapi import Depends
from sqlalchemy.orm import Session

from automl_airflow.compat.metadata import create_session

__all__ = [
    "ClearTaskInstancesBody", "SessionDep", "TriggerDAGRunPostBody", "UpdateHITLDetailPayload",
    "action_logging", "create_dag_bag", "patch_dag_run_state", "post_clear_task_instances",
    "task_instance_mutation_hook", "trigger_dag_run", "update_hitl_detail",
]  # fmt: skip


def _session() -> Iterator[Session]:
    with create_session(scoped=False) as session:
        yield session


SessionDep = Annotated[Session, Depends(_session, scope="function")]
"""A session for one act: committed as it succeeds, rolled back as it fails. The row that `action_logging` writes of the
act has a session of its own, and the same end."""
