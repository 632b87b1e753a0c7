"""Models as plain data: one file a type, its document described there; `model_of` makes one of its document.

What is made is loaded once and asked often: ``margin(matrix)`` gives (n, K), ``explain(matrix)`` contributions where
the type has exact ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .base import Explained, Model, NotExplained
from .bayes import Bayes
from .constant import Constant
from .dense import Dense
from .linear import Linear
from .neighbours import Neighbours
from .svm import Svm
from .trees import Trees

__all__ = ["MODELS", "Explained", "Model", "NotExplained", "model_of"]

MODELS: Mapping[str, Callable[[Mapping[str, Any]], Model]] = {
    "bayes": Bayes,
    "constant": Constant,
    "dense": Dense,
    "linear": Linear,
    "neighbours": Neighbours,
    "svm": Svm,
    "trees": Trees,
}
"""Type in a document → what makes a model of it. ``mean`` has members, and is `members.Mean`."""


def model_of(document: Mapping[str, Any]) -> Model:
    """A model, ready to score.

    Raises:
        ValueError: its type is not known.
    """
    kind = document.get("type")
    if kind not in MODELS:
        raise ValueError(
            f"there is no model of the type {kind!r} (known: {', '.join(MODELS)}); a later release wrote it"
        )
    return MODELS[str(kind)](document)
