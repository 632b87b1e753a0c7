"""What a learner is: parameters it takes, the matrix it wants, how it fits, what it leaves."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.shape import Shape

if TYPE_CHECKING:
    from automl_core.tabular.problem import Problem

Floats = NDArray[np.float64]
Held = tuple[Matrix, NDArray[Any], Floats]
"""Rows to judge by while fitting: matrix, target, weights."""
Document = dict[str, Any]

ALL = frozenset({"binary", "multiclass", "regression"})


class CannotFit(ValueError):
    """A learner can't learn from these rows, in words: a failed trial, never the end of a search."""


@dataclass(frozen=True)
class Wants:
    """The matrix that a learner is to be given.

    Attributes:
        categories: ``native`` (codes, marked as categorical), ``codes`` (numbers to it) or ``onehot``.
        gaps: whether NaN may stay.
        scaled: whether columns are to be of one size.
        most: codes that a category may have.
    """

    categories: Literal["native", "codes", "onehot"] = "codes"
    gaps: bool = True
    scaled: bool = False
    most: int = 1_000_000


class Fitted(ABC):
    """What a fit has left.

    Attributes:
        estimator: the library's own object, for a file of skops; None where there is none.
        best_iteration: of a learner that goes step by step, how many steps its predictions take; else None.
    """

    estimator: Any = None
    best_iteration: int | None = None

    @abstractmethod
    def predict(self, matrix: Matrix) -> Floats:
        """(n, classes) probabilities, or (n,) numbers."""

    def export(self) -> Document | None:
        """Model and link as the numpy scorer takes them (`modelfile.scoring.models`); None where it can't."""
        return None


class Learner(ABC):
    """One kind of model.

    Attributes:
        name: in parameters and reports.
        title: for people.
        kinds: problems that it can solve.
        wants: the matrix that it is to be given.
        default: its parameters where nobody searched, unprefixed.
        steps: the parameter that says how many steps it goes, where a fit goes step by step and may stop early.
        unguided: how many these are where there is nothing to stop by, and nobody says; None: as many as with it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    kinds: ClassVar[frozenset[str]] = ALL
    wants: ClassVar[Wants] = Wants()
    default: ClassVar[Mapping[str, Any]] = {}
    steps: ClassVar[str | None] = None
    unguided: ClassVar[int | None] = None

    def lasting(self) -> None:  # noqa: B027 (nothing to see of most)
        """See that a model with it can be opened again by another process.

        Raises:
            TrainingError: it can't, and why.
        """

    @abstractmethod
    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """What may be searched of it on a table: parameters as under ``space:`` of a file, unprefixed."""

    @abstractmethod
    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """Bytes that a fit takes at its peak, over those of the matrix itself: an estimate, rather high than low.

        Args:
            rows: to learn from.
            columns: of the matrix.
            params: of the fit; ``classes`` among them where there are several.
        """

    @abstractmethod
    def fit(
        self,
        matrix: Matrix,
        y: NDArray[Any],
        weights: Floats,
        *,
        problem: Problem,
        params: Mapping[str, Any],
        valid: Held | None = None,
        seed: int = 0,
        threads: int = 1,
        deadline: float | None = None,
    ) -> Fitted:
        """Learn.

        Args:
            matrix: (n, p).
            y: (n,) positions of the problem's classes, each class at least once; or numbers.
            weights: (n,) all above 0.
            problem: what is to be predicted; its metric is what a fit may stop by.
            params: unprefixed; what is left out has its default.
            valid: rows to stop by, their targets in the same terms.
            seed: with one thread, same seed, same model.
            threads: at most.
            deadline: on the monotonic clock; a fit that goes step by step stops there with what it has.

        Raises:
            CannotFit: it is not possible with these rows.
        """

    def warm(self) -> None:  # noqa: B027 - a learner of numpy alone has nothing to import
        """Import its library, for processes that will be forked: starts no thread.

        Raises:
            ImportError: it is not there.
        """

    def settled(self, params: Mapping[str, Any], valid: Held | None = None) -> dict[str, Any]:
        """All parameters: those given, and the defaults of the others.

        Args:
            params: unprefixed.
            valid: rows to stop by. Without them, and where nobody says how many steps to take, it is a share of those
                that a fit which may stop early is allowed.
        """
        found = {**self.default, **params}
        if self.steps is not None and self.unguided is not None and valid is None and self.steps not in params:
            found[self.steps] = self.unguided
        return found


def overdue(deadline: float | None) -> bool:
    """Whether a moment on the monotonic clock has passed."""
    return deadline is not None and time.monotonic() >= deadline


def plain_weights(weights: Floats) -> Floats | None:
    """Weights as libraries take them: None where all are the same, which some have a faster way for."""
    return None if len(weights) == 0 or bool(np.all(weights == weights[0])) else weights
