"""Reading models' files."""

from __future__ import annotations

from pathlib import Path

from automl_core.models.file.model import ModelFile
from automl_core.models.file.validation import validate
from automl_core.spec.kinds import MODEL
from automl_core.spec.loader import parse_other, read_text
from automl_core.spec.yaml_reader import Document


def load_model_file(path: str | Path) -> ModelFile:
    """Read and check a model's file.

    Args:
        path: a YAML file of at most 1 MiB, in UTF-8.

    Raises:
        SpecError: the file can't be read, or anything in it is wrong; it holds all problems.
    """
    return parse_model_document(read_text(path), str(path))[0]


def parse_model_document(text: str, source: str) -> tuple[ModelFile, Document]:
    """Check the text of a model's file.

    Args:
        text: YAML.
        source: what to call it in errors, such as the file's path.

    Returns:
        The file, and the document that knows on which line everything stands.

    Raises:
        SpecError: anything in it is wrong; it holds all problems.
    """
    return parse_other(text, source, MODEL, validate)
