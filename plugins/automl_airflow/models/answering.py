"""An answer given elsewhere than on Airflow's approval page, told to the task that waits for one.

For routes of ours, in the API server's process. The truth is the model's journal, and whoever answers writes it; but a
task of Airflow's that waits for a person sees no journal, so it is answered too: through the code of Airflow's own
route, in the same person's name, with the same checks.
"""

from __future__ import annotations

from typing import Literal

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.sdk import TaskInstanceState
from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.compat.acts import UpdateHITLDetailPayload, update_hitl_detail
from automl_airflow.compat.metadata import TaskInstance, team_of
from automl_airflow.compat.signed_in import get_auth_manager
from automl_airflow.models.names import ACCEPT, NOTE

Option = Literal["Accept", "Reject"]

_WAITS = (TaskInstanceState.AWAITING_INPUT, TaskInstanceState.DEFERRED)


def may_answer(user: BaseUser, dag_id: str) -> bool:
    """Whether Airflow lets a user answer questions of a DAG's tasks at all (the role user and above; see docs).

    Args:
        user: who asks.
        dag_id: of the rollout, such as ``churn.rollout``.
    """
    details = DagDetails(id=dag_id, team_name=team_of(dag_id))
    return bool(
        get_auth_manager().is_authorized_dag(
            method="PUT", access_entity=DagAccessEntity.HITL_DETAIL, details=details, user=user
        )
    )


def answer_waiting(
    session: Session, user: BaseUser, dag_id: str, run_id: str | None, option: Option, note: str = ""
) -> bool:
    """Answer the approval that a rollout's run waits for, in the user's name.

    Call it *before* the record is written to the journal (`ModelLife.accept` or `reject`), in the session of the
    request: what Airflow refuses is then never recorded, and what the journal refuses rolls this back. The task goes on
    when the session is committed, finds the record and ends. Where the commit fails after the record was written, the
    task ends by its time-out at the latest, and finds the record too.

    Args:
        session: of the request; nothing is committed here.
        user: whose answer it is.
        dag_id: of the rollout: ``NAME.rollout``.
        run_id: of the run that asks (`Version.asked.run`); None where no run does.
        option: the answer.
        note: why; it comes to stand beside the answer.

    Returns:
        Whether a task waited. False where none does (it is being tried again, has ended, or its run is gone): the
        record in the journal is enough then, since whatever of the rollout starts later reads it.

    Raises:
        HTTPException: 403 the user has no right to answer, or is not among those who were asked.
    """
    if not may_answer(user, dag_id):
        raise HTTPException(403, f"Forbidden: answering needs the right to answer required actions of {dag_id}")
    if run_id is None:
        return False
    state = session.scalar(
        select(TaskInstance.state).where(
            TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id,
            TaskInstance.task_id == ACCEPT, TaskInstance.map_index == -1,
        )
    )  # fmt: skip
    if state not in _WAITS:
        return False
    payload = UpdateHITLDetailPayload(chosen_options=[option], params_input={NOTE: note} if note else {})
    try:
        update_hitl_detail(
            dag_id=dag_id, dag_run_id=run_id, task_id=ACCEPT, update_hitl_detail_payload=payload, user=user,
            session=session, map_index=-1,
        )  # fmt: skip
    except HTTPException as error:
        if error.status_code in (404, 409):  # no page yet, or somebody answers in this moment: the journal decides
            return False
        raise
    session.flush()
    return True
