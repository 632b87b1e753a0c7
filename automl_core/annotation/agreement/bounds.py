"""Exact bounds on the share of wrong labels, from a random sample that people have looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of labels that models gave and nobody has looked at.

    Attributes:
        accuracy: at least this share of them is right.
        confidence: how surely; one run in ``1 / (1 - confidence)`` may break the promise at most.
    """

    accuracy: float = 0.97
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            ValueError: a share that is not between 0 and 1.
        """
        for name in ("accuracy", "confidence"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(
                    f"{name} is between 0 and 1 and neither of both, not {value}: "
                    "no sample can show that everything is right, or show anything for certain"
                )

    @property
    def allowed(self) -> float:
        """The share that may be wrong."""
        return 1 - self.accuracy

    @property
    def alpha(self) -> float:
        """The probability with which the promise may be broken."""
        return 1 - self.confidence

    def __str__(self) -> str:
        return f"{self.accuracy:.4g} right with confidence {self.confidence:.4g}"


def check_count(wrong: int, labels: int) -> None:
    """Refuse what is no count of wrong ones among labels.

    Raises:
        ValueError: fewer than none, or more than all.
    """
    if not 0 <= wrong <= labels:
        raise ValueError(f"{wrong} wrong of {labels} labels is no count")


def tail(wrong: int, labels: int, rate: float) -> float:
    """The chance of at most so many wrong ones in a random sample where each is wrong with the given rate.

    The p-value of "the rate is at least this": exact and of one side (C. Clopper and E. Pearson 1934, "The use of
    confidence or fiducial limits", Biometrika 26, p. 404).

    Args:
        wrong: found in the sample.
        labels: looked at.
        rate: between 0 and 1.

    Raises:
        ValueError: no count.
    """
    from scipy.special import bdtr

    check_count(wrong, labels)
    return float(bdtr(wrong, labels, rate)) if labels else 1.0


def highest_share(wrong: int, labels: int, confidence: float = 0.95) -> float:
    """The highest share of wrong labels that a sample allows (Clopper and Pearson 1934, one side).

    Returns:
        A share; 1 where nothing was looked at.

    Raises:
        ValueError: no count.
    """
    from scipy.special import betaincinv

    check_count(wrong, labels)
    return 1.0 if wrong == labels else float(betaincinv(wrong + 1, labels - wrong, confidence))


def interval(wrong: int, labels: int, confidence: float = 0.95) -> tuple[float, float]:
    """Lowest and highest share of wrong labels that a sample allows, both sides together (Clopper and Pearson 1934)."""
    half = (1 + confidence) / 2
    return 1 - highest_share(labels - wrong, labels, half), highest_share(wrong, labels, half)


def labels_needed(promise: Promise, wrong: int = 0) -> int:
    """How many labels a sample needs to show the promise, where so many of them turn out to be wrong.

    99 faultless ones for 97 % with 95 % confidence, 299 for 99 %: the smallest n with ``accuracy ** n <= 1 -
    confidence``.

    Raises:
        ValueError: fewer than no wrong ones.
    """
    if wrong < 0:
        raise ValueError(f"{wrong} wrong labels is no count")
    low = wrong
    high = max(wrong + 1, math.ceil((wrong + 1) / promise.allowed))
    while tail(wrong, high, promise.allowed) > promise.alpha:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if tail(wrong, middle, promise.allowed) > promise.alpha else (low, middle)
    return high


def wrong_allowed(promise: Promise, labels: int, alpha: float | None = None) -> int:
    """How many of so many labels may be wrong for the promise to be shown; -1 where even none is too few labels.

    Args:
        promise: what is to be shown.
        labels: in the sample.
        alpha: another one than the promise's, where several tests share it.
    """
    alpha = promise.alpha if alpha is None else alpha
    found = -1
    while found + 1 <= labels and tail(found + 1, labels, promise.allowed) <= alpha:
        found += 1
    return found
