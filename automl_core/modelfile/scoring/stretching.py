"""Contributions to a margin as contributions to what the link makes of it.

On the straight way from the base to the row's margin each column moves the output by its part of the margin's movement
times the link's slope: integrated gradients (Sundararajan, Taly and Yan 2017, Axiomatic Attribution for Deep Networks,
section 3) in the space of margins. They add up to the distance between the two outputs. With one margin this stretches
all columns' contributions by one factor; with several, a class is moved by what moves the others, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .links import link_of, sigmoid, softmax

Floats = NDArray[np.float64]

POINTS = 32
"""Of the quadrature; what it misses is shared out by the size of contributions, so that sums are exact."""

UNCHANGED = ("identity", "complement")
"""Links whose margin is the output."""


def stretched(link: str, base: Floats, contributions: Floats, *, two: bool) -> tuple[Floats, Floats]:
    """Base and contributions on the outputs' scale.

    Args:
        link: its name.
        base: (K,) margins of nobody in particular.
        contributions: (n, m, K) to the margins.
        two: whether the problem has two classes, of which the margins tell the second.
    """
    if link in UNCHANGED:
        return base, contributions
    start, end = base[None, :], base + contributions.sum(axis=1)
    if len(base) == 1:
        function = sigmoid if two else link_of(link)
        before, after = function(start), function(end)
        distance = end - start
        still = np.abs(distance) < 1e-12
        factor = np.where(still, 0.0, (after - before) / np.where(still, 1.0, distance))
        return before[0], contributions * factor[:, None, :]
    function = softmax if link == "softmax" else link_of(link)
    before, after = function(start), function(end)
    points, weights = np.polynomial.legendre.leggauss(POINTS)
    found = np.zeros_like(contributions)
    for point, weight in zip((points + 1.0) / 2.0, weights / 2.0, strict=True):
        found += weight * _moved(link, start + point * (end - start), contributions)
    missed = (after - before) - found.sum(axis=1)
    size = np.abs(found) + 1e-300
    return before[0], found + missed[:, None, :] * size / size.sum(axis=1, keepdims=True)


def _moved(link: str, margin: Floats, contributions: Floats) -> Floats:
    """(n, m, K) contributions times the slopes of all outputs by all margins, at one point of the way.

    Args:
        link: ``softmax``; ``ovr``, shares of logistic functions; or ``normalise``, shares of the margins themselves.
        margin: (n, K).
        contributions: (n, m, K).
    """
    if link == "softmax":
        shares = softmax(margin)[:, None, :]
        return np.asarray(shares * (contributions - (shares * contributions).sum(axis=2, keepdims=True)))
    odds = margin if link == "normalise" else sigmoid(margin)
    total = odds.sum(axis=1)[:, None, None]
    slope = contributions if link == "normalise" else (odds * (1.0 - odds))[:, None, :] * contributions
    return np.asarray((slope - (odds[:, None, :] / total) * slope.sum(axis=2, keepdims=True)) / total)
