"""What `prepare` has left, kept in the memory of a process from which trials are forked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from automl_core.training.problems import TrainingError

T = TypeVar("T")

FILE = "prepared.json"
"""By whose path, time and size one result is told from another."""


VARIABLE = "AUTOML_PREPARED_DIR"


def prepared_folder() -> Path:
    """The folder that `prepare` has left.

    Raises:
        TrainingError: it is not named.
    """
    found = os.environ.get(VARIABLE)
    if not found:
        raise TrainingError(f"{VARIABLE} is missing: the folder that the stage prepare has left")
    return Path(found)


class Kept(Generic[T]):
    """The result that was asked for last, and how one is read."""

    def __init__(self, read: Callable[[Path], T]) -> None:
        """Nothing is read yet.

        Args:
            read: reads what lies in a folder, or says what is wrong with it.
        """
        self._read = read
        self.held: dict[tuple[str, int, int], T] = {}

    def load(self, folder: Path) -> T:
        """What lies in a folder; of a process that has it in memory already, that.

        Raises:
            TrainingError: there is none.
        """
        file = folder / FILE
        try:
            found = file.stat()
        except OSError:
            return self._read(folder)  # which says what is wrong
        key = (str(file), found.st_mtime_ns, found.st_size)
        if key not in self.held:
            fresh = self._read(folder)
            self.held.clear()
            self.held[key] = fresh
        return self.held[key]

    def before_fork(self, environ: Mapping[str, str]) -> None:
        """Have that of a run in memory, for all trials that are forked from here."""
        folder = environ.get(VARIABLE)
        if folder:
            self.load(Path(folder))
