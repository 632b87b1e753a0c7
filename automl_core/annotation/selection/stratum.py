"""The random stratum: items that people label whatever models say of them. Evaluation stands on it alone.

Labels of what models found hard say nothing of the accuracy on all. So a part of the pool is set apart by a hash of
seed and item id alone: whether an item belongs does not depend on other items, which come and go, or on when it is
asked. The stratum is labelled in an order of its own, and never because an item is useful or a bad case.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl_core.rates import sample_for, sample_needed

Places = NDArray[np.float64]

_BITS = 53
"""Of a hash: a float holds so many."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Which items belong.

    Attributes:
        seed: of the project. Another one draws another stratum, so it stays.
        share: of all items, above 0 and at most 1. A larger share keeps those that a smaller one had.
    """

    seed: int
    share: float

    def __post_init__(self) -> None:
        """Check the share.

        Raises:
            ValueError: it is no share.
        """
        if not 0 < self.share <= 1:
            raise ValueError(f"share of the random stratum: {self.share}, and it is above 0 and at most 1")

    def place(self, item: str) -> float:
        """The place of an item, in [0, 1): it belongs where that is below the share."""
        return float(self.places([item])[0])

    def has(self, item: str) -> bool:
        """Whether an item belongs."""
        return self.place(item) < self.share

    def places(self, items: Iterable[str]) -> Places:
        """`place` of each."""
        return places_of(items, self.seed, "stratum")

    def fold(self, item: str, folds: int) -> int:
        """The fold of an item, 0 to ``folds - 1``, which stays, too.

        Labels of the stratum may also be trained on where each is predicted by a model that did not see its fold.

        Raises:
            ValueError: fewer than two folds.
        """
        if folds < 2:
            raise ValueError(f"{folds} folds: two are the fewest")
        return int(places_of([item], self.seed, "fold")[0] * folds)


def places_of(items: Iterable[str], seed: int, purpose: str) -> Places:
    """A number in [0, 1) for each item, by its id alone: alike in each process, unlike for each seed and purpose."""
    begun = hashlib.blake2b(f"{seed}:{purpose}:".encode(), digest_size=8, person=b"automl-select")

    def digest(item: str) -> bytes:
        one = begun.copy()
        one.update(item.encode(errors="surrogatepass"))
        return one.digest()

    numbers = np.frombuffer(b"".join(map(digest, items)), dtype=">u8")
    return np.asarray((numbers >> (64 - _BITS)) / (1 << _BITS))


@dataclass(frozen=True, slots=True)
class Sizing:
    """How many labels of the stratum it takes to tell that a target is met.

    Attributes:
        target: accuracy to be met.
        faultless: labels that are enough where the model is right on each.
        many: labels that are enough, with `power`, where its accuracy is `expected`.
        share: `many` of the pool's items, at most 1.
        words: the same for people.
    """

    target: float
    faultless: int
    many: int
    share: float
    words: str


def sizing(
    target: float,
    items: int,
    *,
    expected: float | None = None,
    alpha: float = 0.05,
    looks: int = 1,
    power: float = 0.8,
) -> Sizing:
    """How large the stratum must be.

    By the exact binomial interval that `stopping` judges by: n labels with at most e errors tell that the target is met
    where so few errors, at an accuracy of the target, have a chance of at most alpha / looks.

    Args:
        target: accuracy to be met, between 0 and 1.
        items: in the pool.
        expected: accuracy that the model is thought to have then; half of what the target leaves is gone where None.
        alpha: chance of ever telling it wrongly.
        looks: rounds in which it is looked at, at most.
        power: chance of telling it where `expected` is true.

    Raises:
        ValueError: a number outside of its range, or `expected` not above the target, or hardly so.
    """
    expected = (1 + target) / 2 if expected is None else expected
    if not (0 < target < expected <= 1 and 0 < alpha < 1 and 0 < power < 1 and looks >= 1 and items >= 0):
        raise ValueError(
            f"target {target} < expected {expected} ≤ 1, alpha {alpha} and power {power} between 0 and 1,"
            f" {looks} looks and {items} items: one of these can't be"
        )
    each = alpha / looks
    faultless = sample_needed(0, 1 - target, each)
    many = sample_for(1 - target, 1 - expected, each, power)
    if many is None:
        raise ValueError(f"target {target}, expected {expected}: no number of labels that anybody has tells them apart")
    share = min(1.0, many / items) if items else 1.0
    words = (
        f"to tell at {1 - alpha:.0%} that {target:.1%} is met, looking {looks} times, takes {faultless} labels of the"
        f" random stratum without an error; with an accuracy of {expected:.1%} it takes {many}"
    )
    words += f", some {math.ceil(many / looks)} in each round"
    words += (
        f", {share:.1%} of the pool in all"
        if many <= items
        else f", and the pool has {items} items: it can't be told by them"
    )
    return Sizing(target, faultless, many, share, words)
