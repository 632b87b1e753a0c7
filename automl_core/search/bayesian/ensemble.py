"""Gradients of several processes at one row, computed together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import blas

from automl_core.search.bayesian import kernel
from automl_core.search.bayesian.encoding import Array, Indices
from automl_core.search.bayesian.gp import MEAN_VARIANCE, Posterior
from automl_core.search.bayesian.warping import kumaraswamy_at

_CACHED = 200_000  # numbers of all whitening matrices that stay in a core's cache from one row to the next


class Ensemble:
    """Several posteriors of the same data, whose gradients at one row are computed together.

    An ascent asks for one row at a time: with few trials, most of its time would go to calling numpy
    once a posterior.
    """

    def __init__(self, posteriors: Sequence[Posterior]) -> None:
        """Stack the posteriors; they share columns, rows and the number of targets."""
        first = posteriors[0]
        self.columns, options = first.columns, first.parts[1]
        self.beside = kernel.Beside(
            [p.shape for p in posteriors], (np.array([p.parts[0] for p in posteriors]), options)
        )
        self.signal = np.array([p.signal for p in posteriors])
        self.whitening = [p.whitening for p in posteriors]
        few = sum(each.size for each in self.whitening) <= _CACHED
        self.stacked = np.array(self.whitening) if few else None
        self.white = np.array([p.white for p in posteriors])
        self.alpha = np.array([p.alpha for p in posteriors])
        self.powers = np.exp([[p.hyper.warp_a, p.hyper.warp_b] for p in posteriors]).transpose(1, 0, 2)
        self.trends = [(k, p.trend) for k, p in enumerate(posteriors) if p.trend is not None]

    def gradients(self, row: Array, moving: Indices) -> tuple[Array, Array, Array, Array]:
        """Means and variances at one row, and their gradients by its moving columns.

        Args:
            row: shape (width,).
            moving: positions among the numeric columns.

        Returns:
            For k posteriors: means (k, targets), variances (k,), d means (k, len(moving), targets),
            d variances (k, len(moving)).
        """
        numeric, options = self.columns.split(row)
        if self.columns.warped:
            warped, slope = kumaraswamy_at(numeric, *self.powers)
            correlation, across = self.beside(warped, options, moving)
            across *= (self.signal[:, None] * slope[:, moving])[:, :, None]
        else:
            correlation, across = self.beside(np.repeat(numeric[None], len(self.signal), axis=0), options, moving)
            across *= self.signal[:, None, None]
        cross = self.signal[:, None] * correlation + MEAN_VARIANCE
        explained, solved = self._whitened(cross)
        variance = self.signal + MEAN_VARIANCE - (explained**2).sum(axis=1)
        mean = (explained[:, None] @ self.white)[:, 0]
        d_mean = across @ self.alpha
        for k, trend in self.trends:
            value, slope_of_trend = trend.gradient(row, moving)
            mean[k] += value
            d_mean[k] += slope_of_trend[:, None]
        return mean, np.maximum(variance, 1e-10), d_mean, -2.0 * (across @ solved[:, :, None])[:, :, 0]

    def _whitened(self, cross: Array) -> tuple[Array, Array]:
        """W c and Wᵀ W c of each posterior's whitening matrix W and column c, both (k, n).

        Large matrices come from memory each time, which takes longer than multiplying: then only the half that isn't
        zero is read.
        """
        if self.stacked is not None:
            explained = self.stacked @ cross[:, :, None]
            return explained[:, :, 0], (self.stacked.transpose(0, 2, 1) @ explained)[:, :, 0]
        found = np.empty((2, *cross.shape))
        for k, whitening in enumerate(self.whitening):
            found[0, k] = blas.dtrmv(whitening, cross[k], lower=1)
            found[1, k] = blas.dtrmv(whitening, found[0, k], lower=1, trans=1)
        return found[0], found[1]
