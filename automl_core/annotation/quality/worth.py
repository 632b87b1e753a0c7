"""Whether people should rather look at a suspected label again, or at an item without one.

n labels of which a share r is wrong train like n (1 - c r)² right ones, c = K / (K - 1) for K classes whose wrong
labels are spread alike: with noise of r the number of labels that learning takes grows by 1 / (1 - 2 r)² for two
classes (D. Angluin and P. Laird 1988, "Learning from noisy examples", Machine Learning 2, p. 343, theorem 2), and c r
takes the place of 2 r for more. What one label more, or one wrong label less, adds to that number is what it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Worth:
    """What is worth more.

    Attributes:
        again: (n,) what looking at each suspected label once more is worth, in right labels for the same money.
        new: what the next new label is worth, in the same unit.
        first: (n,) whether each goes to people before new items.
    """

    again: NDArray[np.float64]
    new: float
    first: NDArray[np.bool_]


def worth(
    wrong: ArrayLike, *, classes: int, noise: float, mistakes: float = 0.02, price_again: float = 1.0,
    price_new: float = 1.0, selected: float = 2.0,
) -> Worth:  # fmt: skip
    """Compare suspected labels with new ones.

    A second look makes a wrong label right with probability ``1 - mistakes`` and a right one wrong with ``mistakes``,
    so it removes ``wrong - mistakes`` wrong labels; one less is worth 2 c (1 - c r). A new label is worth
    (1 - c r)² + 2 c (1 - c r) (r - mistakes), the growth of n (1 - c r)², times what selection makes of it.

    Args:
        wrong: (n,) probability that each label is wrong (`suspects`); NaN is worth nothing.
        classes: K.
        noise: share of wrong labels so far, r.
        mistakes: share of wrong answers by who looks.
        price_again, price_new: of a second look and of a new label, in the same money.
        selected: how many labels of items drawn at random a selected one is worth: 2 where selection needs half of
            them.

    Raises:
        ValueError: shares, prices or numbers of classes that are none.
    """
    found = np.asarray(wrong, dtype=np.float64)
    if classes < 2:
        raise ValueError(f"labels have two classes or more, not {classes}")
    if ((found < 0) | (found > 1)).any() or not 0 <= noise <= 1 or not 0 <= mistakes <= 1:
        raise ValueError("probabilities and shares are from 0 to 1")
    if price_again <= 0 or price_new <= 0 or selected <= 0:
        raise ValueError("prices, and what a selected label is worth, are above 0")
    spread = classes / (classes - 1)
    left = max(0.0, 1 - spread * noise)
    fewer = 2 * spread * left
    again = np.nan_to_num(found - mistakes, nan=0.0) * fewer / price_again
    new = max(0.0, left**2 + fewer * (noise - mistakes)) * selected / price_new
    return Worth(again, new, again > new)
