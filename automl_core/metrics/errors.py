"""What can be wrong with a trial's metrics, in words for the person who trained it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAIL_LINES = 20
_TAIL_WIDTH = 300
_NAMES_SHOWN = 30


class MetricError(Exception):
    """A trial's metrics don't give the goal's value. The message says which metric, and what was seen instead."""

    def explain(self, tail: Sequence[str] = ()) -> str:
        """The message with the end of the log below it.

        Args:
            tail: last lines of the training task's log; the last 20 are shown, each cut at 300 characters.
        """
        lines = [line.rstrip() for line in tail if line.strip()][-_TAIL_LINES:]
        if not lines:
            return str(self)
        shown = (line if len(line) <= _TAIL_WIDTH else f"{line[:_TAIL_WIDTH]}…" for line in lines)
        return "\n".join([str(self), "Last lines of the log:", *(f"  | {line}" for line in shown)])


class MissingMetric(MetricError):
    """A metric of the goal was never reported.

    Attributes:
        missing: the goal's metrics that never came.
        seen: metrics that did come.
        full: whether so many different names came that some were left out.
    """

    def __init__(self, missing: Sequence[str], seen: Sequence[str], full: bool = False) -> None:
        super().__init__(missing, seen, full)
        self.missing, self.seen, self.full = tuple(missing), tuple(seen), full

    def __str__(self) -> str:
        names = ", ".join(repr(name) for name in self.missing)
        text = f"goal.metric: {names} {'was' if len(self.missing) == 1 else 'were'} never reported. "
        if not self.seen:
            return text + "No metric was seen at all: check the training task's `metrics` and what it prints or writes"
        more = f" and {len(self.seen) - _NAMES_SHOWN} more" if len(self.seen) > _NAMES_SHOWN else ""
        text += f"Seen: {', '.join(self.seen[:_NAMES_SHOWN])}{more}"
        if self.full:
            text += f" (names after the first {len(self.seen)} were left out)"
        near = [close[0] for name in self.missing if (close := difflib.get_close_matches(name, self.seen, 1))]
        return f"{text}. Did you mean {' and '.join(repr(name) for name in dict.fromkeys(near))}?" if near else text


class AmbiguousMetric(MetricError):
    """A metric of the goal fits two names, and nobody can know which one is meant.

    Attributes:
        metric: the goal's.
        names: those that it fits.
    """

    def __init__(self, metric: str, names: Sequence[str]) -> None:
        super().__init__(metric, names)
        self.metric, self.names = metric, tuple(names)

    def __str__(self) -> str:
        names = ", ".join(repr(name) for name in self.names[:_NAMES_SHOWN])
        return f"goal.metric: {self.metric!r} fits {len(self.names)} of the names seen, {names}: name one of them"


class MixedSteps(MetricError):
    """The goal's metrics count their steps differently, so no step has them all.

    Attributes:
        axes: metric → the name of its steps, empty where its occurrences were counted.
    """

    def __init__(self, axes: Mapping[str, str]) -> None:
        super().__init__(axes)
        self.axes = dict(axes)

    def __str__(self) -> str:
        found = ", ".join(f"{name!r} by {axis or 'its occurrences'}" for name, axis in self.axes.items())
        return (
            f"goal: its metrics count different steps ({found}), so no step has a value of them all: print them in one "
            "line, or each with the same step (metrics.step)"
        )


class NotFinite(MetricError):
    """A metric of the goal is NaN or infinite.

    Attributes:
        metric: which one (the goal's label where only the weighted sum is infinite).
        step: where it was first so.
        value: nan, inf or -inf.
        seen: metrics that were reported.
    """

    def __init__(self, metric: str, step: float, value: float, seen: Sequence[str] = ()) -> None:
        super().__init__(metric, step, value, seen)
        self.metric, self.step, self.value, self.seen = metric, step, value, tuple(seen)

    def __str__(self) -> str:
        also = [name for name in self.seen if name != self.metric][:_NAMES_SHOWN]
        seen = f" (also seen: {', '.join(also)})" if also else ""
        what = "the training has diverged or divides by zero"
        return f"metric {self.metric!r} is {self.value} at step {self.step}: {what}{seen}"


class UnreadableMetrics(MetricError):
    """The place that `metrics.path` names holds nothing that can be read.

    Attributes:
        path: the file or folder.
        problem: what is wrong with it.
    """

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"metrics.path: {self.path}: {self.problem}"


class PatternTooSlow(MetricError):
    """A user's pattern took too long on a line.

    Attributes:
        metric: whose pattern.
        pattern: as written.
        what: how long it took, and on what, in words.
    """

    def __init__(self, metric: str, pattern: str, what: str) -> None:
        super().__init__(metric, pattern, what)
        self.metric, self.pattern, self.what = metric, pattern, what

    def __str__(self) -> str:
        shown = self.pattern if len(self.pattern) <= 100 else f"{self.pattern[:100]}…"
        return (
            f"metrics.patterns.{self.metric}: {self.what}: the metrics of this trial are not read any further. Write "
            f"{shown!r} without repetitions inside repetitions, look-arounds and back-references"
        )
