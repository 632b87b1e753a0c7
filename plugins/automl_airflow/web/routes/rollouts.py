"""Rollouts of a model's versions: which there were, how one stands, and who answered what share when."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from automl_airflow.web.access import CAN_READ_MODEL, User
from automl_airflow.web.aside import AsideRoute, touches_store
from automl_airflow.web.catalog import reading
from automl_airflow.web.held_models import Held, TheModel
from automl_airflow.web.model_standing import file_text, model_file_of, rollout_standing, standing
from automl_airflow.web.respond import send, send_body
from automl_airflow.web.routes.models import Limit, Moment, Offset
from automl_core.models import rollout_views
from automl_core.models.life import Life, Rollout

router = APIRouter(
    route_class=AsideRoute, prefix="/models/{model}", tags=["models"], dependencies=[Depends(CAN_READ_MODEL)]
)

RolloutId = Annotated[int, Path(ge=1, le=10_000_000, description="Number of the rollout, from 1.")]


def find_rollout(life: Life, name: str, rollout: int) -> Rollout:
    """A rollout by its number, 404 where there is none."""
    found = life.rollouts.get(rollout)
    if found is None:
        there = f"1 to {max(life.rollouts)} are there" if life.rollouts else "none has begun yet"
        raise HTTPException(404, f"{name} has no rollout {rollout}; {there}")
    return found


@router.get("/rollouts")
def get_rollouts(request: Request, held: Held, offset: Offset = 0, limit: Limit = 100) -> Response:
    """The rollouts of a model's versions, newest first: beside which version, in which step, what became of them."""

    def build(life: Life) -> dict[str, Any]:
        rows = rollout_views.rollouts(life)
        return {
            "seq": life.seq, "matched": len(rows), "offset": offset, "limit": limit,
            "rollouts": rows[offset : offset + limit],
        }  # fmt: skip

    return send(request, held.answer(("rollouts", offset, limit), build))


@router.get("/rollouts/{rollout}")
@touches_store()
def get_rollout(request: Request, user: User, info: TheModel, held: Held, rollout: RolloutId) -> Response:
    """One rollout: its steps, who moved it when, and what its tests say as they were looked at last."""
    with reading() as session:
        file = model_file_of(info, file_text(session, info))

    def build(life: Life) -> dict[str, Any]:
        found = find_rollout(life, info.name, rollout)
        can, why_not = rollout_standing(found, *standing(user, info, file, life.document))
        return {
            "model": info.name, "seq": life.seq, "rollout": rollout_views.rollout(found),
            "shares": rollout_views.timeline(life, found), "can": can, "why_not": why_not,
        }  # fmt: skip

    body = held.use(build)
    view, problem = held.views.of(rollout, over=body["rollout"]["ended"] is not None)
    if view is not None and _is_behind(body["rollout"], view):  # the journal was read up to two seconds ago
        held.read(newest=True)
        body = held.use(build)
    now = time.time()
    problem = problem or rollout_views.unguarded(body["rollout"], view, now)
    return send_body(request, {**body, "view": view, "problem": problem, "now": now})


def _is_behind(known: dict[str, Any], view: dict[str, Any]) -> bool:
    """Whether a look tells of a rollout that has moved on since the journal was read."""
    ended = view.get("ended") is not None and known["ended"] is None
    return ended or (known["ended"] is None and view.get("step") != known["step"])


@router.get("/traffic")
def get_traffic(request: Request, held: Held, since: Moment = None, until: Moment = None) -> Response:
    """Which version answered which share since when, and who saw to it; from what held at ``since`` on."""
    if since is not None and until is not None and until < since:
        raise HTTPException(422, "until: it lies before since")
    body = held.use(
        lambda life: {"seq": life.seq, "since": since, "until": until, "records": rollout_views.traffic(
            life, since, until)}
    )  # fmt: skip
    return send_body(request, {**body, "now": time.time()})
