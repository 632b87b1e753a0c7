"""The loosest threshold whose promised accuracy is shown by a random sample that people have labelled.

Thresholds are tested in a fixed order, from a strict one to laxer ones, each at the full probability of error, until
one is not shown: then the chance that any of those that were shown breaks the promise is the chance that the first one
that does is shown (A. Angelopoulos, S. Bates, E. Candès, M. Jordan and L. Lei 2021, "Learn then test: calibrating
predictive algorithms to achieve risk control", arXiv 2110.01052, section 3, fixed sequence testing). The order knows
nothing of the sample's labels: it starts with the strictest threshold that takes enough of the sample to be shown with
a wrong label in it.

The p-value of "the share p of wrong ones, or more" is the chance of so few wrong ones in the sample, a binomial tail
(Clopper and Pearson 1934). What is promised is the chance with which an item that the threshold takes is wrong, of this
pool and of all that come from where it came from. The share of wrong ones among those that were really taken lies
around it; how often it is above what is allowed was measured (benchmarks/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_core.annotation.agreement.bounds import Promise, labels_needed, wrong_allowed
from automl_core.rates import highest_rate, tail

STEPS = 50
"""Thresholds that are tested at most: so many equal parts of the items of which both models say the same."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One threshold against the sample.

    Attributes:
        threshold: both models are at least so sure.
        items: that it takes, of the pool, the sample included.
        labels: of the sample, among them.
        wrong: of these.
        p_value: that the promise is broken and the sample came out as it did, or better.
        shown: whether it was shown.
    """

    threshold: float
    items: int
    labels: int
    wrong: int
    p_value: float
    shown: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a search for a threshold.

    Attributes:
        threshold: both models are at least so sure; None where no threshold was shown.
        promise: what holds for what it takes.
        takes: items of the pool that it takes and people have not labelled.
        labels, wrong: of the sample, among what it takes.
        highest: the highest share of wrong ones that the sample allows at the promise's confidence.
        tested: every threshold in the order of its test.
        reason: a sentence for people.
    """

    threshold: float | None
    promise: Promise
    takes: int
    labels: int
    wrong: int
    highest: float
    tested: tuple[Tested, ...]
    reason: str


def find(
    sure: ArrayLike, sampled: ArrayLike, right: ArrayLike, promise: Promise | None = None, *,
    alpha: float | None = None, steps: int = STEPS,
) -> Found:  # fmt: skip
    """Find the loosest threshold whose promise is shown.

    Args:
        sure: (N,) of all items of the pool, `comparing.Compared.sure`; 0 where the models don't agree: never taken.
        sampled: (m,) places of a random sample of them, drawn without replacement and without a look at anything else.
        right: (m,) whether the label that the models agree on is the one that people gave; passed over where they
            don't.
        promise: what is to hold.
        alpha: probability of error of this search, where it is one of several (`alpha_of_look`).
        steps: thresholds that are tested at most.

    Raises:
        ValueError: places that are none or occur twice, another number of judgements, values of `sure` outside of 0 to
            1.
    """
    promise = promise or Promise()
    alpha = promise.alpha if alpha is None else alpha
    values, places, good = _checked(sure, sampled, right)
    held, tested = values[places], []
    order = _order(values, steps)
    numbers = [int((held >= each).sum()) for each in order]
    start = _start(numbers, promise, alpha)
    for threshold, labels in zip(order[start:], numbers[start:], strict=True):
        items, wrong = int((values >= threshold).sum()), int(((held >= threshold) & ~good).sum())
        p_value = tail(wrong, labels, promise.allowed)
        tested.append(Tested(float(threshold), items, labels, wrong, p_value, p_value <= alpha))
        if p_value > alpha:
            break
    best = next((each for each in reversed(tested) if each.shown), None)
    if best is None:
        return Found(None, promise, 0, 0, 0, 1.0, tuple(tested), _why_none(tested, held, promise, alpha))
    return Found(
        threshold=best.threshold, promise=promise, takes=best.items - best.labels, labels=best.labels, wrong=best.wrong,
        highest=highest_rate(best.wrong, best.labels, alpha), tested=tuple(tested),
        reason=f"both models at least {best.threshold:.4f} sure: people labelled {best.labels} of {best.items} such "
        f"items and found {best.wrong} wrong, which shows that {promise} holds",
    )  # fmt: skip


def _order(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Thresholds from the strictest to the laxest: each takes one part more of what the models agree on."""
    agreed = values[values > 0]
    if not len(agreed):
        return agreed
    cuts = np.quantile(agreed, 1 - np.arange(1, steps + 1) / steps, method="lower")
    return np.asarray(np.unique(cuts)[::-1])


def _start(numbers: list[int], promise: Promise, alpha: float) -> int:
    """The place of the first threshold that is tested; behind the last where none can be shown.

    The strictest one that may have a wrong label and be shown all the same, or else the strictest that may be shown at
    all: an order that ends at its first threshold because one label is wrong shows nothing. Only numbers of labels
    decide it, never the labels.
    """
    for wrong in (1, 0):
        for place, labels in enumerate(numbers):
            if wrong_allowed(promise, labels, alpha) >= wrong:
                return place
    return len(numbers)


def _why_none(tested: list[Tested], held: NDArray[np.float64], promise: Promise, alpha: float) -> str:
    """Why no threshold was shown, in a sentence."""
    agreed = int((held > 0).sum())
    if not tested:
        needed = labels_needed(Promise(promise.accuracy, 1 - alpha))
        return (
            f"people labelled {len(held)} items of the random sample, and the models agree on {agreed} of them; "
            f"{promise} needs at least {needed} of these, all of them right"
        )
    first = tested[0]
    return (
        f"{first.wrong} of the {first.labels} labels that the models are surest of are wrong; {promise} allows "
        f"{wrong_allowed(promise, first.labels, alpha)} of so many"
    )


def _checked(
    sure: ArrayLike, sampled: ArrayLike, right: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    values, places, good = np.asarray(sure, dtype=np.float64), np.asarray(sampled), np.asarray(right)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError("how sure the models are is a number from 0 to 1 for each item of the pool")
    if places.ndim != 1 or (len(places) and places.dtype.kind not in "iu"):
        raise ValueError(f"the sample is a list of places in the pool, not {places.dtype} of {places.shape}")
    if len(places) and (places.min() < 0 or places.max() >= len(values)):
        raise ValueError(f"the pool has {len(values)} items, the sample names {int(places.min())}…{int(places.max())}")
    if len(np.unique(places)) != len(places):
        raise ValueError("an item is in the sample twice: it would count as two labels")
    if good.shape != places.shape or (len(good) and good.dtype != np.bool_):
        raise ValueError(
            f"{len(places)} items of the sample need as many truth values, not {good.shape} of {good.dtype}"
        )
    return values, places.astype(np.int64), good.astype(np.bool_)
