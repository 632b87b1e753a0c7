"""The experiments that a user may read, one of them, and its runs."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import APIRouter, Depends, HTTPException, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.compat.metadata import DagCode, DagModel, ParseImportError
from automl_airflow.web import catalog
from automl_airflow.web.access import CAN_LOOK, CAN_READ, User, may, may_act, may_see_import_errors, readable
from automl_airflow.web.aside import PAGES, AsideRoute
from automl_airflow.web.bundles import places_in
from automl_airflow.web.catalog import Listed, RunInfo, reading
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.parts import DagId
from automl_airflow.web.standing import GONE
from automl_airflow.web.summaries import summaries
from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from automl_core.templates import parse_experiment
from automl_core.templates.places import Places
from automl_core.views.overview import goal_of, limits_of
from automl_core.views.parameters import parameters_in

router = APIRouter(route_class=AsideRoute, tags=["experiments"])

NO_RIGHT_TO_START = "you have not the right to start runs of this DAG"

SORTS = ("name", "state", "updated", "best", "cost", "elapsed", "fraction", "runs")


@router.get("/experiments", dependencies=[Depends(CAN_LOOK)])
async def get_experiments(
    user: User,
    search: Annotated[str, Query(max_length=200)] = "",
    state: Annotated[str, Query(max_length=200, description="States of the latest run, with commas between.")] = "",
    sort: Annotated[str, Query(max_length=50)] = "-updated",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    gone: Annotated[bool, Query(description="Those whose file was deleted too.")] = False,
) -> Response:
    """Every experiment that this user may read, with its latest run."""
    descending, column = sort.startswith("-"), sort.removeprefix("-")
    if column not in SORTS:
        raise HTTPException(422, f"sort: {sort!r} is not known; allowed: {', '.join(SORTS)}, each with '-' before it")

    def read_list() -> list[Listed]:
        allowed = readable(user)
        with reading() as session:
            return catalog.experiments(session, allowed, gone=gone)

    every = await PAGES.call(read_list)
    wanted = search.casefold()
    found = [each for each in every if wanted in f"{each.dag_id}\n{each.description}\n{' '.join(each.tags)}".casefold()]
    states = {part.strip() for part in state.split(",") if part.strip()}
    by_run = column not in ("name", "runs")
    if not states and not by_run:  # what is sorted by Airflow's own data needs only the page's journals
        found.sort(key=lambda each: each.dag_id if column == "name" else each.runs, reverse=descending)
        entries = await _entries(found[offset : offset + limit])
        matched = len(found)
    else:
        entries = [entry for entry in await _entries(found) if not states or _state(entry) in states]
        entries.sort(key=lambda entry: entry["experiment"])
        sorted_by = [entry for entry in entries if _key(entry, column) is not None]
        unknown = [entry for entry in entries if _key(entry, column) is None]
        sorted_by.sort(key=lambda entry: _key(entry, column), reverse=descending)
        matched, entries = len(entries), [*sorted_by, *unknown][offset : offset + limit]
    return reply({"total": len(every), "matched": matched, "offset": offset, "limit": limit, "experiments": entries})


async def _entries(listed: list[Listed]) -> list[dict[str, Any]]:
    latest = [each.latest for each in listed if each.latest is not None]
    found = {run.dag_id: body for run, body in zip(latest, await summaries.of_all(latest), strict=True)}
    return [
        {
            "experiment": each.dag_id, "description": each.description, "tags": each.tags, "paused": each.paused,
            "schedule": each.schedule, "next_run": each.next_run, "broken": each.broken, "gone": each.gone,
            "runs": each.runs, "latest": found.get(each.dag_id),
        }
        for each in listed
    ]  # fmt: skip


def _state(entry: dict[str, Any]) -> str | None:
    return entry["latest"]["state"] if entry["latest"] else None


def _key(entry: dict[str, Any], column: str) -> Any:
    latest = entry["latest"]
    if column in ("name", "runs"):
        return entry["experiment" if column == "name" else "runs"]
    if latest is None:
        return None
    if column == "best":
        return latest["best"]["value"] if latest["best"] else None
    return latest[column]


@router.get("/experiments/{dag_id}", dependencies=[Depends(CAN_READ)])
async def get_experiment(dag_id: DagId, user: User) -> Response:
    """One experiment: its file, its goal, its latest run, and what this user can do."""
    listed, body = await PAGES.call(_experiment, dag_id, user)
    return reply({**(await _entries([listed]))[0], **body})


def _experiment(dag_id: str, user: User) -> tuple[Listed, dict[str, Any]]:
    """The experiment as it stands in the list, and what its own page has beside that."""
    with reading() as session:
        listed = next((each for each in catalog.experiments(session, {dag_id}, gone=True)), None)
        if listed is None:
            raise HTTPException(404, f"{dag_id!r} is no AutoML experiment")
        source = source_of(session, dag_id)
        found = import_error_of(session, listed.file, listed.bundle) if listed.broken else None
    import_error = shown_error(user, found[0]) if found is not None else None
    rights = may_act(user, dag_id)
    experiment, places = None, places_in(listed.bundle)
    if source is not None:
        with suppress(SpecError):  # as the file is now; its import error says so
            experiment = parse_experiment(source, dag_id, places)
    return listed, {
        "file": listed.file,
        "source": source if may(user, "GET", DagAccessEntity.CODE, dag_id) else None,
        "goal": goal_of(experiment.goal) if experiment is not None else None,
        "settings": _settings(experiment) if experiment is not None else None,
        "template": _template(experiment, places),
        "can": {"start": rights["start"] and not listed.gone, "edit_file": rights["file"] and not listed.gone},
        "why_not": {"start": GONE if listed.gone else "" if rights["start"] else NO_RIGHT_TO_START},
        "import_error": import_error,
    }


def _template(experiment: Experiment | None, places: Places) -> dict[str, Any] | None:
    """The template version that an experiment is made from, with the newest one where that is newer."""
    template = experiment.template if experiment is not None else None
    if template is None:
        return None
    return {**template.model_dump(), "newer": places.newer(template.name, template.version)}


def _settings(experiment: Experiment) -> dict[str, Any]:
    """What a new run can have otherwise than the file: the same fields as an edit of a running one."""
    from automl_core.space import Space

    return {
        "algorithm": experiment.search.algorithm,
        "seed": experiment.search.seed,
        "limits": limits_of(experiment, experiment.trials.concurrency),
        "parameters": parameters_in(Space.from_models(experiment.space), experiment),
    }


@router.get("/experiments/{dag_id}/runs", dependencies=[Depends(CAN_READ)])
async def get_runs(
    dag_id: DagId,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The runs of an experiment, newest first."""

    def known() -> tuple[int, list[RunInfo]]:
        with reading() as session:
            return catalog.runs_of(session, dag_id, offset, limit)

    total, runs = await PAGES.call(known)
    return reply({"total": total, "offset": offset, "limit": limit, "runs": await summaries.of_all(runs)})


def source_of(session: Session, dag_id: str) -> str | None:
    """The text of an experiment's file as Airflow has read it last."""
    return session.scalar(
        select(DagCode.source_code).where(DagCode.dag_id == dag_id).order_by(DagCode.last_updated.desc()).limit(1)
    )


def import_error_of(session: Session, file: str | None, bundle: str | None) -> tuple[str, datetime | None] | None:
    """What Airflow says is wrong with a file, and since when; None where nothing is.

    Args:
        session: of the metadata database.
        file: its path below its bundle.
        bundle: name of the bundle.
    """
    if not file:
        return None
    wanted = select(ParseImportError).where(ParseImportError.filename == file)
    if bundle is not None:
        wanted = wanted.where(ParseImportError.bundle_name == bundle)
    error = session.scalar(wanted.limit(1))
    return (error.stacktrace or "", error.timestamp) if error is not None else None


def shown_error(user: User, text: str) -> str:
    """An import error for who may see those in Airflow: it has paths and lines of code in it."""
    if may_see_import_errors(user):
        return text
    return "Airflow can't read the experiment's file; who may see import errors in Airflow can see why"


def model_of(session: Session, dag_id: str) -> DagModel | None:
    """Airflow's own record of a DAG, None where there is none (any more)."""
    return session.scalar(select(DagModel).where(DagModel.dag_id == dag_id, DagModel.is_stale.is_(False)))
