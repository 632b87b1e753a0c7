"""How a model predicts in the process that made it: by the very code that its folder holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core import modelfile
from automl_core.modelfile.scoring import scorer as numpy_scorer
from automl_core.modelfile.scoring.values import Frame, Schema, SchemaError
from automl_core.tabular.problem import Problem
from automl_core.training.problems import TrainingError

Floats = NDArray[np.float64]


class Scorer:
    """A model: its document, and the estimators that it names."""

    def __init__(self, document: Mapping[str, Any], schema: Schema, estimators: Mapping[str, Any]) -> None:
        self.document, self.schema, self.estimators = document, schema, dict(estimators)
        self._scorer = numpy_scorer.Scorer(document, self.estimators)

    def outputs(self, frame: Frame) -> Floats:
        """(n, K) probabilities, calibrated, or (n,) numbers.

        Args:
            frame: rows, read by the schema.
        """
        found = self._scorer.outputs(frame)
        return found if self._scorer.classes else found[:, 0]

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
        return self._scorer.predict(self.read(rows))

    def write(
        self, folder: Path, golden: list[dict[str, Any]], problem: Problem, made: Mapping[str, Any], allow_pickle: bool,
        *, program_too: bool = True,
    ) -> None:  # fmt: skip
        """Write the model's folder, with the program that scores by it where numpy alone can.

        Raises:
            TrainingError: something of the user's own can't be kept, or the place is taken.
        """
        try:
            modelfile.write(
                folder, members=self.document["members"], schema=self.schema, problem=problem, golden=golden, made=made,
                estimators=self.estimators, allow_pickle=allow_pickle, calibration=self.document["calibration"],
                threshold=self.document["threshold"], program_too=program_too,
            )  # fmt: skip
        except (ValueError, FileExistsError) as error:
            raise TrainingError(f"the model can't be written: {error}") from None

    def check(self, folder: Path) -> None:
        """Try the folder in a fresh process; what was fitted here is trusted.

        Raises:
            TrainingError: it says something else there.
        """
        try:
            modelfile.check(folder, trusted=True)
        except modelfile.CheckFailed as error:
            raise TrainingError(f"the model in {folder} is not published: {error}") from None
