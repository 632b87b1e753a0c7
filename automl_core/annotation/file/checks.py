"""All that can be said of an annotation project's file without Airflow: what is wrong, whose name it has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.beside import warnings_beside
from automl_core.annotation.file.loading import parse_annotation_document
from automl_core.annotation.file.warnings import warnings_of
from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.kinds import ANNOTATION
from automl_core.spec.loader import locate, read_text
from automl_core.spec.names import name_taken, taken_message
from automl_core.spec.yaml_reader import Document


@dataclass(frozen=True, slots=True)
class ExaminedAnnotation:
    """A file in which nothing is wrong, and what in it may be a slip or is worth knowing, each with its line."""

    file: AnnotationFile
    warnings: tuple[Problem, ...]


def examine_annotation_file(path: Path, bundle: Path | None = None) -> ExaminedAnnotation:
    """Read an annotation project's file and check all of it, and what lies beside it.

    Args:
        path: of the file.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: anything is wrong; it holds all problems, each with its line.
    """
    file, document = parse_annotation_document(read_text(path), str(path))
    check_place(file, document, path, bundle)
    return ExaminedAnnotation(file, _located([*warnings_of(file), *warnings_beside(file, path, bundle)], document))


def examine_annotation_text(text: str, source: str) -> ExaminedAnnotation:
    """The same of a text that lies nowhere yet.

    Args:
        text: YAML.
        source: what to call it in problems.

    Raises:
        SpecError: anything is wrong; it holds all problems, each with its line.
    """
    file, document = parse_annotation_document(text, source)
    return ExaminedAnnotation(file, _located(warnings_of(file), document))


def check_place(file: AnnotationFile, document: Document, path: Path, bundle: Path | None = None) -> None:
    """See that nobody before has a project's name.

    Args:
        file: a valid one.
        document: that it was read from.
        path: where it lies.
        bundle: root of the DAG bundle that it lies in, where that is known.

    Raises:
        SpecError: it is taken.
    """
    other = name_taken(path, file.name, bundle, ANNOTATION)
    if other is not None:
        message = taken_message(other, path, file.name, bundle, ANNOTATION)
        raise SpecError(locate([Problem(message, ("name",))], document))


def name_problem(path: Path, name: str, other: Path) -> Problem:
    """What to say of a valid file of a project whose name another file has already."""
    document = parse_annotation_document(read_text(path), str(path))[1]
    return document.located(Problem(taken_message(other, path, name, kind=ANNOTATION), ("name",)))


def _located(warnings: list[Problem], document: Document) -> tuple[Problem, ...]:
    return tuple(sorted(locate(warnings, document), key=lambda problem: problem.line or 0))
