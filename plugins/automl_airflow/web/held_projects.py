"""What the API server holds of annotation projects, for pages and for acts (`automl_airflow.web.held_journals`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from automl_airflow.web.access import AnnotationName
from automl_airflow.web.annotation_catalog import ProjectInfo, find_project
from automl_airflow.web.catalog import reading
from automl_airflow.web.held_journals import HeldJournal, HeldJournals
from automl_core.annotation.project import Project, ProjectState
from automl_core.journal import ReadAhead
from automl_core.storage.base import ObjectStore

HeldProject = HeldJournal[Project, ProjectState]


def _open(store: ObjectStore, ahead: ReadAhead, project: ProjectInfo) -> HeldProject:
    return HeldProject(store, Project.open(ahead, project.name), ahead, project.place)


held_projects: HeldJournals[ProjectInfo, HeldProject] = HeldJournals("annotation project", _open)
"""Those of this process."""


def the_project(name: AnnotationName) -> ProjectInfo:
    """The annotation project that a path names, 404 where there is none."""
    with reading() as session:
        return find_project(session, name)


TheProject = Annotated[ProjectInfo, Depends(the_project)]

Seq = Annotated[int, Query(ge=0, description="Answer with a state no older than this record of the journal.")]


async def the_held_project(request: Request, info: TheProject, seq: Seq = 0) -> HeldProject:
    """The project that a path names, up to date; as it was, and marked so, where its store hangs."""
    return await held_projects.shown(request, info, seq)


async def the_fresh_project(info: TheProject) -> HeldProject:
    """The same for what needs the store itself, and for acts: an answer of a while ago would not do."""
    return await held_projects.fresh(info)


Held = Annotated[HeldProject, Depends(the_held_project)]
Fresh = Annotated[HeldProject, Depends(the_fresh_project)]
