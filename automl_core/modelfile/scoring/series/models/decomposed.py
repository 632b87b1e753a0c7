"""Several or long seasons taken out first, and a model of what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Floats, Ints, Local


class Decomposed(Local):
    """A local model of the series less its seasons (MSTL: Bandara, Hyndman & Bergmeir 2021).

    Document::

        {"type": "decomposed",
         "seasonal_24": (k, 24), "seasonal_168": (k, 168), …,      one for each length; oldest first: the first is next
         "inner": {"type": "ets", …}}                              of what is left; without ``series``

    The seasons' shapes stay as fitted: the last one is repeated, as MSTL's forecast is.
    """

    COLUMNS: Mapping[str, int] = {}
    STATES: tuple[str, ...] = ()

    def __init__(self, document: Mapping[str, Any]) -> None:
        from . import local_of

        names = sorted(name for name in document if name.startswith("seasonal_"))
        self.COLUMNS = dict.fromkeys(names, 1)
        self.STATES = tuple(names)
        super().__init__(document)
        self.inner = local_of(document["inner"])
        if not names or self.inner.count != self.count:
            raise ValueError("decomposed: there is no season, or the inner model has another number of series")

    def forecast(self, rows: Ints, horizon: int) -> Floats:
        """What the inner model says, and the seasons."""
        found = self.inner.forecast(rows, horizon)
        for column in self.columns.values():
            found = found + column[rows][:, np.arange(horizon) % column.shape[1]]
        return found

    def step(self, rows: Ints, values: Floats) -> None:
        """The inner model goes on by the value less the seasons."""
        left = values
        for name in self.STATES:
            column = self.columns[name]
            left = left - column[rows, 0]
            column[rows] = np.roll(column[rows], -1, axis=1)
        self.inner.step(rows, left)

    def as_document(self) -> dict[str, Any]:
        """The document, and the inner model's, with the states as they are now."""
        return super().as_document() | {"inner": self.inner.as_document()}
