"""The region that a front leaves undominated, cut into boxes: what expected hypervolume improvement is summed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from automl_core.search.bayesian.encoding import Array, Indices

_Ranks: TypeAlias = tuple[int, ...]
_Box: TypeAlias = tuple[tuple[int, int], ...]  # (lower, upper) rank in each objective; -1 is minus infinity

MOST_POINTS = {2: 200, 3: 60, 4: 25}
"""Points of a front that are told apart, by the number of objectives: the boxes grow with their powers."""


@dataclass(frozen=True)
class Boxes:
    """Disjoint boxes that cover what lies below a reference point and is not dominated by a front.

    Attributes:
        levels: of each objective the coordinates that bound the boxes, ascending; minus infinity first, the
            reference last.
        lower, upper: positions in ``levels`` of each box's sides, shape (objectives, boxes).
    """

    levels: tuple[Array, ...]
    lower: Indices
    upper: Indices

    def shifted(self, margin: float) -> Boxes:
        """The same for a front that is better by a margin in every objective."""
        return Boxes(tuple(level - margin for level in self.levels), self.lower, self.upper)


def decompose(front: Array, reference: Array) -> Boxes:
    """Cut the undominated region into boxes, by slices along the last objective.

    A box that two neighbouring slices have in common becomes one, which leaves about as many boxes as points with
    three objectives, and their square with four.

    Args:
        front: points, shape (n, objectives); dominated ones and ones beyond the reference change nothing.
        reference: shape (objectives,).
    """
    inside = thin(undominated(front[(front < reference).all(axis=1)]))
    levels = [np.unique(np.append(column, limit)) for column, limit in zip(inside.T, reference, strict=True)]
    ranks = [np.searchsorted(level, column) for level, column in zip(levels, inside.T, strict=True)]
    points = list(zip(*(rank.tolist() for rank in ranks), strict=True))
    boxes = np.array(_slice(points, tuple(len(level) - 1 for level in levels)), dtype=np.intp)
    bounded = tuple(np.append(-np.inf, level) for level in levels)
    return Boxes(bounded, boxes[:, :, 0].T + 1, boxes[:, :, 1].T + 1)


def undominated(points: Array) -> Array:
    """The points that no other dominates; of equal ones the first."""
    points = points[np.sort(np.unique(points, axis=0, return_index=True)[1])]
    better = np.asarray((points[:, None, :] <= points[None, :, :]).all(axis=2))
    np.fill_diagonal(better, False)
    return np.asarray(points[~better.any(axis=0)])


def thin(points: Array) -> Array:
    """At most `MOST_POINTS` of a front: the ends of every objective, then those farthest from the ones taken."""
    most = MOST_POINTS[points.shape[1]]
    if len(points) <= most:
        return points
    width = np.ptp(points, axis=0)
    scaled = points / np.where(width > 0, width, 1.0)
    taken = list(dict.fromkeys(int(np.argmin(column)) for column in scaled.T))
    apart = np.min([np.abs(scaled - scaled[i]).max(axis=1) for i in taken], axis=0)
    while len(taken) < most:
        farthest = int(np.argmax(apart))
        taken.append(farthest)
        apart = np.minimum(apart, np.abs(scaled - scaled[farthest]).max(axis=1))
    return np.asarray(points[np.sort(taken)])


def _slice(points: Sequence[_Ranks], top: _Ranks) -> list[_Box]:
    if len(top) == 2:
        return _staircase(points, top)
    heights = sorted({point[-1] for point in points})
    found: list[_Box] = []
    begun: dict[_Box, int] = {}
    for low in (-1, *heights):
        here = _slice([point[:-1] for point in points if point[-1] <= low], top[:-1])
        ended = begun.keys() - set(here)
        found += [(*box, (begun.pop(box), low)) for box in sorted(ended)]
        for box in here:
            begun.setdefault(box, low)
    return found + [(*box, (bottom, top[-1])) for box, bottom in begun.items()]


def _staircase(points: Sequence[_Ranks], top: _Ranks) -> list[_Box]:
    steps = [(-1, top[1])]
    for x, y in sorted(points):
        if y < steps[-1][1]:
            steps.append((x, y))
    ends = [x for x, _ in steps[1:]] + [top[0]]
    return [((x, end), (-1, y)) for (x, y), end in zip(steps, ends, strict=True)]
