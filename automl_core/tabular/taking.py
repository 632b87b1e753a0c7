"""A table as a user gives it, taken in: a file, a frame or columns; and its columns by a schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automl_core.modelfile.scoring.sources import Source, source_of
from automl_core.modelfile.scoring.values import Frame, Schema, SchemaError
from automl_core.training.problems import TrainingError


def table_of(source: Any) -> Source:
    """The table that was given.

    Args:
        source: a path, or what `source_of` takes.

    Raises:
        TrainingError: it can't be read, or has no row.
    """
    if isinstance(source, str | Path):
        from automl_core.data.access import DataError
        from automl_core.data.reading import read_table

        try:
            source = read_table(source)
        except DataError as error:
            raise TrainingError(str(error)) from None
    try:
        found = source_of(source)
    except ValueError as error:
        raise TrainingError(f"data: {error}") from None
    if found.rows == 0:
        raise TrainingError("data: there is no row")
    return found


def frame_of(schema: Schema, table: Source, role: str = "data") -> Frame:
    """A table's columns, as a schema reads them.

    Args:
        schema: which columns, and of what kinds.
        table: where they are.
        role: what the table is, for the error.

    Raises:
        TrainingError: a column is not there, or not of its kind.
    """
    try:
        found = schema.read(table)
    except SchemaError as error:
        raise TrainingError(f"{role}: {error}") from None
    return Frame(table.rows, found.columns)
