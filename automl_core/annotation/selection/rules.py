"""By what rules items are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

BY = ("margin", "entropy", "vote", "disagreement")
"""What usefulness is measured by: `usefulness`."""

DIVERSITY = ("k-means++", "k-centre", "none")
"""How items of a batch are kept unlike each other: `diversity`."""

COLD = ("centres", "random")
"""How a first batch is chosen, without a model."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a batch is made of.

    Attributes:
        by: what usefulness is measured by: one of `BY`; ``vote`` and ``disagreement`` need two models.
        diversity: one of `DIVERSITY`. ``none`` takes the most useful ones, however alike.
        cold: one of `COLD`: items in the middle of what is alike (random ones without features), or random ones.
        multiple: the batch is chosen from so many times as many most useful items: more is more diverse.
        random_share: of a batch, from the random stratum; at least one item is.
        stratum_share: of the pool, set apart as the random stratum (`sizing` says how much it takes).
        bad_share: of a batch at most that open bad cases take; they come first.
    """

    by: str = "margin"
    diversity: str = "k-means++"
    cold: str = "centres"
    multiple: int = 2
    random_share: float = 0.1
    stratum_share: float = 0.1
    bad_share: float = 0.25

    def __post_init__(self) -> None:
        """Check each.

        Raises:
            ValueError: a name that is none, or a share that can't be. The message names the rule and what is allowed.
        """
        for rule, names in (("by", BY), ("diversity", DIVERSITY), ("cold", COLD)):
            if (given := getattr(self, rule)) not in names:
                near = get_close_matches(str(given), names, 1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{rule}: {given!r} is none of {', '.join(names)}{meant}")
        if self.multiple < 1:
            raise ValueError(f"multiple: {self.multiple}, and it is 1 or more")
        if not 0 < self.random_share < 1:
            raise ValueError(
                f"random_share: {self.random_share}, and it is between 0 and 1: without a random stratum nobody can"
                " tell how good a model is, and with nothing else no item is chosen"
            )
        if not 0 < self.stratum_share < 1:
            raise ValueError(f"stratum_share: {self.stratum_share}, and it is between 0 and 1")
        if not 0 <= self.bad_share < 1 or self.bad_share + self.random_share >= 1:
            raise ValueError(
                f"bad_share: {self.bad_share}, and it is at least 0 and, with random_share {self.random_share}, below 1"
            )
