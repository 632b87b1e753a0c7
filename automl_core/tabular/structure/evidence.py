"""Figures about groups: how alike rows of a group are, and whether that is more than chance gives."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def likeness(values: Floats, codes: Ints) -> tuple[float, float]:
    """How alike the numbers of a group are: the intraclass correlation and how sure it is.

    One-way analysis of variance with groups of different sizes (Donner 1986, section 2); the F value becomes a normal
    one by the cube roots of Wilson and Hilferty (1931).

    Args:
        values: (n,) numbers.
        codes: (n,) groups from 0; rows with -1 are passed over.

    Returns:
        The correlation, at most 1, and its standard normal value.
    """
    known = codes >= 0
    values, codes = values[known], codes[known]
    sizes = np.bincount(codes).astype(np.float64)
    present = sizes > 0
    groups, count = int(present.sum()), len(values)
    if groups < 2 or count <= groups:
        return 0.0, 0.0
    means = np.bincount(codes, values)[present] / sizes[present]
    sizes = sizes[present]
    total = float(((values - values.mean()) ** 2).sum())
    between = float((sizes * (means - values.mean()) ** 2).sum())
    within = max(total - between, 1e-12 * (total or 1.0))
    if total <= 0:
        return 0.0, 0.0
    ms_between, ms_within = between / (groups - 1), within / (count - groups)
    size = (count - float((sizes**2).sum()) / count) / (groups - 1)
    correlation = (ms_between - ms_within) / (ms_between + (size - 1) * ms_within)
    return float(correlation), _normal(ms_between / ms_within, groups - 1, count - groups)


def _normal(f: float, upper: int, lower: int) -> float:
    root = f ** (1 / 3)
    first, second = 2 / (9 * upper), 2 / (9 * lower)
    return float(((1 - second) * root - (1 - first)) / math.sqrt(second * root**2 + first))


def agreement(codes: Ints, groups: Ints) -> tuple[float, float]:
    """How often two rows have the same value: within a group, and of all rows.

    Args:
        codes: (n,) values of a column from 0, -1 for missing (a value of its own).
        groups: (n,) groups from 0.
    """
    shifted = codes + 1
    many = int(shifted.max()) + 1
    cells = np.unique(groups.astype(np.int64) * many + shifted, return_counts=True)[1].astype(np.float64)
    sizes = np.bincount(groups).astype(np.float64)
    pairs = float((sizes * (sizes - 1)).sum())
    overall = np.bincount(shifted).astype(np.float64)
    count = len(codes)
    alike = float((overall * (overall - 1)).sum()) / max(count * (count - 1), 1)
    return (float((cells * (cells - 1)).sum()) / pairs if pairs else 0.0), alike


def collisions(one: Ints, other: Ints) -> tuple[float, float]:
    """Pairs of rows with the same value in two columns: how many there are, and how many chance would give.

    Args:
        one: (n,) values of the first column from 0.
        other: (n,) values of the second from 0.
    """
    many = int(other.max()) + 1
    both = np.unique(one * many + other, return_counts=True)[1].astype(np.float64)
    first = np.bincount(one).astype(np.float64)
    second = np.bincount(other).astype(np.float64)
    count = len(one)
    pairs = float((first * (first - 1)).sum()) / 2
    return float((both * (both - 1)).sum()) / 2, pairs * float((second * (second - 1)).sum()) / max(
        count * (count - 1), 1
    )


def smoothness(values: Floats, codes: Ints) -> float:
    """How much neighbouring values of a column go along with another column: the correlation of adjacent groups' means.

    Of a quantity it is high; of a label, whose order means nothing, about 0.

    Args:
        values: (n,) numbers.
        codes: (n,) positions of the column's values in order; -1 is passed over.
    """
    known = codes >= 0
    sizes = np.bincount(codes[known]).astype(np.float64)
    if len(sizes) < 5:
        return 0.0
    means = np.bincount(codes[known], values[known]) / np.maximum(sizes, 1)
    return correlation(means[:-1], means[1:], np.sqrt(sizes[:-1] * sizes[1:]))


def correlation(first: Floats, second: Floats, weights: Floats | None = None) -> float:
    """Pearson's correlation, weighted; 0 where one of the two does not vary."""
    if len(first) < 3:
        return 0.0
    weights = np.ones(len(first)) if weights is None else weights
    first = first - np.average(first, weights=weights)
    second = second - np.average(second, weights=weights)
    spread = math.sqrt(float((weights * first**2).sum()) * float((weights * second**2).sum()))
    return float((weights * first * second).sum()) / spread if spread > 1e-300 else 0.0


def runs(codes: Ints) -> int:
    """How many stretches of equal values there are in the file's order."""
    return int((codes[1:] != codes[:-1]).sum()) + 1 if len(codes) else 0


def folds_of_groups(codes: Ints, folds: int, seed: int) -> Ints:
    """(n,) folds of about the same size, each group in one of them."""
    sizes = np.bincount(codes)
    random = np.random.default_rng(seed)
    order = np.argsort(-(sizes + random.random(len(sizes))), kind="stable")
    load = np.zeros(folds)
    where = np.zeros(len(sizes), dtype=np.int64)
    for group in order:
        fold = int(load.argmin())
        where[group] = fold
        load[fold] += sizes[group]
    return where[codes]
