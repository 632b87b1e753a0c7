"""Members of a model: features, a model of the matrix that they make, a link; and the mean of several of them.

::

    {"weight": 0.7,                 among the members beside it; 1 where it is left out
     "features": [states],          what the steps have learned (features/); left out: the matrix of whoever is above
     "model": {"type": …},          models/
     "link": "sigmoid"}             links.py

A model of the type ``mean`` has members of its own, bagged folds say: ``{"type": "mean", "members": [member, …]}``. Its
outputs are the weighted mean of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .features import Features
from .features.base import usable
from .links import link_of
from .matrix import Matrix
from .models import Model, model_of
from .models.estimator import Estimator
from .values import Coded, Frame

Floats = NDArray[np.float64]

MOST_ROWS = 20_000
"""Rows that are scored at once: a matrix of more would only take memory."""


class Member:
    """One part of a model that has a matrix, a margin and outputs of its own."""

    def __init__(self, document: Mapping[str, Any], outputs: int, estimators: Mapping[str, Any] | None = None) -> None:
        """Make one.

        Args:
            document: as above; its model is none of the type ``mean``.
            outputs: classes of the problem, 1 for numbers.
            estimators: of training libraries, for models of the type ``estimator``.
        """
        self.weight = float(document.get("weight", 1.0))
        self.states: Sequence[Mapping[str, Any]] | None = document.get("features")
        self.features = None if self.states is None else Features(self.states)
        self.link_document = document.get("link", "identity")
        self.link = link_of(self.link_document)
        self._outputs = outputs
        if document["model"].get("type") == "estimator":
            self.model: Model = Estimator(document["model"], estimators or {}, outputs > 1)
        else:
            self.model = model_of(document["model"])

    def matrix(self, frame: Frame) -> Matrix:
        """What the model sees of a frame."""
        assert self.features is not None, "a member without features has the matrix of whoever is above it"
        return self.features.apply(frame)

    def outputs(self, matrix: Matrix) -> Floats:
        """(n, outputs) of a matrix."""
        found = self.link(self.model.margin(matrix))
        if found.shape[1] != self._outputs:
            raise ValueError(f"a member gives {found.shape[1]} outputs, the problem has {self._outputs}")
        return found


def members_of(
    documents: Sequence[Mapping[str, Any]], outputs: int, estimators: Mapping[str, Any] | None = None
) -> list[Member]:
    """All members, means taken apart: a mean's weight is shared by its members, and so are its features.

    Raises:
        ValueError: a document that is none, or weights that are.
    """
    found: list[Member] = []
    _collect(documents, outputs, 1.0, None, estimators, found)
    if not found:
        raise ValueError("a model needs a member")
    return found


def _collect(
    documents: Sequence[Mapping[str, Any]], outputs: int, share: float, features: Any,
    estimators: Mapping[str, Any] | None, found: list[Member],
) -> None:  # fmt: skip
    weights = np.asarray([float(each.get("weight", 1.0)) for each in documents])
    if not np.isfinite(weights).all() or (weights < 0).any() or (len(weights) and weights.sum() <= 0):
        raise ValueError(f"weights of members are numbers from 0, not all 0: these are {weights.tolist()}")
    for document, weight in zip(documents, (share * weights / weights.sum()).tolist(), strict=True):
        if weight == 0.0:
            continue
        own = document.get("features", features)
        if document["model"].get("type") == "mean":
            _collect(document["model"]["members"], outputs, weight, own, estimators, found)
        else:
            found.append(Member({**document, "weight": weight, "features": own}, outputs, estimators))


class Ensemble:
    """The weighted mean of members. Members whose features are the same share their matrix."""

    def __init__(
        self, documents: Sequence[Mapping[str, Any]], outputs: int, estimators: Mapping[str, Any] | None = None
    ) -> None:
        self.members = members_of(documents, outputs, estimators)
        self._outputs = outputs
        self.first: list[int] = []
        """(members,) the first member with the same features."""
        for place, member in enumerate(self.members):
            same = next((p for p in range(place) if _same(self.members[p].states, member.states)), place)
            self.first.append(same)

    def outputs(self, frame: Frame) -> Floats:
        """(n, outputs) of a frame."""
        if frame.n > MOST_ROWS:
            pieces = range(0, frame.n, MOST_ROWS)
            rows = np.arange(frame.n)
            return np.concatenate([self.outputs(frame.take(rows[start : start + MOST_ROWS])) for start in pieces])
        total = np.zeros((frame.n, self._outputs))
        if not frame.n:
            return total
        frame = _usable(frame)
        matrices: dict[int, Matrix] = {}
        for place, (first, member) in enumerate(zip(self.first, self.members, strict=True)):
            if first == place:
                matrices[first] = member.matrix(frame)
            total += member.weight * member.outputs(matrices[first])
        return total


def _usable(frame: Frame) -> Frame:
    """The frame with numbers as features take them: looked at once, not by each member."""
    if frame.usable:
        return frame
    columns = {name: each if isinstance(each, Coded) else usable(each) for name, each in frame.columns.items()}
    return Frame(frame.n, columns, usable=True)


def _same(one: Any, other: Any) -> bool:
    """Whether two documents say the same."""
    if one is other:
        return True
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return (
            isinstance(one, np.ndarray)
            and isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
        )
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
