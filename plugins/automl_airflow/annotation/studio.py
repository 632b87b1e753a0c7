"""Label Studio by an Airflow connection: tasks sent there, labels taken from there. Blocks; never in an event loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from automl_airflow.annotation.opening import ProjectPlace, open_project

TOLD = 10
"""Annotations that give no label, told one by one in a look."""

if TYPE_CHECKING:
    from collections.abc import Iterator

    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.label_studio.studio import Studio
    from automl_core.annotation.label_studio.tasks import Prediction
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


def send_to_studio(
    file: AnnotationFile, project: Project, batch: int, say: Callable[[str], None], predicted: str | None = None
) -> None:
    """Have the tasks of a batch stand in Label Studio once each, however often this is called.

    Args:
        file: the project's.
        project: read just now.
        batch: number of what was sent.
        say: is told what came of it.
        predicted: key of what models say of the items, where they say anything.
    """
    with studio_of(file) as studio:
        done = studio.sync(project, file, batch, guesses(project, batch, predicted))
    say(str(done))
    for note in done.notes:
        say(note)


def guesses(project: Project, batch: int, predicted: str | None) -> dict[str, Prediction]:
    """Item → what the first model that says something of it thinks; nothing of a model that had learned from it.

    Args:
        project: read just now.
        batch: number of what was sent.
        predicted: key of what models say; None where they say nothing.
    """
    if predicted is None:
        return {}
    from automl_core.annotation.label_studio.tasks import Prediction
    from automl_core.annotation.rounds import predictions as kept

    said = kept.read(project.store, predicted)
    usable, found = said.usable(), {}
    for number in project.state.batches[batch].items:
        row = said.rows.get(number)
        model = next((place for place in range(len(said.models)) if row is not None and usable[place, row]), None)
        if row is None or model is None:
            continue
        line = said.outputs[model, row]
        best = int(line.argmax())
        name = str(said.models[model]["name"])
        found[project.catalog.id_of(number)] = Prediction(said.classes[best], round(float(line[best]), 4), name)
    return found


def collect_from_studio(
    place: ProjectPlace, document: Mapping[str, Any], say: Callable[[str], None], since: float | None = None
) -> float | None:
    """Take what people have said there into the journal; the same again adds nothing.

    Args:
        place: where the project lies.
        document: its file as plain JSON.
        say: is told what is new or could not be taken.
        since: what the look before has returned: only what has changed is read. None: all is.

    Returns:
        For the next look.
    """
    from automl_core.annotation.file import AnnotationFile

    file = AnnotationFile.model_validate(document)
    project = open_project(place)
    with studio_of(file) as studio:
        done = studio.collect(project, file, since=since)
    if done.labelled.new or done.labelled.changed:
        say(f"Label Studio: {done}")
    for line in (*done.problems[:TOLD], *done.notes):
        say(line)
    if len(done.problems) > TOLD:
        say(f"{len(done.problems) - TOLD} more such annotations")
    return done.until
