"""The kernel: Matérn 5/2 over mixed columns, with main effects, its gradients written out.

k(x, x') = s [(1 - ρ) M(Σ_j w_j d_j) + ρ/D Σ_j M(w_j d_j e^(-2κ))], with M(r²) the Matérn 5/2 correlation,
d_j the squared difference of a numeric column and the inequality (0 or 1) of a categorical one, and
w_j = l_j^-2: one length scale a column. The second part is a sum over columns: what a
parameter does whatever the others are (main effects; Duvenaud et al. 2011), which few trials teach. Its share ρ and
its relative length e^κ are learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from automl_core.search.bayesian.encoding import Array, Indices

_SLOPE = -5.0 / 6.0
_BLOCK = 1 << 14  # numbers of an array that stay in a core's cache with the three that are made of it


def matern(squared: Array) -> tuple[Array, Array]:
    """Matérn 5/2 correlation of r², and its derivative by r²."""
    value, ahead = _matern(squared)
    ahead *= _SLOPE
    return value, ahead


def _matern(squared: Array) -> tuple[Array, Array]:
    """(1 + r + r²/3) e^-r and (1 + r) e^-r of r = √5 times the distance: in place, memory is what takes time here."""
    r = np.sqrt(5.0 * squared)
    decay = np.exp(-r)
    ahead = 1.0 + r
    ahead *= decay
    r *= r
    r /= 3.0
    r *= decay
    r += ahead
    return r, ahead


def _gram(a: Array, b: Array) -> Array:
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    return np.asarray(np.maximum(squared, 0.0), dtype=np.float64)


@dataclass(frozen=True)
class Shape:
    """What the kernel's form takes besides its length scales.

    Attributes:
        weights: l_j^-2, numeric columns first.
        share: ρ; 0 leaves main effects out altogether.
        stretch: κ.
    """

    weights: Array
    share: float = 0.0
    stretch: float = 0.0


@dataclass(frozen=True)
class Derivatives:
    """Derivatives of a scalar by what the kernel was made of."""

    log_scales: Array
    share_logit: float
    stretch: float
    numeric: Array


def training(shape: Shape, numeric: Array, unequal: Array) -> tuple[Array, Callable[[Array], Derivatives]]:
    """Correlations of data with itself, and the way back.

    Args:
        shape: of the kernel.
        numeric: warped numeric columns, shape (n, dn).
        unequal: 1 where two rows differ in a categorical column, shape (dc, n, n).

    Returns:
        Correlations (n, n), and a function from a scalar's derivative by them (symmetric) to its
        derivatives by everything else.
    """
    if shape.share == 0.0:
        return _training_plain(shape, numeric, unequal)
    dn = numeric.shape[1]
    columns = numeric.T
    apart = columns[:, :, None] - columns[:, None, :]
    terms = np.empty((len(shape.weights), *apart.shape[1:]))
    np.multiply(apart, apart, out=terms[:dn])
    terms[dn:] = unequal
    terms *= shape.weights[:, None, None]
    whole, whole_slope = matern(terms.sum(axis=0))
    shrink = np.exp(-2.0 * shape.stretch)
    effects, effect_slopes = matern(shrink * terms)
    main = effects.mean(axis=0)
    share = shape.share

    def back(by: Array) -> Derivatives:
        # sums in another order would end the search for hyperparameters elsewhere, and suggestions with it
        by_terms = effect_slopes * (by * (share * shrink / len(terms)))
        stretch = -2.0 * float((by_terms * terms).sum())
        by_terms += by * ((1.0 - share) * whole_slope)
        weighted = by_terms[:dn] * apart
        return Derivatives(
            log_scales=-2.0 * np.einsum("jik,jik->j", by_terms, terms),
            share_logit=float((by * (main - whole)).sum()) * share * (1.0 - share),
            stretch=stretch,
            numeric=4.0 * (weighted.sum(axis=2) * shape.weights[:dn, None]).T,
        )

    return (1.0 - share) * whole + share * main, back


def _training_plain(shape: Shape, numeric: Array, unequal: Array) -> tuple[Array, Callable[[Array], Derivatives]]:
    """The same without main effects, in matrix products: no array of columns times rows times rows."""
    n, dn = numeric.shape
    flat = unequal.reshape(len(unequal), n * n)
    scaled = numeric * np.sqrt(shape.weights[:dn])
    squared = _gram(scaled, scaled)
    if len(flat):
        squared += (shape.weights[dn:] @ flat).reshape(n, n)
    whole, slope = matern(squared)

    def back(by: Array) -> Derivatives:
        by_squared = by * slope
        sums = by_squared.sum(axis=1)
        moved = by_squared @ numeric
        by_weights = np.concatenate(
            [2.0 * (sums @ (numeric * numeric) - (numeric * moved).sum(axis=0)), flat @ by_squared.ravel()]
        )
        return Derivatives(
            log_scales=-2.0 * shape.weights * by_weights,
            share_logit=0.0,
            stretch=0.0,
            numeric=4.0 * shape.weights[:dn] * (numeric * sums[:, None] - moved),
        )

    return whole, back


def between(shape: Shape, a: tuple[Array, Array], b: tuple[Array, Array]) -> Array:
    """Correlations of rows (numeric (m, dn), categorical (m, dc)) with others, shape (m, n)."""
    dn = a[0].shape[1]
    root = np.sqrt(shape.weights[:dn])
    left, right = a[0] * root, b[0] * root
    if shape.share == 0.0:
        squared = _gram(left, right)
        for j in range(a[1].shape[1]):
            squared += shape.weights[dn + j] * (a[1][:, j, None] != b[1][None, :, j])
        return matern(squared)[0]
    shrink = np.exp(-2.0 * shape.stretch)
    found = np.empty((len(left), len(right)))
    rows = max(_BLOCK // max(len(right), 1), 1)
    for start in range(0, len(left), rows):
        block = slice(start, start + rows)
        squared = np.zeros((len(left[block]), len(right)))
        main = np.zeros_like(squared)
        for j in range(dn):
            term = left[block, j, None] - right[None, :, j]
            term *= term
            squared += term
            term *= shrink
            main += _matern(term)[0]
        for j in range(a[1].shape[1]):
            different = a[1][block, j, None] != b[1][None, :, j]
            weight = shape.weights[dn + j]
            squared += weight * different
            main += np.where(different, float(matern(np.array([shrink * weight]))[0][0]), 1.0)
        found[block] = (1.0 - shape.share) * _matern(squared)[0] + (shape.share / len(shape.weights)) * main
    return found


class Beside:
    """Correlations of one row with others under several kernels at once, and their derivatives.

    Whoever climbs asks row after row: what doesn't change with the row is made once. Columns stand before rows, so that
    every sum over columns runs along memory.
    """

    def __init__(self, shapes: Sequence[Shape], others: tuple[Array, Array]) -> None:
        """Stack the kernels.

        Args:
            shapes: k kernels, all of them with main effects or none.
            others: numeric columns of n rows under each kernel's warp, shape (k, n, dn), and categorical ones, (n, dc).
        """
        self._numeric = np.ascontiguousarray(others[0].transpose(0, 2, 1))
        self._options = np.ascontiguousarray(others[1].T)
        self._weights = np.array([shape.weights for shape in shapes])[:, :, None]
        share = np.array([shape.share for shape in shapes])[:, None]
        self._shrink = np.exp([-2.0 * shape.stretch for shape in shapes])[:, None, None] if share.any() else None
        self._whole, self._main = 1.0 - share, share / self._weights.shape[1]

    def __call__(self, numeric: Array, options: Array, moving: Indices) -> tuple[Array, Array]:
        """At one row.

        Args:
            numeric: its numeric columns under each kernel's warp, shape (k, dn).
            options: its categorical ones, shape (dc,).
            moving: positions among the numeric columns.

        Returns:
            Correlations (k, n), and their derivatives by the row's moving columns (k, moving, n).
        """
        kernels, dn, others = self._numeric.shape
        apart = numeric[:, :, None] - self._numeric
        squares = np.empty((kernels, 1 + self._weights.shape[1], others))  # their sum first
        terms = squares[:, 1:]
        np.multiply(apart, apart, out=terms[:, :dn])
        terms[:, dn:] = options[:, None] != self._options
        terms *= self._weights
        terms.sum(axis=1, out=squares[:, 0])
        if len(moving) < dn:
            apart = apart[:, moving]
        by_column = apart * (2.0 * self._weights[:, moving])
        if self._shrink is None:
            value, slope = matern(squares[:, 0])
            by_column *= slope[:, None]
            return value, by_column
        terms *= self._shrink
        values, slopes = matern(squares)
        whole_slope = self._whole * slopes[:, 0]
        by_terms = slopes[:, 1 + moving] * (self._main[:, :, None] * self._shrink)
        by_terms += whole_slope[:, None]
        by_terms *= by_column
        return self._whole * values[:, 0] + self._main * values[:, 1:].sum(axis=1), by_terms
