"""A whole model as numpy scores it: rows of any kind in, classes, probabilities or numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calibration import calibrated, positions
from .documents import check_format, load
from .explaining import Explanation, explain
from .members import Ensemble
from .single import MOST, Single, place_of
from .values import Frame, Schema

Floats = NDArray[np.float64]

EARNED = 256
"""Calls with few rows after which what scores them is made: as long as that takes, they take without it."""


class Scorer:
    """A model, made of its document (see `documents`).

    Attributes:
        kind: ``binary``, ``multiclass`` or ``regression``.
        target: name of the column that is predicted.
        classes: texts, in the order of probabilities; empty for regression.
        schema: the columns that rows must have.
        threshold: see `calibration`.
    """

    def __init__(self, document: Mapping[str, Any], estimators: Mapping[str, Any] | None = None) -> None:
        """Make one.

        Args:
            document: see `documents`.
            estimators: of training libraries, by name, for members that numpy alone can't score.

        Raises:
            LaterFormat: a later release wrote the document.
            NeedsEstimator: a member needs an estimator that is not given.
            ValueError: the document is broken.
        """
        check_format(document)
        problem = document["problem"]
        self.kind, self.target = str(problem["kind"]), str(problem["target"])
        self.classes = tuple(map(str, problem.get("classes") or ()))
        self.schema = Schema.from_json(document["schema"])
        self.threshold = document.get("threshold")
        self._calibration = document.get("calibration")
        self.ensemble = Ensemble(document["members"], len(self.classes) or 1, estimators)
        self._single: Single | None = None
        self._few = 0

    @classmethod
    def load(cls, folder: str | Path) -> Scorer:
        """The scorer of a model's folder.

        Raises:
            LaterFormat: a later release wrote it.
            OSError, ValueError: a file is not there, or broken.
        """
        return cls(load(Path(folder)))

    def outputs(self, rows: Any) -> Floats:
        """(n, classes) probabilities in the order of `classes`, or (n, 1) numbers.

        Args:
            rows: what `values.Schema.read` takes: a list of dicts, a dict of columns, a frame, a table, one dict.

        Raises:
            SchemaError: rows that don't fit.
        """
        if type(rows) is list and 0 < len(rows) <= MOST:
            found = self.few(rows)
            if found is not None:
                return np.asarray(found)
        frame = rows if isinstance(rows, Frame) else self.schema.read(rows)
        return calibrated(self._calibration, self.ensemble.outputs(frame))

    def prepare(self) -> None:
        """Make what scores few rows, where it is not yet: before the first of them, not after `EARNED`."""
        if self._single is None:
            self._single = Single(self.schema, self.ensemble, self._calibration, len(self.classes) or 1)

    def few(self, rows: list[Any]) -> list[list[float]] | None:
        """`outputs` as lists, of rows as dicts, scored one by one; None where `outputs` has to be asked.

        Args:
            rows: 1 to `single.MOST`.
        """
        if self._single is None:
            self._few += 1
            if self._few <= EARNED:
                return None
            self.prepare()
            assert self._single is not None
        return self._single.outputs(rows)

    def label(self, outputs: list[float]) -> str:
        """The class of one row's probabilities, as `decide` has it."""
        return self.classes[place_of(outputs, self.threshold)]

    def predict(self, rows: Any) -> NDArray[Any]:
        """(n,) classes (texts) or numbers."""
        return self.decide(self.outputs(rows))

    def decide(self, outputs: Floats) -> NDArray[Any]:
        """(n,) classes (texts) of probabilities, by the threshold where there is one; numbers as they are."""
        if not self.classes:
            return outputs[:, 0]
        return np.asarray(self.classes, dtype=object)[positions(outputs, self.threshold)]

    def predict_proba(self, rows: Any) -> Floats:
        """(n, classes) probabilities in the order of `classes`.

        Raises:
            ValueError: the model predicts numbers.
        """
        if not self.classes:
            raise ValueError(f"{self.target} is a number: there are no probabilities")
        return self.outputs(rows)

    def explain(self, rows: Any) -> Explanation:
        """What each column adds, for each row (see `explaining`).

        Raises:
            NotExplained: no part of the model has exact contributions.
            SchemaError: rows that don't fit.
        """
        frame = rows if isinstance(rows, Frame) else self.schema.read(rows)
        return explain(self.ensemble, frame, self.schema.names, self.classes or (self.target,))
