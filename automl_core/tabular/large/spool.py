"""A matrix on disk that LightGBM reads in slices: it keeps bins of one byte, and never the numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Spool:
    """Rows of float64, appended, then read at any place by plain reads (mapped pages would count as memory)."""

    def __init__(self, path: Path, columns: int) -> None:
        self.path, self.columns, self.rows = path, columns, 0
        self._file = path.open("wb")

    def append(self, values: Floats) -> None:
        """Add rows.

        Args:
            values: (n, columns).
        """
        self._file.write(np.ascontiguousarray(values, dtype=np.float64).tobytes())
        self.rows += len(values)

    def finish(self) -> None:
        """No more rows come."""
        self._file.close()
        self._reader = os.open(self.path, os.O_RDONLY)

    def close(self) -> None:
        """Give the disk back."""
        if hasattr(self, "_reader"):
            os.close(self._reader)
        if not self._file.closed:
            self._file.close()
        self.path.unlink(missing_ok=True)

    def slice(self, start: int, stop: int) -> Floats:
        """Rows from one place to another."""
        width = 8 * self.columns
        wanted, offset, parts = (stop - start) * width, start * width, []
        while wanted > 0:
            part = os.pread(self._reader, wanted, offset)
            if not part:
                raise OSError(f"{self.path}: {wanted} bytes are missing at its end")
            parts.append(part)
            wanted, offset = wanted - len(part), offset + len(part)
        return np.frombuffer(b"".join(parts), dtype=np.float64).reshape(stop - start, self.columns)


def sequence(spool: Spool, library: Any) -> Any:
    """The rows as LightGBM's `Sequence`.

    Args:
        spool: finished.
        library: the package ``lightgbm``.
    """

    class Rows(library.Sequence):  # type: ignore[misc]
        batch_size = 65_536

        def __getitem__(self, index: Any) -> Floats:
            if isinstance(index, slice):
                start, stop, step = index.indices(len(self))
                return spool.slice(start, stop)[::step]
            if isinstance(index, list):
                return np.concatenate([spool.slice(each, each + 1) for each in index])
            return np.asarray(spool.slice(int(index), int(index) + 1)[0], dtype=np.float64)

        def __len__(self) -> int:
            return spool.rows

    return Rows()
