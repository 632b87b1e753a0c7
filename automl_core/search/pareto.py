"""The order of trials with several objectives or with constraints: feasible first, then by domination.

Everything that needs one order shares this one: feasible points come before infeasible ones; feasible ones stand in
layers of non-domination, and within a layer by their crowding distance, the loneliest first (NSGA-II, Deb et al.
2002); infeasible ones by how much they break their constraints. Objectives are losses: lower is better.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from automl_core.extras import needed_by
from automl_core.search.base import PastTrial

if TYPE_CHECKING:
    import numpy as np

Losses: TypeAlias = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """What a trial reached.

    Attributes:
        objectives: one finite loss an objective.
        constraints: one number an outcome constraint, satisfied when not above 0; NaN where it was never measured,
            which counts as not satisfied.
    """

    objectives: Losses
    constraints: tuple[float, ...] = ()

    @property
    def feasible(self) -> bool:
        """Whether every constraint is satisfied."""
        return all(excess <= 0 for excess in self.constraints)


def dominates(one: Losses, other: Losses) -> bool:
    """Whether one point is nowhere worse than another, and somewhere better."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def layers(losses: Sequence[Losses]) -> list[int]:
    """The layer of each point: 0 when no other dominates it, 1 when only points of layer 0 do, and so on.

    Points are taken in lexicographic order, so that none is dominated by a later one, and the first layer that holds
    nothing that dominates a point is found by bisection (Zhang et al. 2015, ENS-BS).

    Args:
        losses: points with as many objectives each.
    """
    order = sorted(range(len(losses)), key=lambda index: losses[index])
    found = [0] * len(losses)
    two = bool(losses) and len(losses[0]) <= 2
    known: list[_Layer] = []
    for index in order:
        point = losses[index]
        # of a layer with two objectives, the point that came last is lowest in the second
        position = bisect_left(
            range(len(known)),
            True,
            key=lambda layer: not (dominates(known[layer].last, point) if two else known[layer].dominates(point)),
        )
        if position == len(known):
            known.append(_Layer(keep=not two))
        known[position].add(point)
        found[index] = position
    return found


class _Layer:
    """The points of a layer, in an array that grows by doubling."""

    def __init__(self, *, keep: bool) -> None:
        self._keep, self._count = keep, 0
        self._rows: np.ndarray | None = None
        self.last: Losses = ()

    def add(self, point: Losses) -> None:
        self.last = point
        if not self._keep:
            return
        with needed_by("ranking trials by several goals"):
            import numpy as np

        if self._rows is None or self._count == len(self._rows):
            grown = np.empty((max(8, 2 * self._count), len(point)))
            if self._rows is not None:
                grown[: self._count] = self._rows
            self._rows = grown
        self._rows[self._count] = point
        self._count += 1

    def dominates(self, point: Losses) -> bool:
        """Whether one of its points, all of them lexicographically lower or equal, dominates a point."""
        assert self._rows is not None
        rows = self._rows[: self._count]
        below = (rows <= point).all(axis=1)
        return bool(below.any()) and bool((rows[below] < point).any())


def crowding(losses: Sequence[Losses]) -> list[float]:
    """How far each point's neighbours are from one another, summed over the objectives as shares of their ranges.

    The best and the worst in an objective in which the points differ are infinitely lonely.
    """
    distances = [0.0] * len(losses)
    for objective in range(len(losses[0]) if losses else 0):
        largest = max(abs(point[objective]) for point in losses) or 1.0
        column = [point[objective] / largest for point in losses]  # of any magnitude: differences can't overflow
        order = sorted(range(len(losses)), key=lambda index: column[index])
        width = column[order[-1]] - column[order[0]]
        if width <= 0:
            continue
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, here, after in zip(order, order[1:], order[2:], strict=False):
            distances[here] += (column[after] - column[before]) / width
    return distances


def places(points: Sequence[Point]) -> list[int]:
    """Each point's place in the shared order, from 0; equals share one, and no place is left out."""
    violations = _violations([point.constraints for point in points])
    feasible = [index for index, point in enumerate(points) if point.feasible]
    keys: list[tuple[float, ...]] = [(1.0, violation) for violation in violations]
    by_layer: dict[int, list[int]] = {}
    for index, layer in zip(feasible, layers([points[index].objectives for index in feasible]), strict=True):
        by_layer.setdefault(layer, []).append(index)
    for layer, members in by_layer.items():
        # each point once: beside its equal, one of two would look crowded and the other at the layer's end
        distinct = sorted({points[index].objectives for index in members})
        lonely = dict(zip(distinct, crowding(distinct), strict=True))
        for index in members:
            keys[index] = (0.0, layer, -lonely[points[index].objectives])
    place = {key: number for number, key in enumerate(sorted(set(keys)))}
    return [place[key] for key in keys]


def front(points: Sequence[Point]) -> list[int]:
    """Positions of the feasible points that no feasible one dominates, in their own order."""
    feasible = [index for index, point in enumerate(points) if point.feasible]
    found = layers([points[index].objectives for index in feasible])
    return [index for index, layer in zip(feasible, found, strict=True) if layer == 0]


def distances(losses: Sequence[Losses]) -> list[float]:
    """How far each point is from the ideal one, which has the lowest value of every objective.

    Euclidean, in shares of the points' range in each objective.
    """
    scales = [(min(column), max(column)) for column in zip(*losses, strict=True)]
    return [
        math.hypot(*(_share(value, low, high) for value, (low, high) in zip(point, scales, strict=True)))
        for point in losses
    ]


def knee(losses: Sequence[Losses]) -> int:
    """Position of the best compromise: the point nearest to the ideal one (see `distances`), ties to the first.

    Raises:
        ValueError: there is no point.
    """
    if not losses:
        raise ValueError("there is no point to choose from")
    found = distances(losses)
    return found.index(min(found))


def with_places(history: Iterable[PastTrial], reached: Sequence[Mapping[int, Point]] = ()) -> list[PastTrial]:
    """A history whose losses are places in the shared order: what algorithms that know one loss learn from.

    Args:
        history: trials with their `objectives` and `constraints`; one whose objectives aren't all finite keeps its
            loss.
        reached: of each trial, by number: finished budget → what it reached there. Places at a budget are among the
            trials that finished it.

    Returns:
        The trials with new ``loss`` and ``losses_at`` and without curves, which are of another scale.
    """
    trials = list(history)
    valued = [t for t in trials if t.loss is not None and t.objectives and all(map(math.isfinite, t.objectives))]
    final = places([Point(trial.objectives, trial.constraints) for trial in valued])
    losses = {trial.number: float(place) for trial, place in zip(valued, final, strict=True)}
    losses_at: dict[int, dict[int, float]] = {trial.number: {} for trial in trials}
    for budget in sorted({budget for at in reached for budget in at}):
        there = [number for number, at in enumerate(reached) if budget in at]
        for number, place in zip(there, places([reached[number][budget] for number in there]), strict=True):
            losses_at[number][budget] = float(place)
    return [
        replace(trial, loss=losses.get(trial.number, trial.loss), losses_at=losses_at[trial.number], curve=())
        for trial in trials
    ]


def _violations(constraints: Sequence[tuple[float, ...]]) -> list[float]:
    """The sum of each point's broken constraints, each as a share of the worst that any point broke it by."""
    worst = [
        max((excess for excess in column if math.isfinite(excess) and excess > 0), default=1.0)
        for column in zip(*constraints, strict=True)
    ]
    return [sum(_broken(excess, most) for excess, most in zip(row, worst, strict=True)) for row in constraints]


def _broken(excess: float, most: float) -> float:
    return min(max(excess / most, 0.0), 1.0) if not math.isnan(excess) else 1.0


def _share(value: float, low: float, high: float) -> float:
    largest = max(abs(low), abs(high)) or 1.0
    width = high / largest - low / largest
    return (value / largest - low / largest) / width if width > 0 else 0.0
