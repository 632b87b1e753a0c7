"""What can be done to an annotation project, by whom, and why not; who sees what stands in items."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from fastapi import Depends, HTTPException

from automl_airflow.closed import is_closed
from automl_airflow.compat.metadata import team_of
from automl_airflow.models.people import BadUserIds
from automl_airflow.web.access import (
    NO_RIGHT_TO_DOWNLOAD,
    User,
    annotation_of,
    can_read_annotation,
    may,
    may_download,
    may_save,
)
from automl_airflow.web.annotation_catalog import ProjectInfo
from automl_airflow.web.aside import PAGES
from automl_airflow.web.catalog import reading
from automl_airflow.web.held_projects import TheProject
from automl_airflow.web.model_standing import is_named, role_of
from automl_airflow.web.routes.experiments import source_of
from automl_core.annotation.file import AnnotationFile, parse_annotation_document
from automl_core.spec.errors import SpecError

log = logging.getLogger(__name__)

GONE = "its file is gone, so nobody is asked any more"

ELSEWHERE = {"files": "in files: export its tasks and import what comes back", "label-studio": "in Label Studio"}
"""Where people label who don't on our page, in words."""


@lru_cache(maxsize=64)
def _parsed(text: str, name: str) -> AnnotationFile | None:
    try:
        return parse_annotation_document(text, name)[0]
    except SpecError:  # its import error says so
        return None


def project_file(info: ProjectInfo, text: str | None) -> AnnotationFile | None:
    """The project's file as Airflow has read it last; None where it can't be read as one (any more)."""
    return _parsed(text, info.file or info.name) if text is not None else None


def text_of(info: ProjectInfo) -> str | None:
    """The text of the project's file as Airflow has read it last."""
    with reading() as session:
        return source_of(session, annotation_of(info.name))


def labellers(file: AnnotationFile | None, document: Mapping[str, Any]) -> tuple[Sequence[str] | None, str]:
    """Who labels (None: whoever may start runs), and where: by the file; else as the journal has it last."""
    if file is not None:
        return file.people.who, file.people.where
    people = document.get("people") or {}
    return people.get("who"), str(people.get("where", "page"))


def is_closed_project(file: AnnotationFile | None, document: Mapping[str, Any]) -> bool:
    """Whether items must not leave: by the file, by what the journal has, or by the whole deployment."""
    return bool((file is not None and file.closed) or document.get("closed")) or is_closed(None)


def sees_items(user: BaseUser, info: ProjectInfo, file: AnnotationFile | None, document: Mapping[str, Any]) -> bool:
    """Whether a user may see what stands in items."""
    return not is_closed_project(file, document) or may_download(user, annotation_of(info.name))


def why_not_person(user: BaseUser, info: ProjectInfo, who: Sequence[str] | None) -> str:
    """Why a user is none of those who label; empty where it is one of them."""
    dag_id = annotation_of(info.name)
    if who is None:
        allowed = may(user, "POST", DagAccessEntity.RUN, dag_id)
        return (
            "" if allowed else f"its file names nobody who labels, and you have not the right to start runs of {dag_id}"
        )
    try:
        if is_named(user, who) or role_of(user, who) is not None:
            return ""
    except BadUserIds as error:
        log.error("nobody who is named can label: %s", error)
        return "[automl] user_ids of this deployment can't be read, so nobody knows who is meant; its log has more"
    return f"people.who of its file names {', '.join(who)}"


def why_not_label(
    user: BaseUser, info: ProjectInfo, file: AnnotationFile | None, document: Mapping[str, Any]
) -> str:  # fmt: skip
    """Why a user can't label on the page as things stand; empty where they can."""
    who, where = labellers(file, document)
    refused = why_not_person(user, info, who)
    if refused:
        return refused
    if info.gone:
        return GONE
    if not sees_items(user, info, file, document):
        return NO_RIGHT_TO_DOWNLOAD
    return f"people label {ELSEWHERE[where]} (people.where)" if where in ELSEWHERE else ""


def standing(
    user: BaseUser, info: ProjectInfo, file: AnnotationFile | None, document: Mapping[str, Any]
) -> tuple[dict[str, bool], dict[str, str]]:
    """Acts → whether this user may do them; for those that they may not, why."""
    why = why_not_label(user, info, file, document)
    can = {"label": not why, "edit_file": _may_edit(user, info)}
    return can, {"label": why} if why else {}


def _may_edit(user: BaseUser, info: ProjectInfo) -> bool:
    dag_id = annotation_of(info.name)
    return not info.gone and may_save(user, dag_id, team_of(dag_id))


async def can_label(info: TheProject, user: User) -> None:
    """Demand what labelling needs: to be one of ``people.who``, or without it the right to start runs of the DAG.

    In a closed environment who labels sees data, so the right to those is demanded too.
    """

    def refused() -> str:
        file = project_file(info, text_of(info))
        if file is None:
            return f"{info.name}: its file can't be read, so nobody knows who labels"
        why = why_not_person(user, info, file.people.who)
        return why or ("" if sees_items(user, info, file, {}) else NO_RIGHT_TO_DOWNLOAD)

    why = await PAGES.call(refused)
    if why:
        raise HTTPException(403, f"Forbidden: {info.name}: {why}")


CAN_READ = Depends(can_read_annotation)
CAN_LABEL = Depends(can_label)
