"""Live updates of a run as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Annotated
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Depends, Header, HTTPException, Request
from fastapi.responses import StreamingResponse

from automl_airflow.web.access import CAN_READ, User
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.catalog import RunInfo, find_run, reading
from automl_airflow.web.held import HeldRun
from automl_airflow.web.live import Channels, TooMany, only_ended
from automl_airflow.web.routes.parts import TheRun, the_held
from automl_core.states import ExperimentState

router = APIRouter(
    route_class=AsideRoute, prefix="/experiments/{dag_id}/runs/{run_id}", dependencies=[Depends(CAN_READ)], tags=["run"]
)

_channels: WeakKeyDictionary[asyncio.AbstractEventLoop, Channels] = WeakKeyDictionary()


async def the_followed(request: Request, run: TheRun) -> HeldRun | None:
    """The read model of a run; None for one that ended before it had a journal, and never will have one."""
    try:
        return await the_held(request, run)
    except LookupError:
        if run.over:
            return None
        raise


@router.get("/events", response_class=StreamingResponse)
async def get_events(
    run: TheRun,
    user: User,
    held: Annotated[HeldRun | None, Depends(the_followed)],
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """What changes, as it changes: server-sent events ``changed`` and, at the end, ``ended``."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if held is None:
        events = only_ended(str(ExperimentState.FAILED))
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    channels, name = _channels.setdefault(asyncio.get_running_loop(), Channels()), str(user.get_name())
    try:
        channels.admit(name)
    except TooMany as error:
        raise HTTPException(429, str(error), {"Retry-After": "30"}) from None
    since = int(last_event_id) if last_event_id and _is_number(last_event_id) else 0
    events = channels.listen(held, since, user=name, over=lambda: _is_over(run))
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def _is_over(run: RunInfo) -> bool:
    with reading() as session:
        return find_run(session, run.dag_id, run.run_id).over


def _is_number(text: str) -> bool:
    return len(text) < 16 and text.isascii() and text.isdigit()
