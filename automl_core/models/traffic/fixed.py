"""A rate against a fixed one, looked at all the time: for a step in which nobody is left to be compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from automl_core.models.traffic.sequential import ODDS


@dataclass
class FixedRateTest:
    """Whether a rate is above a limit.

    For an odds ratio of w > 1 the likelihood ratio of w times the limit's odds against the limit p is, for x hits of n
    answers, w^x / (1 + p (w - 1))^n (A. Wald 1945, "Sequential tests of statistical hypotheses", Annals of Mathematical
    Statistics 16, p. 117, section 3; written with odds). Each answer's factor has the expectation
    (1 + q (w - 1)) / (1 + p (w - 1)) under a rate q: at most 1 where q is at most p. So the product is evidence that
    may be looked at all the time, whatever the rate below the limit, and so is the mean over several odds ratios (H.
    Robbins 1970, "Statistical methods related to the law of the iterated logarithm", same journal 41, p. 1397). The
    limit may be another one in each block, as long as nothing of the block has gone into it.

    Attributes:
        alpha: probability at most of ever deciding while the rate is never above the limit.
        odds: ratios of odds that it is made to notice, each above 1.
        evidence: so far, in logarithms, for each of `odds`.
        answers, hits: so far.
        expected: hits that the limit would have given on average.
    """

    alpha: float = 0.05
    odds: Sequence[float] = ODDS
    evidence: NDArray[np.float64] = field(init=False)
    answers: int = 0
    hits: int = 0
    expected: float = 0.0

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            ValueError: alpha is no probability, or an odds ratio not above 1.
        """
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is between 0 and 1, not {self.alpha}")
        if not self.odds or any(not 1 < each < math.inf for each in self.odds):
            raise ValueError("odds ratios to be noticed are above 1")
        self.evidence = np.zeros(len(self.odds))

    def add(self, answers: int, hits: int, limit: float) -> None:
        """Take in what was answered since.

        Args:
            answers: how many.
            hits: how many of them were what is counted.
            limit: the rate that is allowed, between 0 and 1.

        Raises:
            ValueError: no count, or no rate.
        """
        if not 0 <= hits <= answers:
            raise ValueError(f"{hits} of {answers} answers is no count")
        if not 0 < limit <= 1:
            raise ValueError(f"a limit is above 0 and at most 1, not {limit}")
        self.answers += answers
        self.hits += hits
        self.expected += answers * limit
        odds = np.asarray(self.odds, dtype=np.float64)
        self.evidence = self.evidence + hits * np.log(odds) - answers * np.log1p(limit * (odds - 1))

    @property
    def value(self) -> float:
        """The evidence against "not above the limit", as a ratio."""
        top = float(self.evidence.max())
        return math.exp(min(top, 700.0)) * float(np.exp(self.evidence - top).mean())

    @property
    def decided(self) -> bool:
        """Whether the rate is held to be above the limit."""
        return self.value >= 1 / self.alpha


@lru_cache(maxsize=256)
def highest_rate(answers: int, hits: int, alpha: float) -> float:
    """The highest rate that answers allow, at every look: it is ever below the true rate with `alpha` at most.

    All rates p are allowed whose likelihood p^x (1 - p)^(n - x) is above alpha times its mean over a prior, Beta(1/2,
    1/2): that ratio has the expectation 1 under p, so it ever reaches 1 / alpha with probability alpha at most (Robbins
    1970 as above; T. L. Lai 1976, "On confidence sequences", Annals of Statistics 4, p. 265).

    Args:
        answers: how many.
        hits: of them.
        alpha: see above.

    Returns:
        A rate; 1 where there is no answer.

    Raises:
        ValueError: no count.
    """
    from scipy.special import betaln

    if not 0 <= hits <= answers:
        raise ValueError(f"{hits} of {answers} answers is no count")
    if hits == answers:
        return 1.0
    least = float(betaln(hits + 0.5, answers - hits + 0.5) - betaln(0.5, 0.5)) + math.log(alpha)
    low, high = hits / answers, 1.0
    for _ in range(60):  # the likelihood falls from its top at hits / answers on
        middle = (low + high) / 2
        found = (hits * math.log(middle) if hits else 0.0) + (answers - hits) * math.log1p(-middle)
        low, high = (middle, high) if found > least else (low, middle)
    return high
