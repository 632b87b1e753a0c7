"""What every type of model does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix

Floats = NDArray[np.float64]


class NotExplained(ValueError):
    """A type of model that has no exact contributions."""


@dataclass(frozen=True)
class Explained:
    """A margin as a sum: ``margin = base + contributions.sum(axis=1)``.

    Attributes:
        base: (K,) what the model says of nobody in particular.
        contributions: (n, p, K) what each column of the matrix adds.
    """

    base: Floats
    contributions: Floats


class Model(Protocol):
    """A model, made of its document."""

    def margin(self, matrix: Matrix) -> Floats:
        """(n, K) outputs before the link. A row gets the same alone as among others, up to the last bits."""
        ...

    def explain(self, matrix: Matrix) -> Explained:
        """Exact contributions of the matrix's columns to the margin.

        Raises:
            NotExplained: this type has none.
        """
        ...


def floats(document: Any, name: str, *, ndim: int) -> Floats:
    """An array of a document as float64 of so many dimensions.

    Raises:
        ValueError: it is not there, or has another shape.
    """
    if name not in document:
        raise ValueError(f"the model's document has no {name!r}")
    array = np.asarray(document[name], dtype=np.float64)
    if array.ndim != ndim:
        raise ValueError(f"the model's {name!r} has {array.ndim} dimensions, not {ndim}")
    return array


def product(values: Floats, weights: Floats) -> Floats:
    """``values @ weights`` in an order of sums that does not depend on how many rows there are.

    BLAS sums a single row in another order than a batch: the last bits differ, and where a threshold follows, so may
    more than these. einsum without optimisation does each element by itself.
    """
    return np.asarray(np.einsum("ij,jk->ik", values, weights, optimize=False))
