"""Data sets: where they lie, what they were when a run began, and how a training reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.data.reading import read_table

__all__ = ["read_table"]


def __getattr__(name: str) -> Any:
    """``automl_core.data.read_table``, loaded when a training asks for it: it needs pyarrow."""
    if name == "read_table":
        from automl_core.data.reading import read_table

        return read_table
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
