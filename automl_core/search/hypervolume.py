"""How good a front is, in one number: the volume that it dominates, up to a reference point.

Objectives are losses: lower is better. All in plain Python, since fronts of tens of points are measured where no
numpy is loaded yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from automl_core.search.pareto import Losses, dominates

_BEYOND = 0.1  # of an objective's range: how far beyond the worst value a reference lies that nobody gave


def reference_of(losses: Sequence[Losses], given: Sequence[float | None] = ()) -> Losses:
    """The reference point: what was given, else a tenth of the range beyond the worst value, so that extremes count.

    Args:
        losses: at least one point.
        given: of each objective, None where none was given; empty where no objective has one.
    """
    found = []
    for number, column in enumerate(zip(*losses, strict=True)):
        stated = given[number] if given else None
        found.append(stated if stated is not None else max(column) + _BEYOND * (max(column) - min(column)))
    return tuple(found)


def hypervolume(losses: Iterable[Losses], reference: Losses) -> float:
    """The volume between a reference point and the points that dominate it.

    By slices along the last objective (While et al. 2006, HSO): exact, and fast enough for some hundred points of up
    to four objectives.
    """
    inside = [point for point in set(losses) if all(a < b for a, b in zip(point, reference, strict=True))]
    return _volume(_minimal(inside), reference) if inside else 0.0


def gain(point: Losses, losses: Iterable[Losses], reference: Losses) -> float:
    """By how much a point would enlarge the hypervolume of others: the volume that it alone dominates."""
    if not all(a < b for a, b in zip(point, reference, strict=True)):
        return 0.0
    shadows = [tuple(map(max, point, other)) for other in losses]
    box = math.prod(b - a for a, b in zip(point, reference, strict=True))
    return 0.0 if point in shadows else max(0.0, box - hypervolume(shadows, reference))


def shares(losses: Sequence[Losses], last: int, given: Sequence[float | None] = ()) -> list[float]:
    """What each of the last points of a sequence added to the hypervolume of those before it.

    Args:
        losses: points in the order in which they came.
        last: how many of them, from the end.
        given: reference values, see `reference_of`.

    Returns:
        For each of them, from the earliest on: its gain as a share of the box between the ideal point (the lowest of
        every objective) and the reference.
    """
    if not losses:
        return []
    reference = reference_of(losses, given)
    ideal = [min(column) for column in zip(*losses, strict=True)]
    box = math.prod(max(b - a, 0.0) for a, b in zip(ideal, reference, strict=True))
    start = max(0, len(losses) - last)
    gained = [gain(point, _minimal(set(losses[:n])), reference) for n, point in enumerate(losses[start:], start)]
    return [each / box if 0 < box < math.inf else float(each > 0) for each in gained]


def _minimal(points: Iterable[Losses]) -> list[Losses]:
    """The points that no other dominates, in lexicographic order."""
    kept: list[Losses] = []
    for point in sorted(points):
        # with two objectives, the point kept last is the lowest in the second
        if not any(dominates(other, point) for other in (kept if len(point) > 2 else kept[-1:])):
            kept.append(point)
    return kept


def _volume(points: Sequence[Losses], reference: Losses) -> float:
    """Of points that are all below the reference; dominated ones only cost time."""
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    if len(reference) == 2:
        total, ceiling = 0.0, reference[1]
        for x, y in sorted(points):
            if y < ceiling:
                total += (reference[0] - x) * (ceiling - y)
                ceiling = y
        return total
    ordered = sorted(points, key=lambda point: point[-1])
    tops = [point[-1] for point in ordered[1:]] + [reference[-1]]
    total = 0.0
    below: list[Losses] = []
    for point, top in zip(ordered, tops, strict=True):
        below = [*(other for other in below if not dominates(point[:-1], other)), point[:-1]]
        if top > point[-1]:
            total += (top - point[-1]) * _volume(below, reference[:-1])
    return total
