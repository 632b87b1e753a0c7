"""One run: how it stands, its plots, its trials' table, and several of these in one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from automl_airflow.web.access import CAN_LOOK, CAN_READ, User, may, may_act
from automl_airflow.web.aside import PAGES, PATIENCE, AsideRoute, in_store
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.held import HeldRun
from automl_airflow.web.links import run_page
from automl_airflow.web.respond import reply, send
from automl_airflow.web.routes.parts import Held, TheRun, read_run, the_run
from automl_airflow.web.routes.sheets import Filters, Search, Sort, States, query_of
from automl_airflow.web.standing import ended_in_airflow, standing
from automl_airflow.web.summaries import summaries
from automl_core.results.stages import NOT_RUN
from automl_core.states import TrialState
from automl_core.storage.base import StorageError, StorageUnavailable
from automl_core.views.compare import MOST, NO_SIDE, comparable, side
from automl_core.views.curves import Curve, chosen, curves, running
from automl_core.views.history import cost, history, pareto
from automl_core.views.importance import contour_plot, slice_plot
from automl_core.views.overview import act_of
from automl_core.views.parallel import parallel
from automl_core.views.table import BadQuery, trial_table
from automl_core.views.table import Query as TableQuery
from automl_core.views.timeline import rungs, timeline
from automl_core.views.view import ExperimentView

router = APIRouter(
    route_class=AsideRoute, prefix="/experiments/{dag_id}/runs/{run_id}", dependencies=[Depends(CAN_READ)], tags=["run"]
)
compare_router = APIRouter(route_class=AsideRoute, dependencies=[Depends(CAN_LOOK)], tags=["run"])

Build = Callable[[ExperimentView], Any]


@router.get("")
def get_run(run: TheRun, held: Held, user: User) -> Response:
    """How a run stands, what is left of it, its limits, and what this user can do."""
    return reply(_overview(run, held, user))


def _overview(run: RunInfo, held: HeldRun, user: Any) -> dict[str, Any]:
    body = held.overview()
    rights = may_act(user, run.dag_id)
    stages = held.stages(over=run.over)
    in_stage = any(stage["state"] not in NOT_RUN and not TrialState(stage["state"]).ended for stage in stages)
    can, why_not = held.use(lambda view: standing(view, run, rights, in_stage=in_stage))
    store = held.shared.store
    return {
        **body,
        **(held.use(lambda view: ended_in_airflow(view, run)) if run.over and body["ended"] is None else {}),
        "airflow": {
            "state": run.state, "queued": run.queued, "started": run.started, "ended": run.ended,
            "url": run_page(run), "note": run.note, "gone": run.gone,
        },
        "stages": stages,
        "folder": f"{store.url}/{held.view.study.journal.prefix}",
        "can": can,
        "why_not": why_not,
    }  # fmt: skip


PARTS: dict[str, tuple[Build, bool]] = {
    "history": (history, False),
    "parallel": (lambda view: parallel(view, 2000), False),
    "timeline": (timeline, True),
    "rungs": (rungs, False),
    "cost": (cost, True),
    "pareto": (pareto, False),
}
"""Plots without arguments → what makes them, and whether they change with time too."""


def _plain(part: str) -> Callable[..., Response]:
    build, volatile = PARTS[part]

    def get_plot(request: Request, held: Held) -> Response:
        return send(request, held.answer(part, build, volatile=volatile))

    get_plot.__name__ = f"get_{part}"
    get_plot.__doc__ = build.__doc__ or "Trials with a value as lines over all parameters."
    return get_plot


for _part in ("history", "timeline", "rungs", "cost", "pareto"):
    router.add_api_route(f"/{_part}", _plain(_part), methods=["GET"])


@router.get("/parallel")
def get_parallel(request: Request, held: Held, limit: Annotated[int, Query(ge=10, le=10_000)] = 2000) -> Response:
    """Trials with a value as lines over all parameters: every one, or the best and others evenly spread."""
    return send(request, held.answer(("parallel", limit), lambda view: parallel(view, limit)))


@router.get("/curves")
async def get_curves(
    request: Request,
    held: Held,
    top: Annotated[int, Query(ge=1, le=500)] = 60,
    points: Annotated[int, Query(ge=2, le=2000)] = 100,
    trials: Annotated[str, Query(max_length=4000, description="Numbers, with commas between.")] = "",
) -> Response:
    """The goal's value over the steps of trials: of those that run and the best, or of those named."""
    numbers = _numbers(trials) if trials else None
    build, version = await _curves(held, top, points, numbers)
    key = ("curves", top, points, trials)
    return await PAGES.call(lambda: send(request, held.answer(key, build, stamp=version)))


async def _curves(held: HeldRun, top: int, points: int, numbers: list[int] | None) -> tuple[Build, int]:
    """What makes the curves, and the version of those of running trials."""
    wanted = await PAGES.call(held.use, running)
    try:
        series = await in_store(held.place, held.live.running, wanted, patience=PATIENCE)
    except StorageUnavailable:  # the others' curves stand in the journal
        series = held.live.known(wanted)
    version = held.live.version

    def build(view: ExperimentView) -> dict[str, Any]:
        live: dict[int, Curve] = {number: each.curve(view.experiment.goal) for number, each in series.items()}
        return curves(view, chosen(view, top, numbers), points, live)

    return build, version


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise HTTPException(422, f"trials: {text!r} is no list of trial numbers, such as 3,17") from None


@router.get("/importance")
def get_importance(held: Held) -> Response:
    """Which parameters matter: shares of the variance by functional ANOVA, with their uncertainty."""
    return reply({"seq": held.view.seq, **held.importance()})


@router.get("/slice")
def get_slice(held: Held, parameter: Annotated[str, Query(max_length=500)]) -> Response:
    """Values over one parameter, with what a model of them expects along it."""
    _, model = held.model()
    return reply(held.use(lambda view: slice_plot(view, parameter, model)))


@router.get("/contour")
def get_contour(
    held: Held, x: Annotated[str, Query(max_length=500)], y: Annotated[str, Query(max_length=500)]
) -> Response:
    """Values over two parameters, with what a model of them expects on a grid."""
    _, model = held.model()
    return reply(held.use(lambda view: contour_plot(view, x, y, model)))


@router.get("/acts")
def get_acts(held: Held, after: Annotated[int, Query(ge=0)] = 0) -> Response:
    """What people did to the experiment: who, when, what."""
    acts = held.use(lambda view: [act_of(act) for act in view.state.acts if act.seq > after])
    return reply({"seq": held.view.seq, "acts": acts})


@router.get("/trials")
def get_trials(
    request: Request,
    held: Held,
    sort: Sort = "number",
    state: States = "",
    search: Search = "",
    filter: Filters = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> Response:
    """The trial table: sorted, filtered, searched and paged, as columns."""
    query = query_of(sort, state, search, filter, offset, limit)
    try:
        return send(request, held.answer(("trials", query), lambda view: trial_table(view, query)))
    except BadQuery as error:
        raise HTTPException(422, str(error)) from None


BUNDLED = ("overview", "trials", "curves", *PARTS)


@router.get("/bundle")
async def get_bundle(run: TheRun, held: Held, user: User, parts: Annotated[str, Query(max_length=200)]) -> Response:
    """Several of the above in one answer."""
    wanted = list(dict.fromkeys(part.strip() for part in parts.split(",") if part.strip()))  # each is made once
    wrong = [part for part in wanted if part not in BUNDLED]
    if wrong or not wanted:
        raise HTTPException(422, f"parts: {', '.join(wrong) or 'none given'}; allowed: {', '.join(BUNDLED)}")
    lines = (await _curves(held, 60, 100, None))[0] if "curves" in wanted else None

    def bundle() -> Response:
        body: dict[str, Any] = {}
        for part in wanted:
            if part == "overview":
                body[part] = _overview(run, held, user)
            elif part == "trials":
                body[part] = held.use(lambda view: trial_table(view, TableQuery()))
            else:
                body[part] = held.use(lines if part == "curves" and lines is not None else PARTS[part][0])
        return reply(body)

    return await PAGES.call(bundle)


@compare_router.get("/compare")
async def get_comparison(
    user: User,
    run: Annotated[list[str], Query(min_length=1, max_length=MOST, description="<experiment>/<run id>")],
) -> Response:
    """Up to five runs side by side; each must be one that this user may read."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

    sides: list[dict[str, Any]] = []
    for text in run:
        name, slash, run_id = text.partition("/")
        if not slash:
            raise HTTPException(422, f"run: {text!r} is no <experiment>/<run id>")
        if not await PAGES.call(may, user, "GET", DagAccessEntity.RUN, name):
            raise HTTPException(403, f"Forbidden: {name}")
        info = await PAGES.call(the_run, name, run_id)
        try:
            held = await in_store(info.place, read_run, info, 0)
            found = {"problem": None, **await PAGES.call(held.use, side)}
        except (LookupError, StorageError) as error:  # the others can be compared none the less
            found = {"problem": str(error), **NO_SIDE}
        [summed] = await summaries.of_all([info])
        sides.append({"summary": summed, **found})
    alike, why_not = comparable([each["goal"] for each in sides if each["goal"]])
    names = dict.fromkeys(name for each in sides for name in each.pop("parameters"))
    return reply({"comparable": alike, "why_not": why_not, "parameters": list(names), "runs": sides})
