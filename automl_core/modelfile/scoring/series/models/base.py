"""What a model with a state a series is: a forecast from the state, and a step onward by a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Local(ABC):
    """Series of one form, side by side.

    Attributes:
        COLUMNS: names of the document's columns → how many dimensions a series' part has (0: a number).
        STATES: those of them that `step` changes.
        columns: name → (k, …) array; a copy of the document's.
        count: k.
    """

    COLUMNS: Mapping[str, int]
    STATES: tuple[str, ...]

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Make one.

        Raises:
            ValueError: a column is not there, or has another shape than the others say.
        """
        self.document = document
        self.columns: dict[str, Floats] = {}
        self.count = -1
        for name, dimensions in self.COLUMNS.items():
            if name not in document:
                raise ValueError(f"the document of {document.get('type')!r} has no {name!r}")
            array = np.array(document[name], dtype=np.float64)
            if self.count < 0 and array.ndim:
                self.count = len(array)
            if array.ndim != dimensions + 1 or len(array) != self.count:
                raise ValueError(f"{name!r} of {document.get('type')!r} has the shape {array.shape}")
            self.columns[name] = array

    @abstractmethod
    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """(len(rows), H) what comes after the last step.

        Args:
            rows: of the columns.
            horizon: steps ahead, at least 1.
        """

    @abstractmethod
    def step(self, rows: Ints, values: Floats) -> None:
        """Go on by one value each.

        Args:
            rows: of the columns, each at most once.
            values: (len(rows),) what came; NaN: it is not known, and the model's own forecast stands for it.
        """

    def filled(self, rows: Ints, values: Floats) -> Floats:
        """Values, with the model's own forecast where one is not known."""
        gaps = np.isnan(values)
        if not gaps.any():
            return values
        return np.where(gaps, self.forecast(rows, 1)[:, 0], values)

    def as_document(self) -> dict[str, Any]:
        """The document with the states as they are now."""
        return dict(self.document) | {name: self.columns[name].copy() for name in self.STATES}
