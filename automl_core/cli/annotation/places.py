"""From what a person types (a name, a file, an address) to an annotation project and where it lies."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_core.cli.places import UserError, file_or_address, files_of, home, open_output

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Person, Project

Target = Annotated[
    str,
    typer.Argument(
        metavar="PROJECT", show_default=False,
        help="Project's name or file, or its folder's address: s3://bucket/runs/_annotation/intents.",
    ),
]  # fmt: skip
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who you are; the user of this machine if not given.")
]


@dataclass(frozen=True, slots=True)
class Known:
    """A project that somebody named.

    Attributes:
        name: of the project.
        file: as it was read; None where an address was given.
        storage: the storage path where an address was given instead of a file.
    """

    name: str
    file: AnnotationFile | None = None
    storage: str = ""


def find_project(target: str) -> Known:
    """The project that is meant.

    Args:
        target: its file, its name, or the address of its folder.

    Raises:
        SpecError: its file is wrong.
        UserError: nobody knows it here.
    """
    from automl_core.annotation.file import load_annotation_file
    from automl_core.annotation.project import ANNOTATION
    from automl_core.spec import kinds

    found = file_or_address(target, kinds.ANNOTATION, ANNOTATION)
    if isinstance(found, Path):
        file = load_annotation_file(found)  # which says what is wrong, a missing file among it
        return Known(file.name, file)
    if found is None:
        raise UserError(_unknown(target))
    return Known(found[1], storage=found[0])


def open_project(known: Known) -> Project:
    """A project's journal, read.

    Raises:
        UserError: the keys are those of an Airflow connection, and the environment has none; or nothing is there.
        StorageError: it can't be opened.
    """
    from automl_core.annotation.project import Project
    from automl_core.storage import open_store

    if known.file is not None:
        store = open_output(known.file.output.storage, known.file.output.connection)
    else:
        store = open_store(known.storage)
    project = Project.open(store, known.name)
    if not project.state.seq and known.file is None:
        raise UserError(f"{store.url} has no annotation project {known.name}")
    return project


def person(by: str | None) -> Person:
    """Who acts: who is named, else the user of this machine.

    Raises:
        UserError: nobody is named, and this machine has no name for its user.
    """
    from automl_core.annotation.project import Person

    try:
        return Person(by or getpass.getuser(), "cli")
    except (KeyError, OSError):
        raise UserError("this machine has no name for its user: say who you are with --by NAME") from None


def _unknown(target: str) -> str:
    from automl_core.spec.errors import did_you_mean
    from automl_core.spec.kinds import ANNOTATION

    names = [name for name, _ in files_of(ANNOTATION, home())]
    folder = home() / "experiments"
    listed = f"Projects in {folder}: {', '.join(names)}." if names else f"No annotation project's file in {folder}."
    return f"{target}: no such annotation project here. {listed} {did_you_mean(target, names)}".rstrip()
