"""The curve of a trial that trains on: what it reported before, and its new steps behind that.

A promoted trial goes on from its checkpoint. Some trainings go on counting (epoch 4 after epoch 3), others begin again
at their first epoch: the steps of those are moved behind the last one of the trial's lower budgets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from automl_core.metrics.points import COUNTED, News, Point, Retraction, Step
from automl_core.metrics.series import Series
from automl_core.spec.goal import Goal

Curve = Sequence[tuple[Step, float]]


class Earlier:
    """What a trial reported before an attempt, as far as it stays a part of its curve."""

    def __init__(self, points: Iterable[Point], lower: Curve, series: Series | None, goal: Goal) -> None:
        """Begin the attempt.

        Args:
            points: of the trial's metrics file, in order of step.
            lower: of a promoted trial: the goal's curve over its lower budgets; else empty.
            series: of a promoted trial: its metrics over its lower budgets, where they are known.
            goal: the experiment's.
        """
        self._points = tuple(points)
        self._lower, self._series, self._goal = lower, series, goal
        self._shifts: dict[str, Step] = {}
        self._own = Series()
        self._begin: Step = math.inf

    def whole(self) -> Series | None:
        """All that was reported before, for an attempt that has nothing left to report; None where there is nothing."""
        return Series(self._points) if self._points else None

    def shifted(self, news: Sequence[News]) -> list[News]:
        """The same news, with the steps of a training that counts them again behind those of the lower budgets."""
        if not self._lower:
            return list(news)
        for axis in {one.axis for one in news if isinstance(one, Point)} - self._shifts.keys() - {COUNTED}:
            self._shifts[axis] = self._shift(axis, [p for p in news if isinstance(p, Point) and p.axis == axis])
        return [self._moved(one) for one in news]

    def rebuilt(self, news: Sequence[News]) -> Series | None:
        """The whole series anew, where this news changes which of the earlier points stay; else None."""
        if not self._points:
            return None
        self._own.add(news)
        begin = min((one.step for one in news if isinstance(one, Point)), default=math.inf)
        if begin >= self._begin and not any(isinstance(one, Retraction) for one in news):
            return None
        own = list(self._own.by_axis())
        self._begin = own[0].step if own else math.inf
        return Series([*(point for point in self._points if point.step < self._begin and own), *own])

    def _moved(self, one: News) -> News:
        if isinstance(one, Point):
            shift = self._shifts.get(one.axis, 0)
            return replace(one, step=one.step + shift) if shift else one
        shift = self._shifts.get(one.axis, 0)
        return replace(one, first=one.first + shift, last=one.last + shift) if shift else one

    def _shift(self, axis: str, points: Sequence[Point]) -> Step:
        """What is added to an axis' steps: 0 where they go on, or where the points tell the lower budgets once more."""
        extent = self._extent(axis)
        if extent is None:
            return 0
        first, last = extent
        begin = min(point.step for point in points)
        if begin > first or self._repeats(points):
            return 0
        return last + 1 if begin == 0 else last

    def _extent(self, axis: str) -> tuple[Step, Step] | None:
        if self._series is not None and (extent := self._series.extent(axis)) is not None:
            return extent
        own = self._series.axis_of(self._goal.valued_metrics) if self._series is not None else axis
        return (self._lower[0][0], self._lower[-1][0]) if own == axis else None

    def _repeats(self, points: Sequence[Point]) -> bool:
        """Whether these are the lower budgets' steps with their values, as a file that holds the whole history has."""
        told = {step: f"{value:.9g}" for step, value in Series(points).curve(self._goal)}
        return all(told.get(step) == f"{value:.9g}" for step, value in self._lower)
