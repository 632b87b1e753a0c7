"""What the API server holds of annotation projects, for pages and for acts (`automl_airflow.web.held_journals`)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import ValidationError

from automl_airflow.web.access import AnnotationName
from automl_airflow.web.annotation_catalog import ProjectInfo, find_project
from automl_airflow.web.annotation_views import Sums, at_a_glance
from automl_airflow.web.catalog import Place, reading
from automl_airflow.web.held_journals import HeldJournal, HeldJournals
from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.items import HeldParts
from automl_core.annotation.project import Project, ProjectState
from automl_core.journal import ReadAhead
from automl_core.storage.base import ObjectStore

CAPACITY = 32
"""Projects held at most."""

MOST_ITEMS = 1_000_000
"""Items of all projects that are held, about: ids, keys and labels of each take 0.75 KB."""

_ITEMS = HeldParts()
"""What stands in the items that were looked at lately, of all projects together."""


class HeldProject(HeldJournal[Project, ProjectState]):
    """One project, and the answers made of it."""

    def __init__(self, store: ObjectStore, acts: Project, ahead: ReadAhead, place: Place) -> None:
        super().__init__(store, acts, ahead, place)
        self._sums = Sums()
        self._glance: dict[str, Any] = {"seq": -1}
        self._recorded: tuple[dict[str, Any], AnnotationFile | None] = ({}, None)

    def at_a_glance(self) -> dict[str, Any]:
        """How it stands, whoever asks; made once for every state of it. To be read, not changed.

        Raises:
            Unanswered: somebody writes into the store meanwhile, and it doesn't answer.
        """

        def build(state: ProjectState) -> dict[str, Any]:
            if self._glance["seq"] != state.seq:
                self._glance = at_a_glance(state, self._sums.take(state.votes))
            return self._glance

        return self.use(build)

    def recorded(self, state: ProjectState) -> AnnotationFile | None:
        """The project's file as its journal has it, by which labels are judged; None before the first run.

        To be called with `lock` held.
        """
        if self._recorded[0] is not state.document:
            try:
                self._recorded = (state.document, AnnotationFile.model_validate(state.document))
            except ValidationError:  # of another release: what Airflow has read is taken
                self._recorded = (state.document, None)
        return self._recorded[1]


def _open(store: ObjectStore, ahead: ReadAhead, project: ProjectInfo) -> HeldProject:
    return HeldProject(store, Project.open(ahead, project.name, held=_ITEMS), ahead, project.place)


held_projects: HeldJournals[ProjectInfo, HeldProject] = HeldJournals(
    "annotation project", _open, CAPACITY, weigh=lambda held: held.acts.state.count, most=MOST_ITEMS
)  # fmt: skip
"""Those of this process."""


def read_project(project: ProjectInfo, seq: int = 0, *, newest: bool = False) -> HeldProject:
    """A project, no older than a record, or the newest there is; in a thread of its store."""
    return held_projects.read(project, seq, newest=newest)


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
