"""What a metric source tells: points, steps, and points that don't count any more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

Step: TypeAlias = float
"""A step: not negative, whole or a fraction (epoch 0.25). A whole one is an ``int``, so that people read 3, not 3.0."""

COUNTED = ""
"""The axis of metrics whose steps nobody states: their occurrences are counted, each metric's by itself."""

_MOST = 1e18


def step_of(number: object) -> Step | None:
    """The step that a number is, None where it is none: negative, not finite, 1e18 or more, or no number at all."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number < _MOST:
        return None
    return int(number) if number == int(number) else float(number)


@dataclass(frozen=True, slots=True)
class Point:
    """Metrics reported at one step. A value may be NaN or infinite: it is reported, not judged.

    Attributes:
        step: see `Step`.
        values: metric → value.
        axis: what the step counts: the name under which it was stated (``epoch``), or `COUNTED`.
        over: whether the step is known to be over, so that nothing newer comes for it.
    """

    step: Step
    values: Mapping[str, float]
    axis: str = field(default=COUNTED, compare=False)
    over: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Retraction:
    """Points that a source takes back: they were no steps, or a training that was resumed has made them void.

    Attributes:
        names: the metrics; None for all.
        first, last: the steps from and to which, both included.
        axis: what they count, as in `Point`.
    """

    names: frozenset[str] | None
    first: Step = 0
    last: Step = math.inf
    axis: str = COUNTED


News: TypeAlias = Point | Retraction
"""What a source returns, in order."""
