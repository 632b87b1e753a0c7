"""How far annotators agree beyond accident: Cohen's kappa of two, Krippendorff's alpha of any number.

Both are ratios of a disagreement that was seen and one that was to be expected. Where all labels are the same nothing
was to be expected, and the ratio is undefined: that is said as NaN, and shown as "all labels are the same", never as
perfect agreement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_core.annotation.quality.votes import Votes

Floats = NDArray[np.float64]
AT_ONCE = 4_000_000
"""Counts that the bootstrap holds at a time."""

Level = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True, slots=True)
class Agreed:
    """A coefficient.

    Attributes:
        value: 1 is perfect agreement, 0 what accident gives; NaN where it is undefined.
        low, high: of its interval; NaN where there is none.
        observed: the share of pairs of labels that are the same; NaN without a pair.
        items: with two labels or more: the only ones that count.
    """

    value: float
    low: float
    high: float
    observed: float
    items: int


def cohen(first: ArrayLike, second: ArrayLike, *, classes: int, confidence: float = 0.95) -> Agreed:
    """Cohen's kappa of two annotators on the items that both labelled.

    J. Cohen 1960, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20, p. 37;
    its interval by the large-sample variance of J. Fleiss, J. Cohen and B. Everitt 1969, "Large sample standard errors
    of kappa and weighted kappa", Psychological Bulletin 72, p. 323, formula 13.

    Args:
        first, second: (n,) places of the labels' classes.
        classes: how many there are.
        confidence: of the interval.

    Raises:
        ValueError: labels of different numbers, or places that are none.
    """
    from scipy.special import ndtri

    one, other = np.asarray(first), np.asarray(second)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError(f"both label the same items, not {one.shape} and {other.shape}")
    for each in (one, other):
        if len(each) and (each.dtype.kind not in "iu" or each.min() < 0 or each.max() >= classes):
            raise ValueError(f"labels are places of classes, whole numbers from 0 to {classes - 1}")
    count = len(one)
    if not count:
        return Agreed(math.nan, math.nan, math.nan, math.nan, 0)
    table = np.zeros((classes, classes))
    np.add.at(table, (one.astype(np.int64), other.astype(np.int64)), 1 / count)
    lines, columns = table.sum(axis=1), table.sum(axis=0)
    observed, expected = float(np.trace(table)), float(lines @ columns)
    if expected >= 1 - 1e-12:
        return Agreed(math.nan, math.nan, math.nan, observed, count)
    kappa = (observed - expected) / (1 - expected)
    same = float((np.diag(table) * (1 - (lines + columns) * (1 - kappa)) ** 2).sum())
    across = (columns[:, None] + lines[None, :]) ** 2 * table
    others = float((1 - kappa) ** 2 * (across.sum() - np.trace(across)))
    variance = max(0.0, same + others - (kappa - expected * (1 - kappa)) ** 2) / (count * (1 - expected) ** 2)
    reach = float(ndtri((1 + confidence) / 2)) * math.sqrt(variance)
    return Agreed(kappa, max(-1.0, kappa - reach), min(1.0, kappa + reach), observed, count)


def pairs(votes: Votes, confidence: float = 0.95) -> dict[tuple[str, str], Agreed]:
    """Cohen's kappa of each two annotators who have labelled an item in common."""
    table = votes.table()
    found = {}
    for one in range(len(votes.annotators)):
        for other in range(one + 1, len(votes.annotators)):
            both = ~np.isnan(table[one]) & ~np.isnan(table[other])
            if both.any():
                labels = (table[each, both].astype(np.int64) for each in (one, other))
                names = votes.annotators[one], votes.annotators[other]
                found[names] = cohen(*labels, classes=len(votes.classes), confidence=confidence)
    return found


def krippendorff(
    counts: ArrayLike, *, level: Level = "nominal", values: ArrayLike | None = None, confidence: float = 0.95,
    resamples: int = 1000, seed: int = 0,
) -> Agreed:  # fmt: skip
    """Krippendorff's alpha of any number of annotators, whatever each has left out.

    K. Krippendorff 2019, "Content analysis", 4th edition, chapter 12: from coincidences of the values within items.
    Its interval is that of the bootstrap over items (percentiles), which are what was drawn at random.

    Args:
        counts: (items, classes) how many annotators gave each class; an item with fewer than two labels has no pair.
        level: what a difference between two classes is: another (nominal), so many labels between them (ordinal;
            classes are in their order), the distance of their values (interval).
        values: (classes,) of the classes, for intervals; their places where it is None.
        confidence: of the interval.
        resamples: of the bootstrap; without any there is no interval.
        seed: of its draws.

    Raises:
        ValueError: counts below 0, or another number of values.
    """
    found = np.asarray(counts, dtype=np.float64)
    if found.ndim != 2 or not (found >= 0).all() or not np.isfinite(found).all():
        raise ValueError("counts of labels are (items, classes), each from 0")
    many = found.shape[1]
    scale = np.arange(many, dtype=np.float64) if values is None else np.asarray(values, dtype=np.float64)
    if scale.shape != (many,):
        raise ValueError(f"{many} classes have {many} values, not an array of {scale.shape}")
    found = found[found.sum(axis=1) >= 2]
    if not len(found):
        return Agreed(math.nan, math.nan, math.nan, math.nan, 0)
    # Each ordered pair of labels within an item counts as 1 / (labels - 1), so an item counts as its labels do.
    sizes = found.sum(axis=1)
    each = found[:, :, None] * found[:, None, :]
    at = np.arange(many)
    each[:, at, at] -= found
    each /= (sizes - 1)[:, None, None]
    whole = each.sum(axis=0)
    value = float(_alpha(whole[None], level, scale)[0])
    low = high = math.nan
    if resamples and len(found) > 1 and not math.isnan(value):
        again = _resampled(each, level, scale, resamples, np.random.default_rng(seed))
        again = again[~np.isnan(again)]
        if len(again):
            low, high = (float(q) for q in np.quantile(again, [(1 - confidence) / 2, (1 + confidence) / 2]))
    return Agreed(value, low, high, float(np.trace(whole) / whole.sum()), len(found))


def _resampled(each: Floats, level: Level, scale: Floats, resamples: int, random: np.random.Generator) -> Floats:
    """(resamples,) alpha of items drawn with replacement; some at a time, since a draw is as long as the items."""
    count, found = len(each), []
    at_once = max(1, AT_ONCE // count)
    for first in range(0, resamples, at_once):
        draws = random.multinomial(count, np.full(count, 1 / count), size=min(at_once, resamples - first))
        found.append(_alpha(np.tensordot(draws.astype(np.float64), each, axes=1), level, scale))
    return np.concatenate(found)


def _alpha(coincidences: Floats, level: Level, scale: Floats) -> Floats:
    """(r,) alpha of each of (r, classes, classes) tables of coincidences; NaN where one class alone occurs."""
    totals = coincidences.sum(axis=2)
    whole = totals.sum(axis=1)
    distance = _distances(totals, level, scale)
    seen = (coincidences * distance).sum(axis=(1, 2))
    expected = (totals[:, :, None] * totals[:, None, :] * distance).sum(axis=(1, 2))
    ratio = np.divide(seen * (whole - 1), expected, out=np.full_like(seen, np.nan), where=expected > 1e-12)
    return np.asarray(1 - ratio)


def _distances(totals: Floats, level: Level, scale: Floats) -> Floats:
    """(r, classes, classes) squared differences of classes."""
    many = totals.shape[1]
    if level == "nominal":
        return np.broadcast_to(1 - np.eye(many), (len(totals), many, many))
    if level == "interval":
        return np.broadcast_to((scale[:, None] - scale[None, :]) ** 2, (len(totals), many, many))
    # ordinal: labels from the one class to the other, both ends by half
    middle = np.cumsum(totals, axis=1) - totals / 2
    return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)
