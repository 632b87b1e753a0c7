"""What each round of labelling came to: labels, money, and how its model did on the random stratum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Round:
    """One round.

    Attributes:
        labels: that the model of this round could learn from, all so far.
        hits: labelled item of the random stratum → whether the model of this round was right on it; None where people
            were asked and gave no label, which counts as wrong: hard items would be left out else. The model must not
            have learned from the item (`Stratum.fold`).
        cost: of all labels so far, in money of one currency.
    """

    labels: int
    hits: Mapping[str, bool | None]
    cost: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: labels or costs below 0.
        """
        if self.labels < 0 or not (0 <= self.cost < math.inf):
            raise ValueError(f"a round with {self.labels} labels for {self.cost}: neither is below 0")

    @property
    def right(self) -> int:
        """Items of the stratum that the model was right on."""
        return sum(each is True for each in self.hits.values())
