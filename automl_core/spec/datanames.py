"""The names that data sets and columns have in ``${…}`` and in the environment of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DATA, COLUMNS = "data.", "columns."
"""How the names of data sets and of roles of columns begin in ``${…}``."""

TABLES = "AUTOML_TABLES"
"""The variable that tells a training which files of its machine have the rows of tables of MaxCompute: JSON."""


def input_names(data: Any, columns: Any) -> list[str]:
    """Names that ``${…}`` has by an experiment's data sets and columns.

    Args:
        data: what stands under ``data:``, checked or not.
        columns: what stands under ``columns:``, checked or not.
    """
    groups = ((DATA, data), (COLUMNS, columns))
    return [f"{prefix}{name}" for prefix, group in groups if isinstance(group, Mapping) for name in group]


def variable_of(name: str) -> str:
    """The environment variable that has the place of a data set: ``AUTOML_DATA_TRAIN``."""
    return f"AUTOML_DATA_{name.upper()}"
