"""Bootstrap draws as weights of rows, and intervals of what they give.

A draw says how often each row was drawn. Rows of one key are drawn together (the cluster bootstrap: Davison and
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8): ten rows of a customer say less than ten
customers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

SMALL = 5_000
"""Units up to which a draw is one of exactly as many units; beyond, each unit's count is a Poisson number of mean 1,
which is the same in the limit and takes a fraction of the time (Hanley and MacGibbon 2006, Creating non-parametric
bootstrap samples using Poisson frequencies)."""

VALUES = 2_000_000
"""Weights held at once."""

LEAST_DRAWS = 0.9
"""Share of the draws that must have a value: a resample of a few rows may have one class alone."""


@dataclass(frozen=True)
class Draws:
    """Draws of rows, the same ones however often they are looked at.

    Attributes:
        rows: how many there are.
        codes: (rows,) the unit of each row, from 0; None where each row is one.
        count: of draws.
        seed: of them.
    """

    rows: int
    codes: Codes | None
    count: int
    seed: tuple[int, ...]

    @property
    def units(self) -> int:
        """What is drawn: rows or keys."""
        return self.rows if self.codes is None else int(self.codes.max(initial=-1)) + 1

    def blocks(self) -> Iterator[Floats]:
        """(b, rows) weights, whole numbers; the blocks have `count` rows in all."""
        random = np.random.default_rng(list(self.seed))
        units, left = self.units, self.count
        most = max(1, VALUES // max(self.rows, 1))
        while left:
            number = min(most, left)
            drawn = _drawn(random, number, units)
            yield (drawn if self.codes is None else drawn[:, self.codes]).astype(np.float64)
            left -= number


def _drawn(random: np.random.Generator, number: int, units: int) -> NDArray[np.uint16]:
    if units > SMALL:
        return _poisson()[random.integers(0, 1 << 16, (number, units), dtype=np.uint16)]
    places = random.integers(0, units, (number, units))
    places += np.arange(number)[:, None] * units
    return np.bincount(places.ravel(), minlength=number * units).reshape(number, units).astype(np.uint16)


@cache
def _poisson() -> NDArray[np.uint16]:
    """What each of 65,536 equally likely numbers is as a Poisson number of mean 1."""
    table = np.zeros(1 << 16, dtype=np.uint16)
    reached = 0.0
    for k in range(9):
        reached += math.exp(-1.0) / math.factorial(k)
        table[round(reached * (1 << 16)) :] = k + 1
    return table


def seed_of(*parts: object) -> tuple[int, ...]:
    """A seed of what is evaluated, the same for the same data on every machine."""
    found = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return tuple(int.from_bytes(found[k : k + 4], "little") for k in (0, 4, 8, 12))


def tail_of(units: int, confidence: float) -> float:
    """The share of draws beyond each end of an interval.

    Percentiles of the bootstrap are too narrow with few units, by the factor sqrt((n - 1) / n) and for the normal
    distribution that they stand in for; so they are taken further out: Φ(-sqrt(n / (n - 1)) · t) with Student's t of
    n - 1 degrees of freedom (Hesterberg 2015, What Teachers Should Know About the Bootstrap, The American
    Statistician 69, section 5.3, "expanded percentiles").
    """
    from scipy import special

    plain = (1 - confidence) / 2
    if units < 2:
        return plain
    return float(special.ndtr(math.sqrt(units / (units - 1)) * special.stdtrit(units - 1, plain)))


def ends(values: Floats, units: int, confidence: float) -> tuple[float, float]:
    """An interval of what draws gave.

    Args:
        values: (draws,), NaN where a draw has no value.
        units: that were drawn.
        confidence: of the interval.

    Returns:
        Both ends; NaN where too few draws have a value, or there is but one unit.
    """
    there = values[np.isfinite(values)]
    if units < 2 or len(there) < max(LEAST_DRAWS * len(values), 50):
        return math.nan, math.nan
    tail = tail_of(units, confidence)
    low, high = np.quantile(there, [tail, 1 - tail])
    return float(low), float(high)


def chance(value: float, values: Floats, units: int) -> float:
    """How likely a difference at least so far from 0 is, on either side, if there is none: of its standard error.

    By Student's t with the draws' standard deviation as standard error: draws alone can't tell chances below one in
    their number, and slices need such. Where no draw differs, each unit says the same, and the chance is that of a
    sign test.
    """
    from scipy import special

    there = values[np.isfinite(values)]
    if units < 2 or len(there) < max(LEAST_DRAWS * len(values), 50) or not math.isfinite(value):
        return math.nan
    error = float(there.std(ddof=1))
    if error <= 1e-12 * max(1.0, abs(value)):
        return 1.0 if abs(value) <= 1e-12 else max(2.0 * 0.5 ** min(units, 1000), 1e-300)
    return float(2 * special.stdtr(units - 1, -abs(value) / error))


def holm(chances: list[float]) -> list[float]:
    """Chances corrected for how many were looked at (Holm 1979); NaN stays, and is none of them."""
    order = sorted((k for k, each in enumerate(chances) if math.isfinite(each)), key=lambda k: chances[k])
    found, reached = list(chances), 0.0
    for rank, k in enumerate(order):
        reached = max(reached, min(1.0, (len(order) - rank) * chances[k]))
        found[k] = reached
    return found
