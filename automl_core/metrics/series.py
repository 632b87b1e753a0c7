"""A trial's metrics over its steps, and the goal's value in them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_core.metrics.errors import MetricError, MissingMetric, MixedSteps, NotFinite
from automl_core.metrics.points import COUNTED, News, Point, Retraction, Step, step_of
from automl_core.metrics.weighing import best, mean, means_of, terms, weighted
from automl_core.spec.goal import Goal

__all__ = ["MAX_NAMES", "MAX_POINTS", "Final", "MetricError", "MissingMetric", "NotFinite", "Point", "Series"]

MAX_POINTS = 50_000
"""A series that outgrows this is thinned to half of it, so that no training process can fill the memory."""

MAX_NAMES = 1_000
"""Metrics of a series; names that come later are left out."""

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Final:
    """A trial's final value.

    Attributes:
        value: of the goal: the weighted sum, on the metric's own scale; with several objectives that of the first.
        metrics: each finite metric behind it, those of all objectives and constraints among them; with
            ``final: mean`` the goal's metrics are averages.
        step: where it was reached; the last step with ``final: mean``.
    """

    value: float
    metrics: dict[str, float]
    step: Step


class Series:
    """The metrics of one attempt, or of a whole trial, keyed by step.

    The same step again merges into what is known of it, so a log that is read twice changes nothing.
    A metric keeps its last known value at later steps that don't report it. ``bool(series)`` tells
    whether anything was reported, ``len(series)`` at how many steps. A step is over when a later one of the same axis
    (see `Point`) has begun; until then its values may still be replaced.
    """

    def __init__(self, points: Iterable[News] = ()) -> None:
        self._points: dict[Step, dict[str, float]] = {}
        self._names: dict[str, None] = {}
        self._axes: dict[str, str] = {}
        self._first: dict[str, Step] = {}
        self._moving: set[str] = set()  # metrics that came at more than one step
        self._newest: dict[str, Step] = {}  # axis → its highest step
        self._over: dict[str, Step] = {}  # axis → the highest step known to be over
        self._full = False
        self.add(points)

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[Point]:
        """The points in order of step."""
        return (Point(step, dict(self._points[step])) for step in sorted(self._points))

    def by_axis(self) -> Iterator[Point]:
        """The points in order of step with their axes, a point each where a step has metrics of several."""
        for step in sorted(self._points):
            parted: dict[str, dict[str, float]] = {}
            for name, value in self._points[step].items():
                parted.setdefault(self._axes[name], {})[name] = value
            yield from (Point(step, values, axis) for axis, values in parted.items())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Series):
            return NotImplemented
        mine, others = (  # NaN is no other value than NaN here
            {step: {name: _encode(value) for name, value in values.items()} for step, values in each._points.items()}
            for each in (self, other)
        )
        return mine == others

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric reported so far, NaN and infinite ones too, in the order in which they came."""
        return tuple(self._names)

    def add(self, points: Iterable[News]) -> None:
        """Take in points, in any order, and take back what was retracted.

        A series over `MAX_POINTS` is thinned: a goal's last value and (of a single metric) its best stay
        exact, a mean over more steps than that becomes the mean over evenly spread ones.
        """
        for point in points:
            if isinstance(point, Retraction):
                self._take_back(point)
                continue
            known = self._points.setdefault(point.step, {})
            for name, value in point.values.items():
                if name not in self._names:
                    if len(self._names) >= MAX_NAMES:
                        self._full = True
                        continue
                    self._names[name] = None
                known[name] = float(value)
                self._axes[name] = point.axis
                if self._first.setdefault(name, point.step) != point.step:
                    self._moving.add(name)
            if not known:
                del self._points[point.step]
                continue
            self._newest[point.axis] = max(point.step, self._newest.get(point.axis, 0))
            if point.over:
                self._over[point.axis] = max(point.step, self._over.get(point.axis, 0))
            if len(self._points) > MAX_POINTS:
                self._points = self.thin(MAX_POINTS // 2)._points

    def _take_back(self, void: Retraction) -> None:
        """Forget some points, and what is known of the metrics by them."""
        names = set(self._names) if void.names is None else set(self._names) & void.names
        for step in [step for step in self._points if void.first <= step <= void.last]:
            left = {name: value for name, value in self._points[step].items() if name not in names}
            if left:
                self._points[step] = left
            else:
                del self._points[step]
        full, points = self._full, list(self.by_axis())
        left_names = {name for point in points for name in point.values}
        order = [name for name in self._names if name in left_names]
        self._names, self._axes, self._first, self._newest = dict.fromkeys(order), {}, {}, {}
        self._points, self._moving, self._over, self._full = {}, set(), {}, full
        self.add(points)

    def axis_of(self, names: Iterable[str]) -> str | None:
        """The axis of the first of some metrics that was reported, None where none was."""
        return next((self._axes[name] for name in names if name in self._axes), None)

    def extent(self, axis: str) -> tuple[Step, Step] | None:
        """The first and the last step of an axis, None where nothing was reported on it."""
        first = [step for name, step in self._first.items() if self._axes[name] == axis]
        return (min(first), self._newest[axis]) if first and axis in self._newest else None

    def latest(self) -> dict[str, float]:
        """The last known finite value of every metric."""
        known: dict[str, float] = {}
        for step in sorted(self._points):
            known.update((name, value) for name, value in self._points[step].items() if math.isfinite(value))
        return known

    def check(self, goal: Goal) -> None:
        """Fail as soon as a metric of an objective is NaN or infinite, rather than at the trial's end.

        Raises:
            NotFinite: one is; names the first.
            MixedSteps: the goal's metrics count different steps. (One that comes only once has no steps: it holds.)
        """
        axes = {name: self._axes[name] for name in goal.metrics if name in self._moving}
        if len(set(axes.values())) > 1:
            raise MixedSteps(axes)
        for step, value, known in self._valued(goal):
            if not math.isfinite(value):
                wrong = [name for name in goal.valued_metrics if name in known and not math.isfinite(known[name])]
                metric = wrong[0] if wrong else goal.label
                raise NotFinite(metric, step, known.get(metric, value), self.names)

    def curve(self, goal: Goal) -> tuple[tuple[Step, float], ...]:
        """The goal's value at every step that reports a metric of an objective and from which all of them are known.

        Metrics that a step doesn't report keep their last known value; with several objectives the value is that of
        the first. Steps at which the value is not
        finite are left out here; `check` and `final` fail on them.
        """
        return tuple((step, value) for step, value, _ in self._valued(goal) if math.isfinite(value))

    def over(self, goal: Goal) -> tuple[tuple[Step, float], ...]:
        """The `curve` without the step that is going on: what can be judged."""
        going_on = self._going_on(goal)
        return tuple(point for point in self.curve(goal) if going_on is None or point[0] < going_on)

    def ended(self, goal: Goal) -> Series:
        """The series without the step that was going on, for a training that was ended in the middle of it.

        Where the goal has no value without it, all of it.
        """
        going_on = self._going_on(goal)
        if going_on is None or not self.over(goal):
            return self
        axis = self.axis_of(goal.valued_metrics)
        once = {name for name in goal.metrics if name not in self._moving}
        names = frozenset(name for name in self._names if self._axes[name] == axis and name not in once)
        cut = Series(self.by_axis())
        cut._full = self._full
        cut.add([Retraction(names, going_on)])
        return cut

    def _going_on(self, goal: Goal) -> Step | None:
        """The highest step on the axis of the objectives' metrics; None where it is over, or none has begun."""
        axis = self.axis_of([n for n in goal.valued_metrics if n in self._moving] or goal.valued_metrics)
        newest = None if axis is None else self._newest.get(axis)
        return None if axis is None or newest is None or newest <= self._over.get(axis, -1) else newest

    def value_at(self, goal: Goal, step: Step) -> float | None:
        """The goal's value as last known at a step, None while a metric of it is unknown."""
        curve = self.curve(goal)
        place = bisect_right(curve, step, key=lambda point: point[0])
        return curve[place - 1][1] if place else None

    def final(self, goal: Goal, *, partial: bool = False) -> Final:
        """The final value by ``goal.final``: the best (ties: the earliest), the last, or the mean of the curve.

        The best is that of the steps that satisfy the constraints, where there are some. A constraint's metric holds
        from step to step as the others do, and before it was first reported it has the value that came first.

        Args:
            goal: says which metrics.
            partial: do without metrics of constraints that were not reported (yet).

        Raises:
            MissingMetric: a metric of the goal was never reported.
            NotFinite: one is NaN or infinite at some step.
        """
        wanted = goal.valued_metrics if partial else goal.metrics
        missing = [name for name in wanted if name not in self._names]
        if missing:
            raise MissingMetric(missing, self.names, self._full)
        self.check(goal)
        curve = self.curve(goal)
        limited = self._limited(goal, [step for step, _ in curve])
        if goal.final == "mean":
            step = curve[-1][0]
            means = self._means(goal) | means_of(limited.values())
            return Final(mean([value for _, value in curve]), self._known_at(step) | means, step)
        if goal.final == "last":
            step, value = curve[-1]
        else:
            allowed = [point for point in curve if goal.satisfied_by(limited[point[0]])]
            step, value = best(allowed or curve, goal)
        return Final(value, self._known_at(step) | limited[step], step)

    def thin(self, limit: int, goal: Goal | None = None) -> Series:
        """A series of at most so many points: the first, the last, the best, and others spread evenly between.

        Each point kept tells everything known at its step, so values that came with dropped points are not lost.

        Args:
            limit: at least 3.
            goal: whose best is kept; its curve is then a part of this series' curve. Without a goal each
                metric's lowest and highest point are kept as far as the limit allows.
        """
        if limit < 3:
            raise ValueError(f"limit is {limit}; at least 3 points (first, last, best) are kept")
        steps = sorted(self._points)
        keep: list[Step] = []
        if goal is not None and (valued := [(step, value) for step, value, _ in self._valued(goal)]):
            steps = [step for step, _ in valued]
            bad = next((step for step, value in valued if not math.isfinite(value)), None)
            keep = [best(valued, goal)[0] if bad is None else bad]
        elif goal is None:
            keep = self._extremes()
        thinned = Series()
        thinned._names, thinned._full, thinned._axes = dict(self._names), self._full, dict(self._axes)
        thinned._first, thinned._moving = dict(self._first), set(self._moving)
        thinned._newest, thinned._over = dict(self._newest), dict(self._over)
        chosen = set(steps) if len(steps) <= limit else _spread(steps, keep, limit)
        known: dict[str, float] = {}
        for step in sorted(self._points):
            known.update(self._points[step])
            if step in chosen:
                thinned._points[step] = dict(known)
        return thinned

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: names once, then rows of a step and its values (null: not reported; "nan", "inf", "-inf")."""
        names = list(self._names)
        rows = [[step, *(_encode(self._points[step].get(name)) for name in names)] for step in sorted(self._points)]
        body = {"version": _VERSION, "metrics": names, "points": rows}
        if any(self._axes[name] != COUNTED for name in names):
            body["axes"] = [self._axes[name] for name in names]
        return body

    @classmethod
    def from_json(cls, body: Any) -> Series:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            if body["version"] != _VERSION:
                raise ValueError(f"version {body['version']!r} of a metrics series is not known (known: {_VERSION})")
            names = [str(name) for name in body["metrics"]]
            series = cls()
            series._names = dict.fromkeys(names)
            axes = [str(axis) for axis in body.get("axes", [COUNTED] * len(names))]  # before 0.1.0 there were none
            series._axes = dict(zip(names, axes, strict=True))
            series.add(point for row in body["points"] for point in _decode(row, series._axes))
            return series
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"not a metrics series: {type(error).__name__}: {error}") from None

    def _valued(self, goal: Goal) -> Iterator[tuple[Step, float, dict[str, float]]]:
        """(step, value, the objectives' metrics) along the curve; value is not finite where a metric is not."""
        needed, weights = goal.valued_metrics, terms(goal)
        known: dict[str, float] = {}
        for step in sorted(self._points):
            news = {name: value for name, value in self._points[step].items() if name in needed}
            if not news:
                continue
            known.update(news)
            if len(known) == len(needed):
                finite = not goal.several or all(map(math.isfinite, known.values()))
                yield step, weighted(weights, known) if finite else math.nan, known
            elif not all(map(math.isfinite, news.values())):
                yield step, math.nan, known

    def _limited(self, goal: Goal, steps: Iterable[Step]) -> dict[Step, dict[str, float]]:
        """The constraints' metrics at some steps, as far as they were reported.

        Raises:
            NotFinite: one is NaN or infinite there.
        """
        names = {constraint.metric for constraint in goal.constraints}
        found: dict[Step, dict[str, float]] = {step: {} for step in steps}
        if not names:
            return found
        known: dict[str, float] = {}
        for step in sorted(self._points, reverse=True):
            known.update((name, value) for name, value in self._points[step].items() if name in names)
        for step in sorted(self._points):
            known.update((name, value) for name, value in self._points[step].items() if name in names)
            if step in found:
                wrong = next((name for name, value in known.items() if not math.isfinite(value)), None)
                if wrong is not None:
                    raise NotFinite(wrong, step, known[wrong], self.names)
                found[step] = dict(known)
        return found

    def _known_at(self, step: Step) -> dict[str, float]:
        known: dict[str, float] = {}
        for earlier in sorted(s for s in self._points if s <= step):
            known.update(self._points[earlier])
        return {name: value for name, value in known.items() if math.isfinite(value)}

    def _means(self, goal: Goal) -> dict[str, float]:
        rows = [dict(known) for _, value, known in self._valued(goal) if math.isfinite(value)]
        return {name: mean([row[name] for row in rows]) for name in goal.valued_metrics}

    def _extremes(self) -> list[Step]:
        lowest: dict[str, tuple[float, Step]] = {}
        highest: dict[str, tuple[float, Step]] = {}
        for step in sorted(self._points):
            for name, value in self._points[step].items():
                if math.isfinite(value):
                    if name not in lowest or value < lowest[name][0]:
                        lowest[name] = (value, step)
                    if name not in highest or value > highest[name][0]:
                        highest[name] = (value, step)
        bad = next((s for s in sorted(self._points) if not all(map(math.isfinite, self._points[s].values()))), None)
        found = [] if bad is None else [bad]
        found += [step for name in self._names if name in lowest for step in (lowest[name][1], highest[name][1])]
        return found


def _spread(steps: Sequence[Step], keep: Sequence[Step], limit: int) -> set[Step]:
    chosen = {steps[0], steps[-1]}
    for step in keep:
        if len(chosen) < limit:
            chosen.add(step)
    free = [step for step in steps if step not in chosen]
    room = limit - len(chosen)
    chosen.update(free[(2 * i + 1) * len(free) // (2 * room)] for i in range(room))
    return chosen


def _encode(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)


def _decode(row: Sequence[Any], axes: Mapping[str, str]) -> Iterator[Point]:
    """The points of a row, one an axis."""
    step = step_of(row[0]) if isinstance(row, list) and len(row) == len(axes) + 1 else None
    if step is None:
        raise ValueError(f"not a metrics series: a row of a step and {len(axes)} values is wanted, found {row!r:.100}")
    for axis in dict.fromkeys(axes.values()):
        values = {n: float(v) for n, v in zip(axes, row[1:], strict=True) if v is not None and axes[n] == axis}
        if values:
            yield Point(step, values, axis)
