"""The model that always says the same: what is left where nothing can be learned, and a bound for all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..matrix import Matrix
from .base import Explained, Floats, floats


class Constant:
    """Document: ``{"type": "constant", "value": (K,)}``."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.value = floats(document, "value", ndim=1)

    def margin(self, matrix: Matrix) -> Floats:
        """The value, for each row."""
        return np.tile(self.value, (len(matrix), 1))

    def explain(self, matrix: Matrix) -> Explained:
        """No column adds anything."""
        return Explained(self.value, np.zeros((len(matrix), len(matrix.names), len(self.value))))
