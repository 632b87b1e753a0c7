"""The models that a user may read, and one of them: what is in use, its versions, its history, what it scored."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from automl_airflow.web.access import (
    CAN_LOOK,
    CAN_READ_MODEL,
    ModelName,
    User,
    may,
    may_read_model,
    readable,
    rollout_of,
)
from automl_airflow.web.aside import PAGES, AsideRoute, touches_store
from automl_airflow.web.catalog import reading
from automl_airflow.web.held_models import Held, HeldModel, TheModel
from automl_airflow.web.model_catalog import ModelInfo, models
from automl_airflow.web.model_glances import glances
from automl_airflow.web.model_standing import file_text, model_file_of, standing
from automl_airflow.web.respond import reply, send, send_body
from automl_airflow.web.routes.experiments import import_error_of, shown_error
from automl_airflow.web.routes.start import readiness
from automl_core.models import views
from automl_core.models.efficiency import efficiency
from automl_core.models.life import Life, VersionState, history
from automl_core.models.watching import Looks, read_looks, series_of

router = APIRouter(route_class=AsideRoute, tags=["models"])

SORTS = ("name", "in_use", "since", "versions", "next_interval", "updated")

Offset = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Moment = Annotated[float | None, Query(description="Seconds since 1970.", ge=0, le=1e11)]


@router.get("/models", dependencies=[Depends(CAN_LOOK)])
async def get_models(
    request: Request,
    user: User,
    search: Annotated[str, Query(max_length=200)] = "",
    waiting: Annotated[bool, Query(description="Those alone that people are asked about.")] = False,
    sort: Annotated[str, Query(max_length=50)] = "name",
    offset: Offset = 0,
    limit: Limit = 50,
    gone: Annotated[bool, Query(description="Those whose file was deleted too.")] = False,
) -> Response:
    """Every model that this user may read: what is in use, who is waited for, what the newest evidence says."""
    descending, column = sort.startswith("-"), sort.removeprefix("-")
    if column not in SORTS:
        raise HTTPException(422, f"sort: {sort!r} is not known; allowed: {', '.join(SORTS)}, each with '-' before it")

    def read_list() -> list[ModelInfo]:
        allowed = readable(user)
        with reading() as session:
            found = models(session, allowed, gone=gone)
        return [each for each in found if may_read_model(user, each.name)]

    every = await PAGES.call(read_list)
    wanted = search.casefold()
    found = [each for each in every if wanted in f"{each.name}\n{each.description}\n{' '.join(each.tags)}".casefold()]
    if not waiting and column == "name":  # what is sorted by name needs only the page's journals
        found.sort(key=lambda each: each.name, reverse=descending)
        matched, entries = len(found), await glances.of_all(found[offset : offset + limit])
    else:
        entries = [each for each in await glances.of_all(found) if not waiting or each["waiting"]]
        told = [each for each in entries if _key(each, column) is not None]
        told.sort(key=lambda each: _key(each, column), reverse=descending)
        entries = [*told, *(each for each in entries if _key(each, column) is None)]
        matched, entries = len(entries), entries[offset : offset + limit]
    body = {"total": len(every), "matched": matched, "offset": offset, "limit": limit, "models": entries}
    return send_body(request, body)


def _key(entry: dict[str, Any], column: str) -> Any:
    if column == "name":
        return entry["model"]
    if column in ("in_use", "since"):
        used = entry["in_use"]
        return used["version" if column == "in_use" else "since"] if used else None
    return entry[column]


@router.get("/models/{model}", dependencies=[Depends(CAN_READ_MODEL)])
def get_model(request: Request, user: User, info: TheModel, held: Held) -> Response:
    """One model: what is in use since when, who is waited for, its file, and what this user can do."""
    now = time.time()
    with reading() as session:
        source = file_text(session, info)
        found = import_error_of(session, info.file, info.bundle) if info.broken else None
    file = model_file_of(info, source)
    body, document = held.use(lambda life: (views.overview(life, now), life.document))
    if file is not None:  # what is true now; the journal has it once a run has read the file
        body |= {
            "accept": file.accept.model_dump(mode="json"), "watched": file.watch is not None,
            "deploy": file.deploy.to if file.deploy is not None else None,
        }  # fmt: skip
    can, why_not = standing(user, info, file, document)
    return send_body(
        request,
        {
            "model": info.name, "description": info.description, "tags": info.tags, "gone": info.gone,
            "broken": info.broken, "file": info.file, "dags": {kind: dag.to_json() for kind, dag in info.dags.items()},
            "next_interval": info.dags["score"].next_run if "score" in info.dags else None,
            **body,
            "experiments": [each.experiment for each in file.sources] if file is not None else [],
            "source": source if may(user, "GET", DagAccessEntity.CODE, rollout_of(info.name)) else None,
            "import_error": shown_error(user, found[0]) if found is not None else None,
            "can": can, "why_not": why_not,
        },
    )  # fmt: skip


@router.get("/models/{model}/readiness", dependencies=[Depends(CAN_READ_MODEL)])
def get_model_readiness(user: User, model: ModelName) -> Response:
    """Whether Airflow has read a model's file as it was saved last."""
    return reply(readiness(user, model, rollout_of(model), "model"))


@router.get("/models/{model}/versions", dependencies=[Depends(CAN_READ_MODEL)])
def get_versions(
    request: Request,
    held: Held,
    sort: Annotated[str, Query(max_length=50)] = "version",
    state: Annotated[str, Query(max_length=200, description="With commas between.")] = "",
    offset: Offset = 0,
    limit: Limit = 100,
) -> Response:
    """The versions of a model: where each comes from, what its evidence says, what became of it."""
    if sort.removeprefix("-") not in views.SORTS:
        raise HTTPException(422, f"sort: {sort!r} is not known; allowed: {', '.join(views.SORTS)}, each with '-'")
    states = tuple(part.strip().upper() for part in state.split(",") if part.strip())
    unknown = [each for each in states if each not in VersionState.__members__]
    if unknown:
        raise HTTPException(422, f"state: {unknown[0]!r} is not known; allowed: {', '.join(VersionState.__members__)}")

    def build(life: Life) -> dict[str, Any]:
        rows = views.sorted_versions(life, sort, states)
        return {
            "seq": life.seq, "total": len(life.versions), "matched": len(rows), "offset": offset, "limit": limit,
            "versions": rows[offset : offset + limit],
        }  # fmt: skip

    return send(request, held.answer(("versions", sort, states, offset, limit), build))


@router.get("/models/{model}/in-use", dependencies=[Depends(CAN_READ_MODEL)])
def get_in_use(held: Held, at: Moment = None) -> Response:
    """What was in use at a time (now, where none is given): accepted by whom, when, and on what evidence."""

    def build(life: Life) -> dict[str, Any]:
        record = life.record_at(at) if at is not None else life.shares[-1] if life.shares else None
        return {"seq": life.seq, "at": at, "in_use": views.used(life, record)}

    return reply(held.use(build))


@router.get("/models/{model}/shares", dependencies=[Depends(CAN_READ_MODEL)])
def get_shares(held: Held) -> Response:
    """Which version answered since when, and what share of it."""
    return reply(held.use(lambda life: {"seq": life.seq, "now": time.time(), "shares": views.shares(life)}))


@router.get("/models/{model}/history", dependencies=[Depends(CAN_READ_MODEL)])
def get_model_history(
    request: Request, held: Held, since: Moment = None, until: Moment = None, offset: Offset = 0, limit: Limit = 100,
) -> Response:  # fmt: skip
    """Everything that has happened to a model, oldest first."""

    def build(life: Life) -> dict[str, Any]:
        events = history(life, since, until)
        return {
            "seq": life.seq, "matched": len(events), "offset": offset, "limit": limit,
            "events": [views.event(each) for each in events[offset : offset + limit]],
        }  # fmt: skip

    return send(request, held.answer(("history", since, until, offset, limit), build))


@router.get("/models/{model}/intervals", dependencies=[Depends(CAN_READ_MODEL)])
def get_intervals(request: Request, held: Held, offset: Offset = 0, limit: Limit = 100) -> Response:
    """The intervals of data that were scored, newest first, and the stretches between them that were not."""

    def build(life: Life) -> dict[str, Any]:
        rows = views.intervals(life)
        return {
            "seq": life.seq, "matched": len(rows), "offset": offset, "limit": limit,
            "intervals": rows[offset : offset + limit], "missing": views.missing(life)[:100],
            "given_up": life.scoring.given_up,
        }  # fmt: skip

    return send(request, held.answer(("intervals", offset, limit), build))


@router.get("/models/{model}/retrainings", dependencies=[Depends(CAN_READ_MODEL)])
def get_retrainings(request: Request, held: Held) -> Response:
    """The trainings that were asked for, newest first: why, by whom, what came of them."""

    def build(life: Life) -> dict[str, Any]:
        return {"seq": life.seq, "retrainings": [views.retraining(each) for each in life.retrainings.values()][::-1]}

    return send(request, held.answer("retrainings", build))


@router.get("/models/{model}/quality", dependencies=[Depends(CAN_READ_MODEL)])
@touches_store()
def get_quality(request: Request, info: TheModel, held: Held) -> Response:
    """How good versions in use were over time, measured and estimated; live tests; what the last look says."""

    def build(life: Life, looks: Looks) -> dict[str, Any]:
        series = series_of(looks)
        return {**views.quality(life, looks), "estimate": series["estimate"], "live": series["live"]}

    return _of_looks(request, info, held, "quality", build)


@router.get("/models/{model}/drift", dependencies=[Depends(CAN_READ_MODEL)])
@touches_store()
def get_drift(request: Request, info: TheModel, held: Held) -> Response:
    """How far columns, and what the model says, lie from the data that it was accepted on, look by look."""
    return _of_looks(request, info, held, "drift", lambda _, looks: series_of(looks)["drift"])


def _of_looks(
    request: Request, info: ModelInfo, held: HeldModel, part: str, build: Callable[[Life, Looks], dict[str, Any]]
) -> Response:
    """What is made of the watch's looks: they lie beside the journal, so the newest one's time is in the ETag too."""
    looks = read_looks(held.store, info.name)
    stamp = round((looks.newest.time if looks.newest is not None else 0.0) * 1000)
    return send(request, held.answer(part, lambda life: {"seq": life.seq, **build(life, looks)}, stamp=stamp))


@router.get("/models/{model}/efficiency", dependencies=[Depends(CAN_READ_MODEL)])
def get_efficiency(request: Request, held: Held) -> Response:
    """From data to use: how long each version took, stage by stage, and how many versions there were each month."""
    return send(request, held.answer("efficiency", lambda life: {"seq": life.seq, **efficiency(life)}))
