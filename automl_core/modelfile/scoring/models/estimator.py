"""An estimator of a training library, where numpy alone can't do what it does: it is given by whoever loaded it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..matrix import Matrix
from .base import Explained, Floats, NotExplained


class NeedsEstimator(ValueError):
    """A model that numpy alone can't score."""


class Estimator:
    """Document: ``{"type": "estimator", "name": …}``, the name of one of the model's estimators.

    Its probabilities of classes are used as they are (``predict_proba``, and without that ``predict``, of two classes
    the second one's), of numbers its predictions.
    """

    def __init__(self, document: Mapping[str, Any], estimators: Mapping[str, Any], classes: bool) -> None:
        """Make one.

        Args:
            document: names the estimator.
            estimators: name → fitted estimator.
            classes: whether it predicts classes, not numbers.

        Raises:
            NeedsEstimator: there is none of that name.
        """
        name = str(document["name"])
        if name not in estimators:
            raise NeedsEstimator(
                f"this model needs the estimator {name!r} of a training library: load it by "
                "automl_core.modelfile.load, in an environment with what the model's requirements.txt names"
            )
        self.estimator, self.classes = estimators[name], classes

    def margin(self, matrix: Matrix) -> Floats:
        """(n, K) probabilities, or (n, 1) numbers."""
        if not self.classes:
            return np.asarray(self.estimator.predict(matrix.values), dtype=np.float64).reshape(len(matrix), 1)
        says = getattr(self.estimator, "predict_proba", None) or self.estimator.predict
        found = np.asarray(says(matrix.values), dtype=np.float64)
        if found.ndim == 1 or found.shape[1] == 1:
            second = found.reshape(-1, 1)
            found = np.concatenate([1.0 - second, second], axis=1)
        return found

    def explain(self, matrix: Matrix) -> Explained:
        """What is not plain data can't be taken apart."""
        raise NotExplained(f"{type(self.estimator).__name__} is not known to the numpy scorer")
