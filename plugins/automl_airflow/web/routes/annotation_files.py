"""Files of annotation projects: saved where Airflow reads them, and whether it has."""

from __future__ import annotations

import json

from fastapi import APIRouter, Depends, HTTPException, Response

from automl_airflow.annotation.closed import check_closed_annotation
from automl_airflow.compat.acts import SessionDep
from automl_airflow.compat.metadata import noted
from automl_airflow.web import saving
from automl_airflow.web.access import (
    ACT,
    NO_RIGHT_TO_SAVE,
    AnnotationName,
    User,
    annotation_of,
    can_read_annotation,
    can_save,
    check_annotation_sources,
    may_save,
)
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.respond import reply
from automl_airflow.web.routes.experiments import model_of
from automl_airflow.web.routes.start import NewFile, file_known, readiness
from automl_core.annotation.file import parse_annotation_document

router = APIRouter(route_class=AsideRoute, tags=["annotations"])


@router.post("/annotations", dependencies=[Depends(can_save), ACT])
def create_annotation(session: SessionDep, user: User, body: NewFile) -> Response:
    """Save an annotation project's file where Airflow reads it; its DAG is there once Airflow has (see readiness)."""
    file, _ = parse_annotation_document(body.text, "annotation.yaml")
    dag_id = annotation_of(file.name)
    if not may_save(user, dag_id, saving.team()):
        raise HTTPException(403, f"Forbidden: {file.name}: {NO_RIGHT_TO_SAVE}")
    check_annotation_sources(user, file)
    check_closed_annotation(file, body.text, "annotation.yaml")
    reason = saving.why_not()
    if reason:
        raise HTTPException(403, reason)
    known = file_known(model_of(session, dag_id))
    name, replaced = saving.save(file.name, body.text, replace=body.replace, known=known, kind="annotation")
    extra = json.dumps({"file": name, "replaced": replaced})
    session.add(noted("automl_save_annotation", str(user.get_name()), dag_id, extra))
    return reply({"annotation": file.name, "file": name, "replaced": replaced}, 201)


@router.get("/annotations/{name}/readiness", dependencies=[Depends(can_read_annotation)])
def get_annotation_readiness(user: User, name: AnnotationName) -> Response:
    """Whether Airflow has read an annotation project's file as it was saved last."""
    return reply(readiness(user, name, annotation_of(name), "annotation"))
