"""Hyperband's arithmetic: brackets, rungs and what they cost, as NVIDIA TAO publishes them.

Everything that must be whole is reckoned in whole numbers: ``log(243) / log(3)`` is 4.999… in floating
point, and a bracket would be missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Bracket: TypeAlias = list[tuple[int, int]]
"""Rungs from the lowest: (n recommendations, r cumulative units each)."""

_LEAST_MULTIPLIER = 3.0
_ROUNDING = 1e-9


def schedule(R: int, nu: int = 3) -> list[Bracket]:
    """The brackets of Hyperband (Li et al. 2018, algorithm 1) as TAO runs them, without the s = 0 bracket.

    With s_max the largest whole number for which ``nu ** s_max <= R``, bracket s = s_max … 1 starts
    ``n = floor((s_max + 1) / (s + 1)) * nu ** s`` recommendations with ``r = floor(R / nu ** s)`` units each,
    and its rung i trains the best ``floor(n / nu ** i)`` of them up to ``r * nu ** i`` units in total.

    Args:
        R: most units that one recommendation gets.
        nu: one in nu is promoted (eta elsewhere).

    Returns:
        Brackets in the order in which they are run; empty when R is below nu.

    Raises:
        ValueError: R is below 1 or nu below 2.
    """
    if R < 1 or nu < 2:
        raise ValueError(f"hyperband wants R >= 1 and nu >= 2, found R={R} and nu={nu}")
    s_max = 0
    while nu ** (s_max + 1) <= R:
        s_max += 1
    brackets = []
    for s in range(s_max, 0, -1):
        n, r = (s_max + 1) // (s + 1) * nu**s, R // nu**s
        brackets.append([(n // nu**i, r * nu**i) for i in range(s + 1)])
    return brackets


@dataclass(frozen=True, slots=True)
class Totals:
    """What a schedule amounts to.

    Attributes:
        recommendations: combinations.
        jobs: pieces of work: every rung of every bracket.
        units_resumed: units trained when a promoted recommendation trains only the difference.
        units_not_resumed: units trained when it starts anew.
    """

    recommendations: int
    jobs: int
    units_resumed: int
    units_not_resumed: int


def totals(brackets: Sequence[Bracket]) -> Totals:
    """Add a schedule up."""
    resumed = 0
    for rungs in brackets:
        before = 0
        for n, r in rungs:
            resumed += n * (r - before)
            before = r
    return Totals(
        recommendations=sum(rungs[0][0] for rungs in brackets),
        jobs=sum(n for rungs in brackets for n, _ in rungs),
        units_resumed=resumed,
        units_not_resumed=sum(n * r for rungs in brackets for n, r in rungs),
    )


def epoch_multiplier(max_epoch: int, R: int = 27, nu: int = 3) -> float:
    """``max_epoch ** (log(nu) / log(R))``: epochs per unit, before it is cut to a whole number."""
    return float(max_epoch ** (math.log(nu) / math.log(R)))


def auto_adjust(max_epoch: int, R: int = 27, nu: int = 3) -> tuple[int, float]:
    """TAO's automatic adjustment of R and the epoch multiplier to a network's usual number of epochs.

    While `epoch_multiplier` is below 3, R is reduced by 1 and it is computed again.

    Args:
        max_epoch: epochs of one ordinary training.
        R: where the adjustment starts.
        nu: one in nu is promoted.

    Returns:
        R and the multiplier (not rounded).

    Raises:
        ValueError: max_epoch is below 3, so that no multiplier is large enough; or R or nu below 2.
    """
    if max_epoch < _LEAST_MULTIPLIER:
        raise ValueError(f"the automatic adjustment wants at least 3 epochs, found {max_epoch}")
    if R < 2 or nu < 2:
        raise ValueError(f"the automatic adjustment wants R >= 2 and nu >= 2, found R={R} and nu={nu}")
    while True:
        multiplier = epoch_multiplier(max_epoch, R, nu)
        if multiplier >= _LEAST_MULTIPLIER - _ROUNDING:
            return R, multiplier
        R -= 1


def whole_multiplier(multiplier: float) -> int:
    """``int(multiplier)``, safe from the rounding of powers: the cube root of 64 is 4."""
    return int(multiplier + _ROUNDING)


def forecast_resumed(minutes: float, epochs: int, R: int = 27, nu: int = 3) -> float:
    """TAO's run time of a Hyperband whose promoted recommendations resume (rule A of its table).

    Args:
        minutes: run time of one ordinary experiment, in minutes; so is the result.
        epochs: epochs of one ordinary experiment.
        R: before the automatic adjustment.
        nu: one in nu is promoted.
    """
    adjusted, multiplier = auto_adjust(epochs, R, nu)
    units = totals(schedule(adjusted, nu)).units_resumed
    return minutes * units * whole_multiplier(multiplier) / epochs


def forecast_not_resumed(minutes: float, epochs: int, R: int = 27, nu: int = 3) -> float:
    """TAO's run time of a Hyperband whose promoted recommendations start anew (rule B of its table).

    Arguments and result as for `forecast_resumed`; here R is taken as it is given, and the multiplier is
    neither adjusted nor cut to a whole number.
    """
    return minutes * totals(schedule(R, nu)).units_not_resumed * epoch_multiplier(epochs, R, nu) / epochs
