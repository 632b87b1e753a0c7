"""From what a training task says of its steps to the step of each metric.

One axis for each metric: its steps are stated under one name, or they are counted, and never one after the other.

- **Stated.** A step is what its line states (``epoch 3``, ``"epoch": 0.25``), else the heading above it. Of several
  names in a line the first in ``metrics.step`` is the axis. One that starts again with each epoch goes on counting:
  after ``epoch 1 step 500``, ``epoch 2 step 100`` is step 600.
- A metric whose steps are stated may also come without one: it then belongs to the step stated last.
- A metric that never states a step itself belongs to the step stated last too, as long as it comes once a step.
- **Counted.** Everything else: 0, 1, 2, … in the order of the lines, each metric by itself. A step that is stated later
  changes nothing then.
- What an axis is, a metric's second occurrence settles; a first value of another kind (an evaluation before the
  training, say) is taken back.
- A line counts once: what is drawn again in it, with carriage returns, is the same occurrence with a newer value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from automl_core.metrics.points import COUNTED, News, Point, Retraction, Step
from automl_core.metrics.series import MAX_NAMES

_ROUND = "epoch"


@dataclass(slots=True)
class _Track:
    """One metric's axis so far.

    Attributes:
        axis: see `Point.axis`.
        step: of the last occurrence.
        value: the first one's, until the axis is settled.
        line: in which the last occurrence came.
        next: the next count.
        settled: whether the axis is.
        under: the stated step that the first occurrence was put at, where it stated none itself.
    """

    axis: str
    step: Step
    value: float
    line: int
    next: int
    settled: bool = False
    under: tuple[str, Step] | None = None


class StepCounter:
    """Gives metrics their steps, in the order in which they come (see above)."""

    def __init__(self, names: Sequence[str], start: int = 0) -> None:
        """Begin to count.

        Args:
            names: of steps, the one that is preferred first; in lower case.
            start: of the first occurrence of a metric without a step.
        """
        self._names = names
        self._start = start
        self._tracks: dict[str, _Track] = {}
        self._now: dict[str, Step] = {}
        self._current: tuple[str, Step] | None = None
        self._line = 0
        self._offsets: dict[Step, int] = {}
        self._last: Step = -1
        self._highest: Step = -1

    def end_line(self) -> None:
        """What comes next stands in another line."""
        self._line += 1

    def points(
        self, stated: Mapping[str, Step], heading: Mapping[str, Step], values: Mapping[str, float]
    ) -> list[News]:
        """Points of metrics that came together.

        Args:
            stated: name → number of the steps stated with them.
            heading: the same of a heading line before them.
            values: the metrics.
        """
        if not values:
            return []
        given = stated or heading
        preferred = next((name for name in self._names if name in given), None)
        numbers: dict[str, Step] = {}
        if preferred is not None:
            numbers = {name: number for name, number in {**heading, **given}.items() if name in self._names}
            numbers[preferred] = self._continued(preferred, given[preferred], numbers.get(_ROUND))
            self._now.update(numbers)
            self._current = (preferred, numbers[preferred])
        news: list[News] = []
        together: dict[tuple[str, Step], dict[str, float]] = {}
        for name, value in values.items():
            for step, axis, each in self._place(name, value, numbers, preferred, news):
                together.setdefault((axis, step), {})[name] = each
        return news + [Point(step, found, axis) for (axis, step), found in together.items()]

    def _place(
        self, name: str, value: float, numbers: Mapping[str, Step], preferred: str | None, news: list[News]
    ) -> list[tuple[Step, str, float]]:
        """Where a metric's value belongs: (step, axis, value), its earlier value moved along where it must be."""
        track = self._tracks.get(name)
        if track is None:
            track = self._begin(value, numbers, preferred)
            if len(self._tracks) < MAX_NAMES:  # a series keeps no more names either
                self._tracks[name] = track
        elif preferred is not None and track.axis != COUNTED:
            self._state(track, name, numbers, preferred, news)
        elif track.line == self._line:
            track.value = value  # drawn again
        elif preferred is not None and not track.settled:
            news.append(Retraction(frozenset({name}), track.step, track.step, track.axis))
            track.axis, track.step, track.settled = preferred, numbers[preferred], True
        elif (first := self._follow(track, name, news)) is not None:
            track.line = self._line
            return [(self._start, COUNTED, first), (track.step, COUNTED, value)]
        track.line = self._line
        return [(track.step, track.axis, value)]

    def _begin(self, value: float, numbers: Mapping[str, Step], preferred: str | None) -> _Track:
        if preferred is not None:
            return _Track(preferred, numbers[preferred], value, self._line, self._start)
        if self._current is not None:
            axis, step = self._current
            return _Track(axis, step, value, self._line, self._start, under=self._current)
        return _Track(COUNTED, self._start, value, self._line, self._start + 1)

    def _state(self, track: _Track, name: str, numbers: Mapping[str, Step], preferred: str, news: list[News]) -> None:
        """Another occurrence with a step, of a metric that was put at stated ones so far."""
        if not track.settled:
            if track.axis != preferred:
                news.append(Retraction(frozenset({name}), track.step, track.step, track.axis))
            track.axis, track.settled, track.under = preferred, track.line != self._line, None
        track.step = numbers.get(track.axis, self._now[track.axis])

    def _follow(self, track: _Track, name: str, news: list[News]) -> float | None:
        """Another occurrence without a step. Returns the first one's value, where that has to be counted after all."""
        first = None
        if not track.settled and track.under is not None and track.under == self._current:
            # twice at one stated step: it doesn't keep to them
            news.append(Retraction(frozenset({name}), track.step, track.step, track.axis))
            first, track.axis, track.next = track.value, COUNTED, self._start + 1
        track.settled = True
        if track.axis == COUNTED:
            track.step, track.next = track.next, track.next + 1
        else:
            if track.under is not None and self._current is not None:
                track.axis = self._current[0]
            track.step = self._now[track.axis]
        return first

    def _continued(self, name: str, step: Step, epoch: Step | None) -> Step:
        """A step that starts again with each epoch, counted on."""
        if name == _ROUND or epoch is None:
            return step
        if epoch not in self._offsets:
            again = bool(self._offsets) and (step < self._last or (step == self._last and self._whole(epoch)))
            self._offsets[epoch] = int(self._highest) + (step == 0) if again else self._offset_so_far()
        self._last = step
        step += self._offsets[epoch]
        self._highest = max(self._highest, step)
        return step

    def _whole(self, epoch: Step) -> bool:
        """Whether epochs come one by one; where they come in fractions, a step again is the same one."""
        return all(isinstance(each, int) for each in (epoch, *self._offsets))

    def _offset_so_far(self) -> int:
        return next(reversed(self._offsets.values())) if self._offsets else 0
