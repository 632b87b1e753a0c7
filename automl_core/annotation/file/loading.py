"""Reading annotation projects' files."""

from __future__ import annotations

from pathlib import Path

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.validation import validate
from automl_core.spec.errors import SpecError
from automl_core.spec.kinds import ANNOTATION, KEY, kind_of, kind_problem
from automl_core.spec.loader import first, locate, read_text
from automl_core.spec.sizes import PROBLEMS
from automl_core.spec.yaml_reader import Document, read_yaml


def load_annotation_file(path: str | Path) -> AnnotationFile:
    """Read and check an annotation project's file.

    Args:
        path: a YAML file of at most 1 MiB, in UTF-8.

    Raises:
        SpecError: the file can't be read, or anything in it is wrong; it holds all problems.
    """
    return parse_annotation_document(read_text(path), str(path))[0]


def parse_annotation_document(text: str, source: str) -> tuple[AnnotationFile, Document]:
    """Check the text of an annotation project's file.

    Args:
        text: YAML.
        source: what to call it in errors, such as the file's path.

    Returns:
        The file, and the document that knows on which line everything stands.

    Raises:
        SpecError: anything in it is wrong; it holds all problems.
    """
    document = read_yaml(text, source)
    problems = list(document.problems)
    if len(problems) > PROBLEMS:
        raise SpecError(first(problems))
    file = None
    if not document.fatal:
        data = document.data
        kind = kind_of(data)
        if kind != ANNOTATION and isinstance(data, dict) and (KEY in data or "goal" in data):
            raise SpecError([document.located(kind_problem(kind, ANNOTATION))])
        file, more = validate(data)
        seen = {problem.path for problem in problems}
        problems += locate([problem for problem in more if problem.path not in seen][: 2 * PROBLEMS], document)
    if problems or file is None:
        raise SpecError(first(problems))
    return file, document
