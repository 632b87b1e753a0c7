"""What people write on runs and trials: names, tags, comments."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import Field

from automl_airflow.compat.acts import action_logging
from automl_airflow.web.access import ACT, CAN_EDIT_RUN, CAN_EDIT_TASKS, User
from automl_airflow.web.aside import LONGEST_ACT, AsideRoute, touches_store
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.held import held_run
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.acts import Body
from automl_airflow.web.routes.parts import TheRun, TrialNumber
from automl_airflow.web.summaries import summaries
from automl_core.study.labels import LONGEST_COMMENT, LONGEST_NAME, LONGEST_TAG, MOST_TAGS, NO_LABEL, RUN, changed
from automl_core.views.trial import trial_of

router = APIRouter(
    route_class=AsideRoute, prefix="/experiments/{dag_id}/runs/{run_id}", tags=["acts"], dependencies=[ACT]
)

Tag = Annotated[str, Field(max_length=LONGEST_TAG)]


class Written(Body):
    """What is to be written; what is left out stays, what is empty goes."""

    name: str | None = Field(None, max_length=LONGEST_NAME)
    tags: list[Tag] | None = Field(None, max_length=MOST_TAGS)
    comment: str | None = Field(None, max_length=LONGEST_COMMENT)


@router.patch("/label", dependencies=[Depends(CAN_EDIT_RUN), Depends(action_logging("automl_label"))])
@touches_store(patience=LONGEST_ACT)
def label_run(run: TheRun, user: User, body: Written) -> Response:
    """Give a run a name, tags or a comment."""
    answer = _write(run, str(user.get_name()), body, RUN)
    summaries.forget(run)
    return answer


@router.patch(
    "/trials/{number}/label", dependencies=[Depends(CAN_EDIT_TASKS), Depends(action_logging("automl_label_trial"))]
)
@touches_store(patience=LONGEST_ACT)
def label_trial(run: TheRun, user: User, number: TrialNumber, body: Written) -> Response:
    """Give a trial a name, tags or a comment."""
    return _write(run, str(user.get_name()), body, number)


def _write(run: RunInfo, by: str, body: Written, key: int) -> Response:
    wanted = {name: value for name, value in body if value is not None}
    held = held_run(run)
    with held.shared.lock:
        study = held.shared.study
        study.refresh()
        if key != RUN:
            trial_of(held.view, key)
        try:
            fields = changed(study.state.labels.get(key, NO_LABEL), wanted)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        if fields:
            data: dict[str, Any] = {"label": fields, "by": by}
            study.journal.append("note", data if key == RUN else {**data, "trial": key})
        label = study.state.labels.get(key, NO_LABEL)
        return reply(
            {"seq": study.state.seq, "name": label.name, "tags": label.tags, "comment": label.comment, "text": "saved"}
        )
