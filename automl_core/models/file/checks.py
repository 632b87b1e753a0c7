"""All that can be said of a model's file without Airflow: what is wrong, what lies beside it, whose name it has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from automl_core.models.file.beside import problems_beside
from automl_core.models.file.loading import parse_model_document
from automl_core.models.file.model import ModelFile
from automl_core.models.file.warnings import warnings_of
from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.kinds import MODEL
from automl_core.spec.loader import locate, read_text
from automl_core.spec.names import name_taken, taken_message
from automl_core.spec.yaml_reader import Document


@dataclass(frozen=True, slots=True)
class ExaminedModel:
    """A file in which nothing is wrong, and what in it may be a slip or is worth knowing, each with its line."""

    file: ModelFile
    warnings: tuple[Problem, ...]


def examine_model_file(path: Path, bundle: Path | None = None) -> ExaminedModel:
    """Read a model's file and check all of it, and what lies beside it.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: anything is wrong; it holds all problems, each with its line.
    """
    file, document = parse_model_document(read_text(path), str(path))
    check_place(file, document, path, bundle)
    return ExaminedModel(file, _warnings(file, document))


def examine_model_text(text: str, source: str) -> ExaminedModel:
    """The same of a text that lies nowhere yet.

    Args:
        text: YAML.
        source: what to call it in problems.

    Raises:
        SpecError: anything is wrong; it holds all problems, each with its line.
    """
    file, document = parse_model_document(text, source)
    return ExaminedModel(file, _warnings(file, document))


def check_place(file: ModelFile, document: Document, path: Path, bundle: Path | None = None) -> None:
    """See that nobody before has a model's name, and that what lies beside its file is there.

    Args:
        file: a valid one.
        document: that it was read from.
        path: where it lies.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: a name is taken, or something is not there or wrong.
    """
    other = name_taken(path, file.name, bundle, MODEL)
    if other is not None:
        message = taken_message(other, path, file.name, bundle, MODEL)
        raise SpecError(locate([Problem(message, ("name",))], document))
    problems = locate(list(problems_beside(file, path)), document)
    if problems:
        raise SpecError(problems)


def name_problem(path: Path, name: str, other: Path) -> Problem:
    """What to say of a valid file of a model whose name another file has already."""
    document = parse_model_document(read_text(path), str(path))[1]
    return document.located(Problem(taken_message(other, path, name, kind=MODEL), ("name",)))


def _warnings(file: ModelFile, document: Document) -> tuple[Problem, ...]:
    return tuple(sorted(locate(warnings_of(file), document), key=lambda problem: problem.line or 0))
