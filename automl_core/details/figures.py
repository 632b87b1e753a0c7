"""Single numbers of a summary: rounded for people, and nothing where there is nothing to divide by."""

from __future__ import annotations

import math


def rounded(value: float) -> float | None:
    """A figure with nine digits; None where it is not finite."""
    return float(f"{value:.9g}") if math.isfinite(value) else None


def share(part: float, whole: float) -> float | None:
    """A part of a whole; None where there is no whole."""
    return rounded(float(part) / float(whole)) if whole else None


def amount(value: float) -> float | int | None:
    """A count of rows as a whole number, a sum of weights as it is."""
    return int(value) if float(value).is_integer() and abs(value) < 2**53 else rounded(float(value))
