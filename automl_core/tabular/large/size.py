"""Whether a table fits into memory, by what its files say of it: decided before a row is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automl_core.tabular.large.pieces import NotInPieces, Pieces
from automl_core.tabular.memory import SHARE, available
from automl_core.training.problems import TrainingError

FACTOR = 5
"""Copies of a table that a search in memory holds at its peak: as read, as frame, as matrix, of a fold, as bins."""


@dataclass(frozen=True)
class Size:
    """How large a table is.

    Attributes:
        rows: in all; of csv an estimate.
        columns: in all.
        bytes: that its values take in memory, once.
        exact: whether the rows were counted.
    """

    rows: int
    columns: int
    bytes: int
    exact: bool = True

    @property
    def needed(self) -> int:
        """Bytes that a search in memory would take."""
        return FACTOR * self.bytes

    def fits(self, limit: int | None = None) -> bool:
        """Whether a search in memory is possible.

        Args:
            limit: bytes that may be used; None: most of what is free.
        """
        return self.needed <= (limit if limit is not None else int(available() * SHARE))

    def __str__(self) -> str:
        """For people."""
        return f"{'' if self.exact else 'about '}{self.rows:,} rows × {self.columns} columns"


def estimate(source: Any) -> Size | None:
    """How large the table of a place is; None where that can't be known without reading it whole.

    Args:
        source: as for `automl_core.tabular.fit`.
    """
    try:
        pieces = Pieces.of(source)
    except NotInPieces:
        return None
    import pyarrow as pa

    try:
        rows, exact = pieces.rows()
        schema = pieces.schema()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, TrainingError):
        return None  # who reads it whole says what is wrong with it
    # texts take their bytes and four of each code; of the length of texts the files' size is a bound that is too low
    width = sum(16 if pa.types.is_string(one.type) or pa.types.is_large_string(one.type) else 8 for one in schema)
    return Size(rows, len(schema.names), max(rows * width, 0), exact)
