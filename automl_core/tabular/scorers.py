"""How a model predicts in the process that made it: as its file will, by numpy, or by a library where it has to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring import scorer as numpy_scorer
from automl_core.modelfile.scoring.calibration import calibrated
from automl_core.modelfile.scoring.values import Frame, Schema, SchemaError
from automl_core.tabular.problem import Problem
from automl_core.training.problems import TrainingError

Floats = NDArray[np.float64]


class Scorer:
    """The model: members with documents, and pipelines that have none."""

    def __init__(self, document: Mapping[str, Any], schema: Schema, fitted: Sequence[tuple[Any, float]]) -> None:
        self.document, self.schema = document, schema
        self._fitted = tuple(fitted)
        self._share = 1.0 - sum(weight for _, weight in fitted)
        members = document["members"] or [_nothing(len(document["problem"]["classes"]) or 1)]
        # calibration comes after all members, with or without a document
        self._plain = numpy_scorer.Scorer({**document, "members": members, "calibration": None})

    def outputs(self, frame: Frame) -> Floats:
        """(n, K) probabilities, calibrated, or (n,) numbers.

        Args:
            frame: rows, read by the schema.
        """
        numbers = not self._plain.classes
        total = np.zeros((frame.n, len(self._plain.classes) or 1))
        if self.document["members"]:
            total += self._share * self._plain.outputs(frame)
        for pipeline, weight in self._fitted:
            total += weight * np.asarray(pipeline.predict(frame)).reshape(total.shape)
        return total[:, 0] if numbers else calibrated(self.document["calibration"], total)

    def read(self, rows: Any) -> Frame:
        """Rows of any kind by the model's schema.

        Raises:
            TrainingError: rows that don't fit, in words.
        """
        try:
            return self.schema.read(rows)
        except SchemaError as error:
            raise TrainingError(f"rows to predict: {error}") from None

    def probabilities(self, rows: Any) -> Floats:
        """(n, K) probabilities of rows of any kind."""
        return self.outputs(self.read(rows))

    def predict(self, rows: Any) -> NDArray[Any]:
        """(n,) classes (texts) or numbers of rows of any kind."""
        found = self.outputs(self.read(rows))
        return found if found.ndim == 1 else self._plain.decide(found)

    def write(
        self, folder: Path, golden: list[dict[str, Any]], problem: Problem, made: Mapping[str, Any], estimators: Any,
        allow_pickle: bool,
    ) -> None:  # fmt: skip
        """Write the model's folder."""
        from automl_core.tabular.documents import save

        folder.mkdir(parents=True, exist_ok=True)
        save(folder / "scorer", self.document)

    def check(self, folder: Path) -> None:
        """Try the folder in a fresh process."""


def _nothing(outputs: int) -> dict[str, Any]:
    model = {"type": "constant", "value": np.zeros(outputs)}
    return {"weight": 1.0, "features": [], "model": model, "link": "identity"}
