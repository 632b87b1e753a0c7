"""One trial: its page, its curve, and the Airflow task instance that it ran in."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response

from automl_airflow.web.access import CAN_READ, User, may_act
from automl_airflow.web.aside import PAGES, AsideRoute, in_store
from automl_airflow.web.catalog import reading
from automl_airflow.web.links import log_lines, log_page
from automl_airflow.web.respond import STALE, reply
from automl_airflow.web.routes.parts import Held, TheRun, TrialNumber
from automl_airflow.web.standing import trial_standing
from automl_airflow.web.tries import place_of, tries_of
from automl_core.storage.base import StorageUnavailable
from automl_core.study.state import Attempt, Work
from automl_core.views.curves import trial_curve
from automl_core.views.trial import trial_of, trial_page
from automl_core.views.view import ExperimentView

router = APIRouter(
    route_class=AsideRoute,
    prefix="/experiments/{dag_id}/runs/{run_id}",
    dependencies=[Depends(CAN_READ)],
    tags=["trial"],
)


@router.get("/trials/{number}")
def get_trial(run: TheRun, held: Held, user: User, number: TrialNumber) -> Response:
    """One trial: combination, attempts, difference to the best, and what this user can do."""
    rights = may_act(user, run.dag_id)
    works = held.use(lambda view: [view.state.works[slot] for slot in trial_of(view, number).slots])
    with reading() as session:
        tries = tries_of(session, run, works)

    def log(work: Work, attempt: Attempt) -> dict[str, Any]:
        place, tried = place_of(run, work, attempt), tries.of(run, work, attempt)
        return {
            "try": tried, "lane": work.lane, "log": log_page(run, place, tried), "lines": log_lines(run, place, tried),
        }  # fmt: skip

    def build(view: ExperimentView) -> dict[str, Any]:
        body = trial_page(view, number, log)
        can, why_not = trial_standing(view, run, number, rights)
        return {**body, "can": can, "why_not": why_not}

    return reply(held.use(build))


@router.get("/trials/{number}/curve")
async def get_trial_curve(
    request: Request, held: Held, number: TrialNumber, points: Annotated[int, Query(ge=2, le=5000)] = 500
) -> Response:
    """Every metric of a trial over its steps, from its metrics file."""
    await PAGES.call(held.use, lambda view: trial_of(view, number))
    try:
        series = await in_store(held.place, held.live.of, number)
    except StorageUnavailable as error:
        series = held.live.known([number]).get(number)
        if series is None:
            raise
        request.scope[STALE] = (held.shared.age, str(error))
    return reply(await PAGES.call(held.use, lambda view: trial_curve(view, number, series, points)))


@router.get("/task-instances/{task_id}/{map_index}")
def get_task_instance(
    run: TheRun,
    held: Held,
    task_id: Annotated[str, Path(max_length=250)],
    map_index: Annotated[int, Path(ge=-1, le=10_000_000)],
) -> Response:
    """Which trials an Airflow task instance worked on."""
    if task_id not in run.place.steps or map_index < 0:
        return reply({"seq": held.view.seq, "trials": [], "slot": None, "lane": None})

    def build(view: ExperimentView) -> dict[str, Any]:
        state = view.state
        if state.lanes is not None:
            trials = sorted({work.trial for work in state.works.values() if work.lane == map_index})
            return {"seq": state.seq, "trials": trials, "slot": None, "lane": map_index}
        if map_index >= int(state.plan["slots"]):
            raise HTTPException(404, f"there is no slot {map_index}; 0 to {int(state.plan['slots']) - 1} are there")
        work = state.works.get(map_index)
        return {"seq": state.seq, "trials": [work.trial] if work else [], "slot": map_index, "lane": None}

    return reply(held.use(build))
