"""The one interface of every rule that stops a trial early.

Values reach a rule as *losses*: lower is better, whatever the goal's direction. The direction is
only there to name values to people as they know them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Literal, TypeAlias

from automl_core.extras import needed_by
from automl_core.spec.models import (
    BanditRule,
    EarlyStopping,
    EarlyStoppingBase,
    MedianRule,
    PatienceRule,
    TruncationRule,
)

Direction: TypeAlias = Literal["maximize", "minimize"]


@dataclass(frozen=True)
class TrialCurve:
    """What a trial has reported.

    Attributes:
        number: the trial's.
        points: (step, loss) pairs in order of step, steps may be fractions; lower losses are better.
        ended: whether no more will come.
    """

    number: int
    points: tuple[tuple[float, float], ...]
    ended: bool = False

    @cached_property
    def steps(self) -> tuple[float, ...]:
        """The reported steps."""
        return tuple(step for step, _ in self.points)

    @cached_property
    def losses(self) -> tuple[float, ...]:
        """The loss of each reported step."""
        return tuple(loss for _, loss in self.points)

    @cached_property
    def tidy(self) -> bool:
        """Whether the points are in order of step, each step once, and all finite."""
        points = self.points
        in_order = all(a < b for (a, _), (b, _) in pairwise(points))
        return in_order and all(math.isfinite(loss) for _, loss in points)

    @property
    def last_step(self) -> float:
        """The last reported step; -1 where nothing was reported."""
        return self.steps[-1] if self.steps else -1

    def losses_until(self, step: float) -> tuple[float, ...]:
        """The losses up to a step, that one included."""
        return self.losses[: bisect_right(self.steps, step)]

    def best_until(self, step: float) -> float:
        """The lowest loss up to a step; infinite where there is none."""
        return min(self.losses_until(step), default=math.inf)


@dataclass(frozen=True, slots=True)
class StopDecision:
    """A trial is to be stopped.

    Attributes:
        rule: the rule that says so.
        step: the step at which it was asked.
        reason: why, in words with numbers.
    """

    rule: str
    step: float
    reason: str


class EarlyStoppingRule(ABC):
    """Decides whether a running trial is stopped early. A subclass states its name and implements `evaluate`.

    A rule is asked at the ``delay``-th reported step of a trial and at every ``interval``-th one after it.
    It remembers how far it has evaluated each trial, so each evaluation is made once, however often it is
    asked; of several that have come due between two calls, only the latest is made.
    """

    name: ClassVar[str]

    def __init__(self, model: EarlyStoppingBase, direction: Direction) -> None:
        self._interval, self._delay = model.interval, model.delay
        self._sign = -1.0 if direction == "maximize" else 1.0
        self._evaluated: dict[int, float] = {}

    def decide(self, trial: TrialCurve, others: Iterable[TrialCurve]) -> StopDecision | None:
        """Whether to stop a trial now.

        Args:
            trial: as reported so far.
            others: the experiment's other trials: running, finished, and stopped early. What is not finite in
                any curve is passed over.
        """
        curve = _tidy(trial)
        seen = TrialCurve(curve.number, curve.points[: self._due(len(curve.points))])
        # remembered as a step, not as a count: a very long curve may have been thinned since
        if trial.ended or not seen.points or seen.last_step <= self._evaluated.get(trial.number, -1):
            return None
        self._evaluated[trial.number] = seen.last_step
        rivals = sorted((other for other in others if other.number != trial.number), key=lambda other: other.number)
        known = (_tidy(other) for other in rivals)
        reason = self.evaluate(seen, [other for other in known if other.points])
        return StopDecision(self.name, seen.last_step, reason) if reason else None

    @abstractmethod
    def evaluate(self, trial: TrialCurve, others: Sequence[TrialCurve]) -> str | None:
        """Judge a trial at its last reported step.

        Args:
            trial: its curve up to and with the step at which the rule is asked; never empty.
            others: by number; none of them empty, all finite.

        Returns:
            Why it is to be stopped, in words with numbers, or None.
        """

    def value(self, loss: float) -> str:
        """A loss as people know it: on the goal's own scale."""
        return f"{self._sign * loss:.6g}"

    def _due(self, reported: int) -> int:
        """The latest reported step, counted from 1, at which an evaluation is due; 0 where none is yet."""
        first = self._delay or self._interval
        return reported - (reported - first) % self._interval if reported >= first else 0


def create_rule(model: EarlyStopping | None, direction: Direction) -> EarlyStoppingRule | None:
    """The rule that an experiment file asks for, None where it asks for none.

    Args:
        model: ``trials.early_stopping``.
        direction: ``goal.direction``; the losses that the rule is given have been turned by it already.
    """
    # Each rule is imported where it is used: most experiments have one, and the file with the
    # learning curves needs numpy.
    if model is None:
        return None
    make: Callable[..., EarlyStoppingRule]
    if isinstance(model, MedianRule):
        from automl_core.stopping.median import MedianStopping as make
    elif isinstance(model, BanditRule):
        from automl_core.stopping.bandit import BanditStopping as make
    elif isinstance(model, TruncationRule):
        from automl_core.stopping.truncation import TruncationStopping as make
    elif isinstance(model, PatienceRule):
        from automl_core.stopping.patience import PatienceStopping as make
    else:
        with needed_by("the early stopping rule learning_curve"):
            from automl_core.stopping.learning_curve import LearningCurveStopping as make
    return make(model, direction)


def _tidy(curve: TrialCurve) -> TrialCurve:
    """The curve without what is not finite, in order of step."""
    if curve.tidy:
        return curve
    finite = {step: loss for step, loss in curve.points if math.isfinite(loss)}
    return TrialCurve(curve.number, tuple(sorted(finite.items())), curve.ended)
