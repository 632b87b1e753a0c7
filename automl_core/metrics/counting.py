"""From what a training task says of its steps to the step of each metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from automl_core.metrics.series import MAX_NAMES, Point

_ROUND = "epoch"


class StepCounter:
    """Gives metrics their steps, in the order in which they come.

    - A step that is stated is taken as it is, but one that starts again with each epoch goes on counting:
      after ``epoch 1 step 500``, ``epoch 2 step 100`` is step 600. Seen again, a line gets the same step again.
    - Metrics without a step are counted, each by itself: 0, 1, 2, …, or on from the last step stated with it.
    """

    def __init__(self, names: Sequence[str], start: int = 0) -> None:
        """Begin to count.

        Args:
            names: of steps, the one that is preferred first; in lower case.
            start: of the first occurrence of a metric without a step.
        """
        self._names = names
        self._start = start
        self._next: dict[str, int] = {}
        self._offsets: dict[int, int] = {}
        self._last = -1
        self._highest = -1

    def points(self, stated: Mapping[str, int], heading: Mapping[str, int], values: Mapping[str, float]) -> list[Point]:
        """Points of metrics that came together.

        Args:
            stated: name → number of the steps stated with them.
            heading: the same of a heading line before them.
            values: the metrics.
        """
        if not values:
            return []
        step = self._step(stated or heading, {**heading, **stated}.get(_ROUND))
        if step is not None:
            for name in values:
                self._remember(name, step + 1)
            return [Point(step, values)]
        by_step: dict[int, dict[str, float]] = {}
        for name, value in values.items():
            count = self._next.get(name, self._start)
            self._remember(name, count + 1)
            by_step.setdefault(count, {})[name] = value
        return [Point(count, together) for count, together in by_step.items()]

    def _step(self, stated: Mapping[str, int], epoch: int | None) -> int | None:
        name = next((name for name in self._names if name in stated), None)
        if name is None:
            return None
        step = stated[name]
        if name == _ROUND or epoch is None:
            return step
        if epoch not in self._offsets:
            started_again = self._offsets and step <= self._last
            self._offsets[epoch] = self._highest + (step == 0) if started_again else self._offset_so_far()
        self._last = step
        step += self._offsets[epoch]
        self._highest = max(self._highest, step)
        return step

    def _offset_so_far(self) -> int:
        return next(reversed(self._offsets.values())) if self._offsets else 0

    def _remember(self, name: str, following: int) -> None:
        if name in self._next or len(self._next) < MAX_NAMES:  # a series keeps no more names either
            self._next[name] = max(following, self._next.get(name, self._start))
