"""Small data sets that packages ship, as (rows, columns) arrays of numbers with their target."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

ROWS = 600

CLASSES = ("digits", "wine", "breast_cancer", "anes96", "fair", "modechoice")
NUMBERS = ("diabetes", "randhie", "star98")

_STATSMODELS = {"anes96": "vote", "fair": "affairs", "modechoice": "choice", "randhie": "mdvis", "star98": "NABOVE"}
"""Those of statsmodels, with the column that is predicted."""

_LEFT_OUT = {"modechoice": ["individual"], "star98": ["NBELOW"]}
"""Columns that name a row, or that give the target away."""


@cache
def load(name: str, rows: int = ROWS) -> tuple[npt.NDArray[np.float64], npt.NDArray[Any]]:
    """A data set, its rows shuffled by a fixed seed and cut.

    Raises:
        ModuleNotFoundError: scikit-learn or statsmodels is not installed.
    """
    if name in _STATSMODELS:
        import statsmodels.api as sm  # type: ignore[import-untyped,unused-ignore]

        table = getattr(sm.datasets, name).load_pandas().data.dropna()
        target = _STATSMODELS[name]
        y = table[target].to_numpy(dtype=float)
        x = table.drop(columns=[target, *_LEFT_OUT.get(name, [])]).to_numpy(dtype=float)
        if name in CLASSES:
            y = (y > 0).astype(int)
    else:
        from sklearn import datasets

        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:rows]
    return np.asarray(x, dtype=np.float64)[order], y[order]
