"""Which trials a Gaussian process is given when there are too many for its cubic cost."""

from __future__ import annotations

import numpy as np

from automl_core.search.bayesian.encoding import Array, Indices
from automl_core.search.bayesian.gp import Columns


def choose(columns: Columns, rows: Array, losses: Array, count: int, rng: np.random.Generator) -> Indices:
    """The trials that say most about where the next best one lies.

    A quarter are the best ones, a half the nearest to the best one (a trust region in effect: dense where
    the search goes on), the rest drawn from all, so that the model still knows the whole space.

    Returns:
        Their indices in order, at most ``count``.
    """
    total = len(losses)
    if total <= count:
        return np.arange(total)
    best = np.argsort(losses, kind="stable")[: count // 4]
    numeric, options = columns.split(rows)
    apart = ((numeric - numeric[best[0]]) ** 2).sum(axis=1) + (options != options[best[0]]).sum(axis=1)
    apart[best] = np.inf
    near = np.argsort(apart, kind="stable")[: count // 2]
    rest = np.setdiff1d(np.arange(total), np.concatenate([best, near]))
    drawn = rng.choice(rest, size=count - len(best) - len(near), replace=False)
    return np.sort(np.concatenate([best, near, drawn]))
