"""From an annotation project's file, or from what a task was given of it, to the project's journal."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from automl_airflow.teams import ConnectionName

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project
    from automl_core.storage.base import ObjectStore


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """Where an annotation project lies.

    Attributes:
        storage: its model storage path.
        connection: by which that is reached; as a team has it, where a team is named.
        annotation: its name.
    """

    storage: str
    connection: ConnectionName
    annotation: str

    def arguments(self) -> dict[str, Any]:
        """The place as arguments of an operator or a trigger."""
        return asdict(self)


def place_of(file: AnnotationFile) -> ProjectPlace:
    """Where the project of a file lies."""
    return ProjectPlace(file.output.storage, file.output.connection, file.name)


def open_project(place: ProjectPlace, *, store: ObjectStore | None = None) -> Project:
    """An annotation project, to be read and acted on by one thread.

    Args:
        place: where it lies.
        store: the store, where it is open already.

    Raises:
        StorageError: the store can't be opened, or is not on the list of a closed environment.
        AirflowNotFoundException: there is no such connection.
    """
    from automl_airflow import session
    from automl_core.annotation.project import Project

    opened = store or session.open_experiment_store(place.storage, place.connection)
    return Project.open(opened, place.annotation)
