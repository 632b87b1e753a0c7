"""What a transformer is, and how a list of them learns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.features import State, Work, step
from automl_core.modelfile.scoring.matrix import Matrix

Floats = NDArray[np.float64]


@dataclass
class Rows:
    """The rows to learn from, as far as they are transformed.

    Attributes:
        work: the table.
        matrix: what steps before have made of it.
        y: (n,) positions of classes, or numbers.
        weights: (n,) all above 0: rows of weight 0 teach nothing, and are not among these.
        classes: how many there are; 0 for numbers.
        seed: decides all that is drawn.
    """

    work: Work
    matrix: Matrix
    y: NDArray[Any]
    weights: Floats
    classes: int
    seed: int

    @property
    def targets(self) -> Floats:
        """(n, k): what is to be explained, a column for each class of several, else one."""
        if self.classes > 2:
            return np.asarray(self.y[:, None] == np.arange(self.classes)[None, :], dtype=np.float64)
        return np.asarray(self.y, dtype=np.float64)[:, None]

    def rng(self, name: str) -> np.random.Generator:
        """Random numbers of one transformer's own: what others draw changes nothing here."""
        return np.random.default_rng([self.seed, *name.encode()])


class Transformer(ABC):
    """Learns a state from rows."""

    @abstractmethod
    def fit(self, rows: Rows) -> State | None:
        """The state of a step; None where there is nothing to do."""

    def train(self, rows: Rows, state: State) -> Matrix:
        """What the rows that were learned from become; other than by the step where that would show them the target."""
        return step(state)(rows.work, rows.matrix)


def learn(transformers: Iterable[Transformer], rows: Rows) -> tuple[list[dict[str, Any]], Matrix]:
    """Learn one after the other, each from what those before have made.

    Returns:
        The states, and the matrix of the rows that were learned from.
    """
    states = []
    for transformer in transformers:
        state = transformer.fit(rows)
        if state is None:
            continue
        rows.matrix = transformer.train(rows, state)
        states.append(dict(state))
    return states, rows.matrix
