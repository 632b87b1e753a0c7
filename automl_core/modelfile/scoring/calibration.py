"""Corrections of an ensemble's outputs, and from probabilities to a class.

A calibration is ``{"type": …}`` with

- ``temperature``: ``temperature`` T, ``lowest``: probabilities (not below ``lowest``) to the power of 1 / T, made to
  sum to 1 again (Guo et al. 2017, On Calibration of Modern Neural Networks).
- ``platt``: ``a``, ``b``: of two classes the second one's log odds become a times themselves plus b (Platt 1999).
- ``isotonic``: ``x``, ``y``: the curve that the second class's probability goes through; of more classes a list of
  curves, a class each, whose results are made to sum to 1.
- ``clip``: of numbers: to ``low`` … ``high``, either may be None.

A threshold is, of two classes, the probability of the second one from which on a row is called that. Of more classes it
is a list of factors: the class with the largest product of probability and factor wins; or ``{"costs": (K, K)}``, what
it costs to call a row of each class (a line) each class (a place in it): the class of the least expected cost wins, of
equals the first. Without one the likeliest class wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .links import link_of, normalised, sigmoid

Floats = NDArray[np.float64]

LOWEST = 1e-15
"""Probabilities below have no logarithm that means something."""


def _temperature(document: Mapping[str, Any], outputs: Floats) -> Floats:
    lowest = float(document.get("lowest", LOWEST))
    logs = np.log(np.clip(outputs, lowest, 1.0)) / float(document["temperature"])
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _platt(document: Mapping[str, Any], outputs: Floats) -> Floats:
    second = np.clip(outputs[:, 1:2], LOWEST, 1.0 - LOWEST)
    odds = np.log(second) - np.log1p(-second)
    found = sigmoid(float(document["a"]) * odds + float(document["b"]))
    return np.concatenate([1.0 - found, found], axis=1)


def _isotonic(document: Mapping[str, Any], outputs: Floats) -> Floats:
    x, y = document["x"], document["y"]
    if outputs.shape[1] == 2:
        second = np.interp(outputs[:, 1:2], np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        return np.concatenate([1.0 - second, second], axis=1)
    curves = zip(outputs.T, x, y, strict=True)
    return normalised(np.column_stack([np.interp(p, np.asarray(a), np.asarray(b)) for p, a, b in curves]))


CALIBRATIONS: Mapping[str, Callable[[Mapping[str, Any], Floats], Floats]] = {
    "temperature": _temperature,
    "platt": _platt,
    "isotonic": _isotonic,
    "clip": lambda document, outputs: link_of(document)(outputs),
}
"""Type → what corrects (n, K) probabilities, or (n, 1) numbers."""


def calibrated(document: Mapping[str, Any] | None, outputs: Floats) -> Floats:
    """Outputs, corrected; with no document as they are.

    Raises:
        ValueError: the type is not known.
    """
    if document is None:
        return outputs
    if document.get("type") not in CALIBRATIONS:
        known = ", ".join(CALIBRATIONS)
        raise ValueError(f"there is no calibration {document.get('type')!r} (known: {known}); a later release wrote it")
    return CALIBRATIONS[str(document["type"])](document, outputs) if len(outputs) else outputs


def positions(outputs: Floats, threshold: Any) -> NDArray[np.int64]:
    """(n,) the class of each row, as its position.

    Args:
        outputs: (n, K) probabilities.
        threshold: as above, or None.
    """
    if threshold is None:
        return np.asarray(outputs.argmax(axis=1))
    if isinstance(threshold, (int, float)):
        return (outputs[:, 1] >= threshold).astype(np.int64)
    if isinstance(threshold, Mapping):
        costs = np.asarray(threshold["costs"], dtype=np.float64)
        expected = np.zeros_like(outputs)
        for truth in range(len(costs)):  # in this order for one row as for many, as a product of matrices is not
            expected += outputs[:, truth : truth + 1] * costs[truth]
        return np.asarray(expected.argmin(axis=1))
    return np.asarray((outputs * np.asarray(threshold, dtype=np.float64)).argmax(axis=1))
