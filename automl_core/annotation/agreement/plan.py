"""What a promise takes in labels of people, said before the first one is given."""

from __future__ import annotations

import math
from dataclasses import dataclass

from automl_core.annotation.agreement.bounds import Promise, alpha_of_look, labels_needed, wrong_allowed
from automl_core.rates import sample_for, tail

CALIBRATING = 0.2
"""The share of the random sample that calibrates the models; the rest tests thresholds (`pair`)."""

CHANCE = 0.8
"""The chance with which the advised number of labels shows a threshold that keeps the promise."""

MOST = 20_000
"""Labels above the threshold beyond which nothing is advised any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Labels that a promise takes.

    Attributes:
        promise: what is promised.
        faultless: labels above the threshold, all of them right, without which nothing can be shown.
        least: labels of the random sample, calibration included, so that so many are above the threshold on average.
        advised_above: labels above the threshold that show it with `chance`, if so many are wrong as was supposed.
        advised: labels of the random sample for these.
        supposed: the share of wrong ones that was supposed.
        share: of the pool, which is to be taken.
        chance: see `advised_above`.
    """

    promise: Promise
    faultless: int
    least: int
    advised_above: int
    advised: int
    supposed: float
    share: float
    chance: float

    def __str__(self) -> str:
        return (
            f"{self.promise} needs at least {self.faultless} faultless labels above the threshold: {self.least} labels "
            f"of a random sample where {self.share:.0%} of the pool is to be taken; {self.advised} labels show it with "
            f"a chance of {self.chance:.0%} where {self.supposed:.2%} of what is taken is wrong"
        )


def plan(
    promise: Promise | None = None, *, share: float = 0.5, supposed: float | None = None,
    chance: float = CHANCE, calibrating: float = CALIBRATING, look: int | None = None,
) -> Plan:  # fmt: skip
    """What a promise takes.

    Args:
        promise: see `Promise`.
        share: of the pool, that is to be taken: of a random sample about this share lies above the threshold.
        supposed: share of wrong labels among what is taken; a third of what is allowed, where it isn't known.
        chance: with which a threshold is to be shown.
        calibrating: share of the sample that calibrates.
        look: the so-manieth search of a project, from 1, as `pair.agree` has it: it takes more labels, since all
            together err as seldom as one; None where it is the only one.

    Raises:
        ValueError: shares that are none, or a promise that what is supposed does not keep.
    """
    promise = promise or Promise()
    supposed = promise.allowed / 3 if supposed is None else supposed
    if not 0 < share <= 1:
        raise ValueError(f"the share of the pool that is to be taken is above 0 and at most 1, not {share}")
    if not 0 <= calibrating < 1 or not 0 < chance < 1:
        raise ValueError(f"calibrating is from 0 to below 1, chance between 0 and 1, not {calibrating} and {chance}")
    if not 0 <= supposed < promise.allowed:
        raise ValueError(
            f"where {supposed:.2%} of the labels are wrong no number of them shows that at most "
            f"{promise.allowed:.2%} are; promise less, or take better models"
        )
    whole = share * (1 - calibrating)
    searched = promise if look is None else Promise(promise.accuracy, 1 - alpha_of_look(promise, look))
    faultless, above = labels_needed(searched), _advised(searched, supposed, chance)
    return Plan(
        promise=promise, faultless=faultless, least=math.ceil(faultless / whole), advised_above=above,
        advised=math.ceil(above / whole), supposed=supposed, share=share, chance=chance,
    )  # fmt: skip


def _advised(promise: Promise, supposed: float, chance: float) -> int:
    """The fewest labels that show the promise with a chance."""
    found = sample_for(promise.allowed, supposed, promise.alpha, chance, most=MOST)
    if found is None:
        raise ValueError(
            f"where {supposed:.2%} of the labels are wrong it takes more than {MOST:,} of them to show that at most "
            f"{promise.allowed:.2%} are; promise less, or take better models"
        )
    return found


def shows(promise: Promise, labels: int, supposed: float) -> float:
    """The chance that so many labels above a threshold show it, where a share of them is wrong."""
    allowed = wrong_allowed(promise, labels)
    return tail(allowed, labels, supposed) if allowed >= 0 else 0.0
