"""Starting experiments: what there is to choose from, a file validated as it is typed, saved, and its first run."""

from __future__ import annotations

import json
from typing import Any, Literal

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from automl_airflow.compat.acts import SessionDep, action_logging
from automl_airflow.compat.metadata import DagModel, noted
from automl_airflow.web import airflow_acts, catalog, saving, trying
from automl_airflow.web.access import (
    ACT,
    CAN_LOOK,
    CAN_READ,
    CAN_START,
    NO_RIGHT_TO_SAVE,
    NO_RIGHT_TO_TRY,
    User,
    can_save,
    check_sources,
    may_save,
    may_try,
)
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.bundles import places_in
from automl_airflow.web.catalog import reading
from automl_airflow.web.checking import check_closed, checked
from automl_airflow.web.links import AIRFLOW
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.experiments import model_of, shown_error, source_of
from automl_airflow.web.routes.parts import DagId
from automl_airflow.web.standing import GONE
from automl_core.spec.errors import SpecError
from automl_core.spec.kinds import noun_of
from automl_core.templates import parse_experiment

router = APIRouter(route_class=AsideRoute, tags=["start"])

MAX_TEXT = 1 << 18
"""Characters of an experiment file that comes by this way."""


class FileText(BaseModel):
    """The text of an experiment file."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=MAX_TEXT)


class NewFile(FileText):
    """An experiment file to be saved."""

    replace: bool = Field(False, description="Overwrite the file that this experiment comes from.")


class NewRun(BaseModel):
    """A run to be begun."""

    model_config = ConfigDict(extra="forbid")
    conf: dict[str, Any] = Field(default_factory=dict, description="What the run changes in the experiment.")
    run_id: str | None = Field(None, max_length=250, description="Airflow makes one when left out.")
    logical_date: AwareDatetime | None = Field(None, description="The run's date; none when left out.")


@router.get("/me", dependencies=[Depends(CAN_LOOK)])
def get_me(user: User) -> Response:
    """Who is signed in, and whether experiment files can be saved and tried from here."""
    reason = saving.why_not()
    if not reason and not may_save(user, None, saving.team()):
        reason = NO_RIGHT_TO_SAVE
    create = {"allowed": not reason, "reason": reason}
    unable = trying.why_not()
    if not unable and not may_try(user, None, saving.team()):
        unable = NO_RIGHT_TO_TRY
    attempt = {"allowed": not unable, "reason": unable, "longest": trying.LONGEST}
    return reply({"user": str(user.get_name()), "create": create, "try": attempt, "airflow": AIRFLOW, "version": "1"})


@router.get("/algorithms", dependencies=[Depends(CAN_LOOK)])
def get_algorithms() -> Response:
    """The search algorithms."""
    from automl_core.search import available
    from automl_core.search.registry import algorithm_class

    return reply(
        {
            "algorithms": [
                {"name": name, "summary": summary, "options": list(algorithm_class(name).options_model.model_fields)}
                for name, summary in available()
            ]
        }
    )


@router.get("/schema", dependencies=[Depends(CAN_LOOK)])
def get_schema(kind: Literal["experiment", "model", "annotation"] = "experiment") -> Response:
    """JSON Schema of an experiment's file, of a model's or of an annotation project's."""
    if kind == "model":
        from automl_core.models.file.schema import model_schema

        return reply(model_schema())
    if kind == "annotation":
        from automl_core.annotation.file.schema import annotation_schema

        return reply(annotation_schema())
    from automl_core.spec.schema import experiment_schema

    return reply(experiment_schema())


@router.get("/openapi.json", dependencies=[Depends(CAN_LOOK)])
def get_openapi(request: Request) -> Response:
    """This API as OpenAPI."""
    return reply({**request.app.openapi(), "servers": [{"url": request.scope.get("root_path", "")}]})


@router.post("/validate", dependencies=[Depends(CAN_LOOK), ACT])
def validate(user: User, body: FileText) -> Response:
    """Everything that is wrong with a file, with lines and columns; or what the experiment will be.

    ``warnings`` are of what is valid but may do something else than was meant, or (with the severity ``note``) is worth
    knowing, in the same form as ``problems``.
    """
    return reply(checked(user, body.text))


@router.post("/experiments", dependencies=[Depends(can_save), ACT])
def create_experiment(session: SessionDep, user: User, body: NewFile) -> Response:
    """Save an experiment file where Airflow reads it; its DAG is there once Airflow has (see readiness)."""
    experiment = parse_experiment(body.text, "experiment.yaml", saving.places())
    if not may_save(user, experiment.name, saving.team()):
        raise HTTPException(403, f"Forbidden: {experiment.name}: {NO_RIGHT_TO_SAVE}")
    check_sources(user, experiment)
    check_closed(experiment, body.text, "experiment.yaml", saving.places())
    reason = saving.why_not()
    if reason:
        raise HTTPException(403, reason)
    model = model_of(session, experiment.name)
    file, replaced = saving.save(experiment.name, body.text, replace=body.replace, known=file_known(model))
    extra = json.dumps({"file": file, "replaced": replaced})
    session.add(noted("automl_save_experiment", str(user.get_name()), experiment.name, extra))
    return reply({"experiment": experiment.name, "file": file, "replaced": replaced}, 201)


@router.get("/experiments/{dag_id}/readiness", dependencies=[Depends(CAN_READ)])
def get_readiness(dag_id: DagId, user: User) -> Response:
    """Whether Airflow has read an experiment's file as it was saved last."""
    return reply(readiness(user, dag_id, dag_id))


def readiness(user: User, name: str, dag_id: str, kind: saving.Kind = "experiment") -> dict[str, Any]:
    """Whether Airflow has read a file as it was saved last.

    Args:
        user: who asks.
        name: of the experiment, the model or the annotation project.
        dag_id: of the DAG that is made of the file.
        kind: what the file is.

    Raises:
        HTTPException: 404, there is no such file.
    """
    with reading() as session:
        model = model_of(session, dag_id)
        known = file_known(model)
        saved = saving.saved_at(name, known, kind)
        error = saving.import_error_since(session, name, known, saved, kind) if saved is not None else None
        read = model.last_parsed_time.timestamp() if model is not None and model.last_parsed_time else None
    if error is not None:
        return {"state": "broken", "error": shown_error(user, error)}
    if read is not None and (saved is None or read >= saved):
        return {"state": "ready", "error": None}
    if saved is None:
        raise HTTPException(404, f"there is no {noun_of(kind)} {name!r}")
    return {"state": "waiting", "error": None}


@router.post(
    "/experiments/{dag_id}/runs",
    dependencies=[Depends(CAN_START), ACT, Depends(action_logging("automl_start"))],
)
def start_run(request: Request, dag_id: DagId, session: SessionDep, user: User, body: NewRun) -> Response:
    """Begin a run."""
    if model_of(session, dag_id) is None and catalog.runs_of(session, dag_id, 0, 1)[0]:
        raise HTTPException(409, f"{dag_id}: {GONE}")
    check_conf(session, user, dag_id, body.conf, dated=body.logical_date is not None)
    started = airflow_acts.trigger(request, session, user, dag_id, body.conf, body.run_id, body.logical_date)
    model = model_of(session, dag_id)
    return reply({"experiment": dag_id, "run": started, "paused": bool(model is not None and model.is_paused)}, 201)


def file_known(model: DagModel | None) -> saving.Origin | None:
    """The file that a DAG comes from; None where there is no such DAG."""
    if model is None:
        return None
    return saving.Origin(model.relative_fileloc or model.fileloc or "", model.bundle_name)


def check_conf(session: Session, user: BaseUser, dag_id: str, conf: dict[str, Any], *, dated: bool) -> None:
    """Look at a run's conf before Airflow queues it: its first task would say the same, minutes later.

    Args:
        session: of the metadata database.
        dag_id: of the experiment.
        conf: the run's.
        dated: whether the run has a logical date.

    Raises:
        HTTPException: 404, there is no such experiment; 403, it learns from one that this user may not read.
        SpecError: a value is wrong, or the file names a date that the run won't have.
    """
    from automl_airflow.form import overrides_of
    from automl_airflow.web.catalog import place_of_dag
    from automl_core.spec.dates import RUN_DATES, missing_dates
    from automl_core.spec.loader import locate
    from automl_core.spec.reason import reason_of
    from automl_core.templates.loading import parse_document
    from automl_core.templates.overriding import apply_overrides

    place_of_dag(session, dag_id)
    reason_of(conf)
    source = source_of(session, dag_id)
    if source is None:
        return
    model = model_of(session, dag_id)
    places = places_in(model.bundle_name if model is not None else None)
    try:
        experiment, document = parse_document(source, dag_id, places)
    except SpecError:  # a DAG made by dags/automl_experiments.py has Python for its source
        return
    changed = apply_overrides(experiment, overrides_of(experiment, conf), places).experiment
    check_sources(user, changed)
    check_closed(changed, source, dag_id, places)
    problems = missing_dates(experiment, RUN_DATES if dated else ())
    if problems:
        raise SpecError(locate(problems, document))
