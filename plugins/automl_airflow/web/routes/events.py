"""Live updates of a run as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Annotated
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse

from automl_airflow.web.access import CAN_READ
from automl_airflow.web.live import Channels
from automl_airflow.web.routes.parts import Held

router = APIRouter(prefix="/experiments/{dag_id}/runs/{run_id}", dependencies=[Depends(CAN_READ)], tags=["run"])

_channels: WeakKeyDictionary[asyncio.AbstractEventLoop, Channels] = WeakKeyDictionary()


@router.get("/events", response_class=StreamingResponse)
async def get_events(held: Held, last_event_id: Annotated[str | None, Header()] = None) -> StreamingResponse:
    """What changes, as it changes: server-sent events ``changed`` and, at the end, ``ended``."""
    channels = _channels.setdefault(asyncio.get_running_loop(), Channels())
    since = int(last_event_id) if last_event_id and _is_number(last_event_id) else 0
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(channels.listen(held, since), media_type="text/event-stream", headers=headers)


def _is_number(text: str) -> bool:
    return len(text) < 16 and text.isascii() and text.isdigit()
