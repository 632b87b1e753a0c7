"""Boosted trees over lags, one forest for all series: what training learned, on the features that training had.

The recipe of the features, and what is done with them, is `features` (the one code of training and scoring)::

    Recipe(document)              of "recipe"
    .reach -> int                 how many last values a forecast needs; the model keeps as many of each series
    .forecast(history, horizon, *, last, grid, known, codes, margin) -> (k, H)

    history: (k, L) float64       last values of k series, the last column is slot `last`; L >= reach, NaN where there
                                  is none (missing, or before the first)
    last: (k,) int64              slot of the last column
    grid: Grid                    clock and calendar of slots (grid.local, calendar.field)
    known: (k, H, c) float64      the known columns at the H steps ahead, in the order of the model's "known"
    codes: (k,) int64             place of each series among those of training, -1: a new one
    margin: Callable[[(n, F)], (n,)]   the forest; asked step by step (recursive) or once (direct), as the recipe says

What the recipe does to the target (differences, a scale, a logarithm) it undoes in `forecast`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...calendars.grid import Grid
from ...matrix import Matrix
from ...models.trees import Trees

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class SeriesTrees:
    """A forest over lags.

    Document::

        {"type": "trees",
         "recipe": {…},                    features.Recipe
         "forest": {"type": "trees", …},   scoring.models.trees: what an exporter of `modelfile.exporting` makes
         "link": "identity" | "exp"}       what makes a value of the forest's margin

    It forecasts every series, known to training or not.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        from ..features import Recipe

        self.document = document
        self.recipe = Recipe(document["recipe"])
        self.forest = Trees(document["forest"])
        self.link = str(document.get("link", "identity"))
        if self.link not in ("identity", "exp"):
            raise ValueError(f"trees: there is no link {self.link!r} (known: identity, exp)")

    @property
    def reach(self) -> int:
        """Last values that a forecast needs."""
        return int(self.recipe.reach)

    def margin(self, features: Floats) -> Floats:
        """(n,) what the forest says of (n, F) features."""
        names = [str(each) for each in range(features.shape[1])]
        found = self.forest.margin(Matrix.of(features, names))[:, 0]
        return np.exp(found) if self.link == "exp" else found

    def forecast(
        self, history: Floats, horizon: int, *, last: Ints, grid: Grid, known: Floats, codes: Ints
    ) -> Floats:  # fmt: skip
        """(k, H) forecasts; see above."""
        found = self.recipe.forecast(
            history, horizon, last=last, grid=grid, known=known, codes=codes, margin=self.margin
        )
        return np.asarray(found, dtype=np.float64)
