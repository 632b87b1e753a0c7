"""Trying a file that is being written: one combination, run here, where the deployment allows it."""

from __future__ import annotations

import json
import logging

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from automl_airflow.compat.metadata import create_session, noted
from automl_airflow.web import saving, trying
from automl_airflow.web.access import ACT, NO_RIGHT_TO_TRY, User, can_try, may_try
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.routes.start import FileText
from automl_core.spec.parameters import Value

log = logging.getLogger(__name__)

router = APIRouter(route_class=AsideRoute, tags=["start"])

_LONGEST_COMMAND = 2_000


class Asked(FileText):
    """A file, and what of it is to be tried."""

    set: dict[str, Value] = Field(
        default_factory=dict, max_length=1000, description="Values of parameters; the rest are the file's defaults."
    )
    seconds: int = Field(120, ge=1, le=trying.LONGEST, description="After which the training is ended.")


@router.post("/try", dependencies=[Depends(can_try), ACT], response_class=StreamingResponse)
def post_try(user: User, body: Asked) -> Response:
    """Run one combination on this machine, as `automl try` does: server-sent events, until it has ended.

    It ends, with all that it started, when the request does.
    """
    from automl_core.preview.checks import check_text
    from automl_core.preview.combination import chosen_combination

    reason = trying.why_not()
    if reason:
        raise HTTPException(403, reason)
    experiment = check_text(body.text, "experiment.yaml", saving.places())
    if not may_try(user, experiment.name, saving.team()):
        raise HTTPException(403, f"Forbidden: {experiment.name}: {NO_RIGHT_TO_TRY}")
    reason = trying.unfit(experiment)
    if reason:
        raise HTTPException(409, reason)
    try:
        params = chosen_combination(experiment, body.set, None)[0]
    except ValueError as error:
        raise HTTPException(422, f"set: {error}") from None
    name = str(user.get_name())
    try:
        begun = trying.Trying(experiment, body.text, body.set, body.seconds, name)
    except trying.TooMany as error:
        raise HTTPException(429, str(error), {"Retry-After": "30"}) from None
    except OSError as error:
        log.warning("a try of %s can't be begun: %s", experiment.name, error)
        raise HTTPException(503, "nothing can be tried now; the API server's log has more") from None
    try:
        commands = {
            prefix + task.name: str(getattr(task, "command", ""))[:_LONGEST_COMMAND]
            for prefix, tasks in (("prepare.", experiment.prepare), ("", experiment.tasks))
            for task in tasks
        }
        extra = json.dumps({"params": params, "commands": commands, "seconds": body.seconds})
        with create_session() as session:  # not the request's, which would be held for as long as it trains
            session.add(noted("automl_try", name, experiment.name, extra))
        return trying.TryResponse(begun)
    except BaseException:
        begun.close()
        raise
