"""Pools for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.annotation.selection import Pool


def pool(many: int = 200, *, classes: int = 3, columns: int = 4, seed: int = 0, **more: Any) -> Pool:
    """Items ``i0`` and so on, with drawn probabilities and features."""
    random = np.random.default_rng(seed)
    made: dict[str, Any] = {
        "ids": [f"i{each}" for each in range(many)],
        "probabilities": random.dirichlet(np.ones(classes), many),
        "features": random.normal(size=(many, columns)),
    }
    return Pool(**{**made, **more})
