"""What is to be predicted: the kind of problem, the target, its classes in the one order that everything shares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.metrics import Metric

Kind = Literal["binary", "multiclass", "regression"]

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
"""Numbers that are nothing but that: ``01`` is a code, and stays letter for letter where it would be sorted."""


@dataclass(frozen=True)
class Problem:
    """What is to be predicted, and how predictions are measured.

    Attributes:
        kind: ``binary``, ``multiclass`` or ``regression``.
        target: name of the column.
        classes: texts of the classes, in the order of probabilities, labels, confusion matrix and JSON; empty for
            regression.
        metric: what the search improves.
    """

    kind: Kind
    target: str
    classes: tuple[str, ...]
    metric: Metric

    @property
    def outputs(self) -> int:
        """Columns of outputs: classes, or 1."""
        return len(self.classes) or 1

    def as_json(self) -> dict[str, Any]:
        """For reports and model files."""
        return {
            "kind": self.kind,
            "target": self.target,
            "classes": list(self.classes),
            "metric": self.metric.name,
            "direction": self.metric.direction,
        }


def ordered(values: Iterable[str]) -> tuple[str, ...]:
    """Classes in their order: as numbers where all are numbers without leading zeros, else as texts.

    >>> ordered(["10", "9", "0"])
    ('0', '9', '10')
    >>> ordered(["10", "02", "01"])
    ('01', '02', '10')
    """
    found = set(values)
    if all(_NUMBER.fullmatch(each) for each in found):
        return tuple(sorted(found, key=lambda each: (float(each), each)))
    return tuple(sorted(found))


def prior(problem: Problem, y: NDArray[Any], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """What a model without columns predicts: (K,) shares of the classes, or (1,) the mean.

    Args:
        problem: whose outputs.
        y: (n,) positions of classes, or numbers.
        weights: (n,) or None.
    """
    counted = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = counted.sum()
    if problem.kind == "regression":
        return np.array([float(np.dot(y, counted) / total) if total > 0 else 0.0])
    there = np.bincount(np.asarray(y, dtype=np.int64), counted, minlength=len(problem.classes))
    # one row more, spread over all classes: a class without a row here is unlikely, not impossible
    shares = there + 1.0 / len(problem.classes)
    return np.asarray(shares / shares.sum(), dtype=np.float64)
