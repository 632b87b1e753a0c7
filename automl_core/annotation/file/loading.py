"""Reading annotation projects' files."""

from __future__ import annotations

from pathlib import Path

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.annotation.file.validation import validate
from automl_core.spec.kinds import ANNOTATION
from automl_core.spec.loader import parse_other, read_text
from automl_core.spec.yaml_reader import Document


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
    return parse_other(text, source, ANNOTATION, validate)
