"""Dense networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..matrix import Matrix
from .base import Explained, Floats, NotExplained, floats, product


def _logistic(values: Floats) -> Floats:
    positive = 1.0 / (1.0 + np.exp(-np.abs(values)))
    return np.where(values >= 0, positive, 1.0 - positive)


ACTIVATIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "identity": lambda values: values,
    "relu": lambda values: np.maximum(values, 0.0),
    "tanh": np.tanh,
    "logistic": _logistic,
}


class Dense:
    """Layers. Document: ``{"type": "dense", "layers": [{"weight": (in, out), "bias": (out,)}, …], "activation": …}``.

    The activation (one of `ACTIVATIONS`) stands between layers; the last layer gives the margin.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.layers = [(floats(layer, "weight", ndim=2), floats(layer, "bias", ndim=1)) for layer in document["layers"]]
        name = document["activation"]
        if name not in ACTIVATIONS:
            raise ValueError(f"there is no activation {name!r} (known: {', '.join(ACTIVATIONS)})")
        self.activation = ACTIVATIONS[name]

    def margin(self, matrix: Matrix) -> Floats:
        """Layer after layer."""
        values = matrix.values
        for number, (weight, bias) in enumerate(self.layers):
            values = product(values if number == 0 else self.activation(values), weight) + bias
        return values

    def explain(self, matrix: Matrix) -> Explained:
        """A network has no exact contributions."""
        raise NotExplained("a dense network has no exact contributions")
