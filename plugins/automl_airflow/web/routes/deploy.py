"""From a result to a model: the file to begin with, and files of models saved."""

from __future__ import annotations

import json

from fastapi import APIRouter, Depends, HTTPException, Response

from automl_airflow.compat.acts import SessionDep
from automl_airflow.compat.metadata import noted
from automl_airflow.models.closed import check_closed_model
from automl_airflow.web import saving
from automl_airflow.web.access import (
    ACT,
    CAN_READ,
    NO_RIGHT_TO_SAVE,
    User,
    can_save,
    check_model_sources,
    may_offer,
    may_read_model,
    may_save,
    readable,
    rollout_of,
)
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.catalog import RunInfo, reading
from automl_airflow.web.deploying import draft
from automl_airflow.web.held_models import held_models
from automl_airflow.web.model_catalog import ModelInfo, models
from automl_airflow.web.model_standing import file_text, model_file_of
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.experiments import model_of
from automl_airflow.web.routes.parts import Held, TheRun
from automl_airflow.web.routes.start import NewFile, file_known
from automl_core.models.file import parse_model_document
from automl_core.models.life import Life
from automl_core.results.entries import has_ended

router = APIRouter(route_class=AsideRoute, tags=["models"])


@router.post("/models", dependencies=[Depends(can_save), ACT])
def create_model(session: SessionDep, user: User, body: NewFile) -> Response:
    """Save a model's file where Airflow reads it; its DAGs are there once Airflow has (see readiness)."""
    file, _ = parse_model_document(body.text, "model.yaml")
    dag_id = rollout_of(file.name)
    if not may_save(user, dag_id, saving.team()):
        raise HTTPException(403, f"Forbidden: {file.name}: {NO_RIGHT_TO_SAVE}")
    check_model_sources(user, file)
    check_closed_model(file, body.text, "model.yaml")
    reason = saving.why_not()
    if reason:
        raise HTTPException(403, reason)
    known = file_known(model_of(session, dag_id))
    name, replaced = saving.save(file.name, body.text, replace=body.replace, known=known, kind="model")
    extra = json.dumps({"file": name, "replaced": replaced})
    session.add(noted("automl_save_model", str(user.get_name()), dag_id, extra))
    return reply({"model": file.name, "file": name, "replaced": replaced}, 201)


@router.get("/experiments/{dag_id}/runs/{run_id}/deploy", dependencies=[Depends(CAN_READ)])
def get_deploy(user: User, run: TheRun, held: Held) -> Response:
    """How a result comes into use: the models that it can be offered to, and a file for one of its own."""
    with reading() as session:
        every = [each for each in models(session, readable(user)) if may_read_model(user, each.name)]
        files = [(each, model_file_of(each, file_text(session, each))) for each in every]
    experiment, ended = held.use(lambda view: (view.experiment, has_ended(view.state)))
    mine = []
    for info, file in files:
        if file is not None and run.dag_id in [each.experiment for each in file.sources]:
            mine.append({"model": info.name, "version": _version_of(info, run), "can": may_offer(user, info.name)})
    why_not = "" if ended else "it has not ended yet"
    if ended and held.overview()["best"] is None:
        why_not = "no trial of it has succeeded, so there is no model"
    return reply(
        {
            "possible": not why_not, "why_not": why_not, "models": mine,
            "taken": experiment.name in [each.name for each in every],
            "text": draft(experiment),
        }
    )  # fmt: skip


def _version_of(info: ModelInfo, run: RunInfo) -> int | None:
    """The version that a run's result is, as far as is known without going to the store."""
    held = held_models.known(info)
    if held is None:
        return None
    wanted = (run.place.experiment, run.run_id)

    def find(life: Life) -> int | None:
        mine = (v.number for v in life.versions.values() if (v.source.experiment, v.source.run) == wanted)
        return next(mine, None)

    return held.use(find)
