"""Whether probabilities mean what they say, and a mild correction where they don't.

Temperature scaling (Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017, section
4.2): one number that makes all probabilities bolder or more careful, learned from rows held out. It never changes
which class is the likeliest, and one number can't overfit much; it is kept only where it helps on folds it was not
learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.metrics.probabilities import log_loss

Floats = NDArray[np.float64]

LEAST_ROWS = 100
"""Rows held out from which on a correction is learned."""

MOST_ROWS = 6_000
"""Rows that it is learned from: one number needs no more."""

GAIN = 0.002
"""Share of the log loss that it must take away, on rows it was not learned from."""

_LOWEST = 1e-7


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """(n, K) probabilities to the power of 1 / temperature, made to sum to 1 again; 1 changes nothing."""
    logs = np.log(np.clip(probabilities, _LOWEST, 1.0)) / temperature
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def temperature(truth: NDArray[np.int64], probabilities: Floats, weights: Floats) -> float:
    """The temperature of the least log loss, by golden section on its logarithm between 1/4 and 4.

    Of n rows that are all right the plain loss would ask for certainty, which n rows can't vouch for: the next one may
    be wrong. So the truth is given as a share of (n + 1) / (n + K), and each other class as 1 / (n + K), as Platt does
    ("Probabilistic outputs for support vector machines", 1999, section 2.2) for two classes.
    """
    low, high = np.log(0.25), np.log(4.0)
    ratio = (np.sqrt(5) - 1) / 2
    logs = np.log(np.clip(probabilities, _LOWEST, 1.0))
    shares = weights / weights.sum()
    rows, classes = 1.0 / float((shares**2).sum()), logs.shape[1]
    unsure = classes / (rows + classes)

    def loss(at: float) -> float:
        scaled = logs / np.exp(at)
        most = scaled.max(axis=1)
        whole = most + np.log(np.exp(scaled - most[:, None]).sum(axis=1))
        true = scaled[np.arange(len(truth)), truth]
        return float((shares * (whole - (1 - unsure) * true - unsure * scaled.mean(axis=1))).sum())

    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(24):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def learn(
    truth: NDArray[np.int64], probabilities: Floats, weights: Floats, folds: Sequence[NDArray[np.bool_]]
) -> tuple[float | None, float]:
    """A temperature that helps, or None; and the share of the log loss that it takes away on rows of other folds.

    Args:
        truth: (n,) positions of classes of rows held out.
        probabilities: (n, K).
        weights: (n,).
        folds: masks (n,) of the folds' rows; with fewer than two the rows are cut in four.
    """
    if len(truth) < LEAST_ROWS:
        return None, 0.0
    if len(truth) > MOST_ROWS:
        taken = np.linspace(0, len(truth) - 1, MOST_ROWS).astype(np.int64)
        truth, probabilities, weights = truth[taken], probabilities[taken], weights[taken]
        folds = [each[taken] for each in folds]
    parts = list(folds) if len(folds) >= 2 else [np.arange(len(truth)) % 4 == each for each in range(4)]
    before = after = 0.0
    for part in parts:
        if not part.any() or part.all() or not weights[part].sum() or not weights[~part].sum():
            continue
        found = temperature(truth[~part], probabilities[~part], weights[~part])
        share = weights[part].sum()
        before += share * log_loss(truth[part], probabilities[part], weights[part])
        after += share * log_loss(truth[part], tempered(probabilities[part], found), weights[part])
    gain = (before - after) / before if before > 0 else 0.0
    if gain < GAIN:
        return None, gain
    return temperature(truth, probabilities, weights), gain


def bins(truth: NDArray[np.int64], probabilities: Floats, weights: Floats, count: int = 10) -> list[dict[str, Any]]:
    """How often what was said to be so likely was so: of two classes the second, of more the likeliest.

    Returns:
        For each bin with rows: ``low``, ``high``, ``said`` (mean probability), ``true`` (share), ``rows``.
    """
    if probabilities.shape[1] == 2:
        said, right = probabilities[:, 1], (truth == 1).astype(np.float64)
    else:
        said, right = probabilities.max(axis=1), (probabilities.argmax(axis=1) == truth).astype(np.float64)
    place = np.minimum((said * count).astype(np.int64), count - 1)
    found = []
    for each in range(count):
        there = (place == each) & (weights > 0)
        if there.any():
            found.append(
                {
                    "low": each / count,
                    "high": (each + 1) / count,
                    "said": float(np.average(said[there], weights=weights[there])),
                    "true": float(np.average(right[there], weights=weights[there])),
                    "rows": int(there.sum()),
                }
            )
    return found
