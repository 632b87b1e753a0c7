"""How far groups lie above others or below, from residuals: as it was on the whole, or as it was of late.

A level that lasts is told best by all rows of its group, one that drifts by the last ones. So residuals are weighed by
how many later moments their group has (exponential discounting, the steady model of Harrison and Stevens, Journal of
the Royal Statistical Society B 38 (1976), p. 205), and rows that were forecast say which discount holds.

Two kinds of residuals know a group's level. Those of a model that had not learned from the group hold all of it; but
the model that answers has learned from its earlier rows, and has some of the level already. Those of a forecast, by a
model that had, hold what is left of it. Which of them tells the later rows is asked of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

DISCOUNTS = (1.0, 0.7, 0.4)
"""What a residual counts for each later moment that its group has; 1: all the same."""

CAUTION = 1.0
"""Standard errors, over groups, by which levels of late have to be better than those of all rows."""

PARTS = 20
"""Of the groups: slopes of a part are those of all others."""

LEAST = 30
"""Rows of groups that are known before, below which a forecast judges nothing."""


@dataclass(frozen=True)
class Forecast:
    """Later rows as a fit on earlier ones tells them.

    Attributes:
        earlier, later: (n,), (m,) positions among the panel's rows.
        residuals: (m, K) what the later rows lie above it.
    """

    earlier: Codes
    later: Codes
    residuals: Floats


@dataclass(frozen=True)
class Rows:
    """The rows of a panel.

    Attributes:
        codes: (n,) their groups, from 0.
        count: groups in all.
        order: (n,) numbers that grow with time; None where nothing puts them in order.
        residuals: (n, K) of models that had not learned from the row's group.
    """

    codes: Codes
    count: int
    order: Floats | None
    residuals: Floats


@dataclass(frozen=True)
class Levels:
    """What groups lie above others or below.

    Attributes:
        before: (count, K) as it was known at the forecast's beginning.
        now: (count, K) by all rows.
        discount: of residuals, see `DISCOUNTS`.
        forecast: whether they are those of forecasts.
    """

    before: Floats
    now: Floats
    discount: float = 1.0
    forecast: bool = False


def levels(rows: Rows, last: Forecast, first: Forecast | None) -> Levels:
    """The groups' levels, of the kind that tells later rows best.

    Args:
        rows: of the panel.
        last: of the latest rows; or, without an order, of some rows.
        first: of the latest ones of those before; None where nothing was forecast twice: all rows count the same then.
    """
    variances = variances_of(rows.residuals, rows.codes, rows.count)  # of all: with two moments, earlier rows have one

    def of(part: Codes, discount: float) -> Floats:
        return _levels(rows, part, rows.residuals[part], discount, variances)

    plain = Levels(of(last.earlier, 1.0), of(np.arange(len(rows.codes)), 1.0))
    if first is None or rows.order is None:
        return plain
    before = {each: of(last.earlier, each) for each in DISCOUNTS}
    losses = {each: _losses(rows, last, levels) for each, levels in before.items()}
    found = plain
    if int(np.isin(rows.codes[first.later], rows.codes[first.earlier]).sum()) >= LEAST:
        earlier = {each: _losses(rows, first, of(first.earlier, each)) for each in DISCOUNTS}
        discount = _discount(losses, earlier)
        if discount != 1.0:
            found = Levels(before[discount], of(np.arange(len(rows.codes)), discount), discount)
    moved = _of_forecasts(rows, last, first, plain)
    if moved and _better(losses[found.discount], moved[0][0]):
        return moved[0][1]
    return found


def _of_forecasts(rows: Rows, last: Forecast, first: Forecast, plain: Levels) -> list[tuple[Floats, Levels]]:
    """(count,) losses and levels of what rows lay above their forecast, the best alone; none where it tells nothing."""
    spreads = [variances_of(each.residuals, rows.codes[each.later], rows.count) for each in (first, last)]
    if min(between for between, _ in spreads) <= 0.0:
        return []
    found = []
    for discount in DISCOUNTS:
        made = []
        for each, spread, otherwise in zip((first, last), spreads, (plain.before, plain.now), strict=True):
            there = np.isin(np.arange(rows.count), rows.codes[each.later])
            made.append(
                np.where(there[:, None], _levels(rows, each.later, each.residuals, discount, spread), otherwise)
            )
        found.append((_losses(rows, last, made[0]), Levels(made[0], made[1], discount, forecast=True)))
    return [min(found, key=lambda each: float(each[0].sum()))]


def _discount(last: dict[float, Floats], first: dict[float, Floats]) -> float:
    """The discount that both forecasts are for; 1 where they are not clearly."""
    scale = [float(each[1.0].sum()) for each in (last, first)]
    if min(scale) <= 0.0:
        return 1.0
    both = {each: last[each] / scale[0] + first[each] / scale[1] for each in last}
    fit = [
        each for each in both
        if each == 1.0 or (last[each].sum() < last[1.0].sum() and first[each].sum() <= first[1.0].sum())
    ]  # fmt: skip
    best = min(fit, key=lambda each: float(both[each].sum()))
    return best if best != 1.0 and _better(both[1.0], both[best]) else 1.0


def _better(before: Floats, after: Floats) -> bool:
    """Whether groups' losses are lower by more than luck: in pairs, by `CAUTION` standard errors over groups."""
    gains = (before - after)[before > 0]
    count = len(gains)
    if count < 2:
        return False
    error = float(np.sqrt(count / (count - 1) * ((gains - gains.mean()) ** 2).sum()))
    return float(gains.sum()) > CAUTION * error


def _losses(rows: Rows, forecast: Forecast, known: Floats) -> Floats:
    """(count,) squared residuals of each group's later rows about their mean, after its level by the others' slope."""
    codes = rows.codes[forecast.later]
    there = np.isin(codes, rows.codes[forecast.earlier])
    found = np.zeros(rows.count)
    if not there.any():
        return found
    levels, rest = known[codes[there]], forecast.residuals[there]
    levels, rest = levels - levels.mean(axis=0), rest - rest.mean(axis=0)
    named, places = np.unique(codes[there], return_inverse=True)
    places = places.reshape(-1)

    def of(values: Floats) -> Floats:
        return np.bincount(places, values.sum(axis=1), minlength=len(named)).astype(np.float64)

    sizes, products, squares = of(levels**2), of(levels * rest), of(rest**2)
    part = np.arange(len(named)) % min(PARTS, len(named))
    slopes = np.zeros(len(named))
    if len(named) > 1:
        size = sizes.sum() - np.bincount(part, sizes)[part]
        product = products.sum() - np.bincount(part, products)[part]
        slopes = np.clip(np.divide(product, size, out=np.zeros_like(size), where=size > 0), 0.0, 1.0)
    found[named] = squares - 2 * slopes * products + slopes**2 * sizes
    return found


def _levels(rows: Rows, part: Codes, residuals: Floats, discount: float, variances: tuple[float, float]) -> Floats:
    codes = rows.codes[part]
    if discount == 1.0 or rows.order is None:
        return intercepts(residuals, codes, rows.count, variances)
    weights = discount ** moments_after(rows.order[part], codes).astype(np.float64)
    return intercepts(residuals, codes, rows.count, variances, weights)


def moments_after(order: Floats, codes: Codes) -> Codes:
    """(n,) how many later moments each row's group has.

    Args:
        order: (n,) numbers that grow with time.
        codes: (n,) groups, from 0.
    """
    if not len(codes):
        return np.zeros(0, dtype=np.int64)
    _, places = np.unique(order, return_inverse=True)
    width = int(places.max()) + 1
    pairs, back = np.unique(codes * width + places.reshape(-1), return_inverse=True)
    # pairs are sorted by group and then by moment: a group's last one ends its run
    _, group, sizes = np.unique(pairs // width, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)[group.reshape(-1)] - 1
    return np.asarray((ends - np.arange(len(pairs)))[back.reshape(-1)], dtype=np.int64)


def intercepts(
    residuals: Floats, codes: Codes, count: int, variances: tuple[float, float] | None = None,
    weights: Floats | None = None,
) -> Floats:  # fmt: skip
    """(count, K) the groups' mean residuals, each drawn towards 0; of a group without a row 0.

    A mean of k residuals is worth k b / (k b + w) of itself, where b and w are the variances between and within groups
    (Robinson, Statistical Science 6 (1991), p. 15, section 2). They are those of K columns together, so what sums to 0
    in the rows does so in the groups. Where nothing tells groups apart all are 0. A weighted mean is worth that of as
    many residuals as have its variance (Kish, Survey Sampling (1965), p. 427).

    Args:
        residuals: (n, K) of rows.
        codes: (n,) their groups, from 0.
        count: groups in all.
        variances: b and w; those of these rows, where they are left out.
        weights: (n,) from 0 to 1; 1 where they are left out.
    """
    between, within = variances_of(residuals, codes, count) if variances is None else variances
    sizes, means = means_of(residuals, codes, count, weights)
    if between <= 0.0:
        return np.zeros_like(means)
    kept = sizes * between
    return np.asarray((kept / np.where(sizes > 0, kept + within, 1.0))[:, None] * means)


def means_of(residuals: Floats, codes: Codes, count: int, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """Groups' (count,) sizes, as of rows of one weight, and (count, K) means; see `intercepts`."""
    each = np.ones(len(codes)) if weights is None else weights
    total = np.bincount(codes, each, minlength=count)
    squares = np.bincount(codes, each**2, minlength=count)
    sums = np.column_stack([np.bincount(codes, each * column, minlength=count) for column in residuals.T])
    there = total > 0
    sizes = np.divide(total**2, squares, out=np.zeros(count), where=there & (squares > 0))
    return sizes, sums / np.where(there, total, 1.0)[:, None]


def variances_of(residuals: Floats, codes: Codes, count: int) -> tuple[float, float]:
    """Variances between groups and within them, by moments; 0 between groups of a single row each."""
    sizes, means = means_of(residuals, codes, count)
    present = sizes > 0
    within = float(((residuals - means[codes]) ** 2).sum()) / max(len(residuals) - int(present.sum()), 1)
    middle = np.average(means[present], axis=0, weights=sizes[present])
    spread = float(np.average(((means[present] - middle) ** 2).sum(axis=1), weights=sizes[present]))
    if len(residuals) <= present.sum():  # of groups of one row nobody knows what is theirs
        return 0.0, within
    return max(spread - within / float(sizes[present].mean()), 0.0), within
