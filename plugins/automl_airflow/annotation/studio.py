"""Label Studio by an Airflow connection: tasks sent there, labels taken from there. Blocks; never in an event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from automl_airflow.annotation.opening import ProjectPlace, open_project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.label_studio.studio import Studio
    from automl_core.annotation.project import Project


@contextmanager
def studio_of(file: AnnotationFile) -> Iterator[Studio]:
    """The Label Studio of a project's file, with the token of its connection.

    Args:
        file: with ``label_studio``.

    Raises:
        AirflowNotFoundException: there is no such connection.
        StudioError: its address or its token can't be used.
    """
    from airflow.sdk import Connection

    from automl_airflow.webhook import address_of
    from automl_core.annotation.label_studio.studio import Studio

    assert file.label_studio is not None
    found = Connection.get(file.label_studio.connection)
    with Studio(address_of(found), found.password or "") as studio:
        yield studio


def send_to_studio(file: AnnotationFile, project: Project, batch: int, say: Callable[[str], None]) -> None:
    """Have the tasks of a batch stand in Label Studio once each, however often this is called.

    Args:
        file: the project's.
        project: read just now.
        batch: number of what was sent.
        say: is told what came of it.
    """
    with studio_of(file) as studio:
        for line in studio.sync(project, file, batch).lines():
            say(line)


def collect_from_studio(place: ProjectPlace, document: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Take what people have said there into the journal; the same again adds nothing.

    Args:
        place: where the project lies.
        document: its file as plain JSON.
        say: is told what is new or could not be taken.
    """
    from automl_core.annotation.file import AnnotationFile

    file = AnnotationFile.model_validate(document)
    project = open_project(place)
    with studio_of(file) as studio:
        for line in studio.collect(project, file).lines():
            say(line)
