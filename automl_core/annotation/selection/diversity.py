"""Items of a batch that are unlike each other, so that no two labels tell the same.

Both walks keep one distance an item, so memory is that of the points, and time their number × choices × columns.
Who has a large pool gives the most useful of it (`select` does).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.selection.pool import PIECE, Floats

STEPS = 10
"""Of k-means at most: its first ones move centres most."""


def standardised(table: Floats) -> Floats:
    """Columns with mean 0 and deviation 1; what is not known is the mean, and columns without a spread count nothing.

    Args:
        table: (n, d), any scales.
    """
    points = table.astype(np.float64)
    known = ~np.isnan(points)
    many = np.maximum(known.sum(axis=0), 1)
    # Scaled down first: squares of what is near the largest float would be infinite.
    largest = np.abs(np.where(known, points, 0)).max(axis=0, initial=0.0)
    points = np.where(known, points, 0) / np.where(largest > 0, largest, 1)
    mean = points.sum(axis=0) / many
    points = np.where(known, points - mean, 0)
    deviation = np.sqrt((points**2).sum(axis=0) / many)
    # A deviation that is rounding alone would blow noise up to the size of everything else.
    spread = deviation > 1e-9
    return np.asarray(points[:, spread] / deviation[spread])


def k_centre(points: Floats, many: int, begin: int = 0) -> list[int]:
    """The farthest from all chosen so far, again and again.

    At most twice as far from the farthest item as the best choice (Gonzalez 1985, "Clustering to minimize the maximum
    intercluster distance", Theoretical Computer Science 38, p. 297); Sener and Savarese 2018 choose labels so ("Active
    learning for convolutional neural networks: a core-set approach", ICLR, algorithm 1). It seeks the edges: what lies
    alone is chosen first, errors among it.

    Args:
        points: (n, d).
        many: how many; fewer come where there are fewer places.
        begin: the row that is chosen first.

    Returns:
        Rows in the order of their choice. Of rows at one place only one is chosen.
    """
    if not len(points) or many < 1:
        return []
    chosen = [begin]
    near = _distances(points, begin)
    while len(chosen) < many:
        row = int(np.argmax(near))
        if near[row] <= 0:
            break
        chosen.append(row)
        np.minimum(near, _distances(points, row), out=near)
    return chosen


def k_means_seeds(
    points: Floats, many: int, random: np.random.Generator, weights: Floats | None = None, begin: int | None = None
) -> list[int]:
    """Seeds of k-means++: each drawn by its squared distance from those before, times a weight.

    Arthur and Vassilvitskii 2007, "k-means++: the advantages of careful seeding", SODA, p. 1029. A weight:
    Zhdanov 2019, "Diverse mini-batch active learning", arXiv 1901.05954, section 3, who weights whole clusters.

    Args:
        points: (n, d).
        many: how many; fewer come where there are fewer places.
        random: what is drawn with.
        weights: (n,) at least 0, such as usefulness; alike where None.
        begin: the row that is chosen first, drawn by weight where None.

    Returns:
        Rows in the order of their choice. Of rows at one place only one is chosen.
    """
    if not len(points) or many < 1:
        return []
    heavy = np.ones(len(points)) if weights is None else weights
    first = _drawn(heavy, random) if begin is None else begin
    if first is None:
        first = int(random.integers(len(points)))
    chosen = [first]
    near = _distances(points, first)
    while len(chosen) < many:
        row = _drawn(near * heavy, random)
        if row is None:
            row = _drawn(near, random)  # what is left weighs nothing
        if row is None:
            break
        chosen.append(row)
        np.minimum(near, _distances(points, row), out=near)
    return chosen


def k_means_centres(points: Floats, many: int, random: np.random.Generator) -> list[int]:
    """Items in the middle of what is alike: the one nearest to each centre of k-means (Lloyd's steps from its seeds).

    For a first batch: seeds alone lie at the edges, where items are not like many others. Kang, Ryu and Kwon 2004,
    "Using cluster-based sampling to select initial training set for active learning in text classification", PAKDD,
    pp. 384-388.

    Args:
        points: (n, d).
        many: how many; fewer come where there are fewer places.
        random: what seeds are drawn with.

    Returns:
        Rows, those of large clusters first.
    """
    if not (seeds := k_means_seeds(points, many, random)):
        return []
    centres = points[seeds]
    for _ in range(STEPS):
        nearest, _ = _nearest(points, centres)
        sizes = np.bincount(nearest, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, points)
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    nearest, distances = _nearest(points, centres)
    chosen = []
    for centre in np.argsort(-np.bincount(nearest, minlength=len(centres)), kind="stable"):
        own = np.flatnonzero(nearest == centre)
        if len(own):
            chosen.append(int(own[np.argmin(distances[own])]))
    return chosen


def _nearest(points: Floats, centres: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The nearest centre of each point, and its squared distance, a piece of points at a time."""
    found, distances = np.zeros(len(points), dtype=np.int64), np.zeros(len(points))
    lengths = np.einsum("ij,ij->i", centres, centres)
    piece = max(1, PIECE * 10 // len(centres))
    for start in range(0, len(points), piece):
        rows = slice(start, start + piece)
        apart = lengths - 2 * points[rows] @ centres.T
        found[rows] = apart.argmin(axis=1)
        distances[rows] = apart.min(axis=1) + np.einsum("ij,ij->i", points[rows], points[rows])
    return found, distances


def _drawn(chances: Floats, random: np.random.Generator) -> int | None:
    """A row by its chance; None where none has one."""
    up_to = np.cumsum(chances)
    if not len(up_to) or up_to[-1] <= 0:
        return None
    row = int(np.searchsorted(up_to, random.random() * up_to[-1], side="right"))
    # Rounding at the end may point behind the last row that has a chance.
    return min(row, int(np.flatnonzero(chances > 0)[-1]))


def _distances(points: Floats, row: int) -> NDArray[np.float64]:
    """Squared distances of all points from one; of equal ones exactly 0."""
    apart = points - points[row]
    return np.asarray(np.einsum("ij,ij->i", apart, apart))
