"""Whether probabilities mean what they say: expected calibration error, Brier score, the reliability curve."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.models.evaluation.subjects import Said
from automl_core.tabular.metrics.probabilities import brier

BINS = 15
"""Bins of about as many rows each."""


def reliability(truth: NDArray[np.int64], said: Said) -> dict[str, Any] | None:
    """How what is said and what came agree.

    Of two classes it is the probability of the second that is looked at; of more that of the likeliest class, and
    whether it came (Guo et al. 2017, On Calibration of Modern Neural Networks, section 2). Bins hold about as many
    rows each (Nixon et al. 2019, Measuring Calibration in Deep Learning, section 3.2): of bins of equal width most
    are empty. Rows with the same probability are in one bin.

    Args:
        truth: (n,) positions of classes.
        said: of the same rows.

    Returns:
        ``ece`` (the mean distance of what is said from what came, weighted by rows), ``brier``, and ``bins`` with
        ``rows``, the least and the greatest probability, the mean one (``said``) and the share that came (``was``).
        None where the model says no probabilities.
    """
    outputs = said.outputs
    if outputs.ndim != 2 or not outputs.shape[1] or not len(truth):
        return None
    if outputs.shape[1] == 2:
        given, came = outputs[:, 1], truth == 1
    else:
        given, came = outputs.max(axis=1), outputs.argmax(axis=1) == truth
    rows = len(truth)
    ordered = np.sort(given)
    middle = (np.searchsorted(ordered, given, "left") + np.searchsorted(ordered, given, "right") - 1) / 2
    places = np.unique((middle * BINS / rows).astype(np.int64), return_inverse=True)[1]
    counts = np.bincount(places)
    means, shares = np.bincount(places, given) / counts, np.bincount(places, came.astype(np.float64)) / counts
    low, high = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
    np.minimum.at(low, places, given)
    np.maximum.at(high, places, given)
    return {
        "ece": float((counts * np.abs(means - shares)).sum() / rows),
        "brier": brier(truth, outputs, np.ones(rows)),
        "bins": [
            {"rows": int(n), "low": float(a), "high": float(b), "said": float(mean), "was": float(share)}
            for n, a, b, mean, share in zip(counts, low, high, means, shares, strict=True)
        ],
    }
