"""Metrics of probabilities as such: log loss and the Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.tabular.metrics.base import Codes, Floats, Metric, mean

LEAST = 1e-15
"""Probabilities below this count as this: one sure mistake is bad, not infinitely bad."""


def log_loss(truth: Codes, probabilities: Floats, weights: Floats, **_: Any) -> float:
    """Mean of −ln(probability of the true class); each row's probabilities are made to sum to 1."""
    given = probabilities[np.arange(len(truth)), truth]
    total = probabilities.sum(axis=1)
    shares = np.divide(given, total, out=np.zeros(len(given)), where=total > 0)
    return mean(-np.log(np.clip(shares, LEAST, 1.0)), weights)


def brier(truth: Codes, probabilities: Floats, weights: Floats, **_: Any) -> float:
    """Mean squared distance from the truth: of two classes that of the second, of more the sum over classes."""
    if probabilities.shape[1] == 2:
        return mean((probabilities[:, 1] - truth) ** 2, weights)
    wanted = np.zeros(probabilities.shape)
    wanted[np.arange(len(truth)), truth] = 1.0
    return mean(((probabilities - wanted) ** 2).sum(axis=1), weights)


METRICS = (
    Metric("log_loss", "minimize", "probabilities", log_loss, perfect=0.0, proper=True),
    Metric("brier_score", "minimize", "probabilities", brier, perfect=0.0, proper=True),
)
