"""Tests of a planned length: any look within it may decide, and they find nine of ten effects of the planned size.

A test that looks once needs so much information about a difference (Fisher's: one over the variance of its estimate)
that an effect of the planned size stands out. A process that may be looked at for ever pays for the time behind that.
Here the length is fixed, and its boundary is flat: it is reached where the sum of differences is as large as it would
have to be at the end. Of a Brownian motion W without drift, P(W reaches c within [0, 1]) = 2 P(W(1) > c) (the
reflection principle; P. Armitage, C. K. McPherson and B. C. Rowe 1969, "Repeated significance tests on accumulating
data", Journal of the Royal Statistical Society A 132, p. 235; P. C. O'Brien and T. R. Fleming 1979, "A multiple testing
procedure for clinical trials", Biometrics 35, p. 549). So twice the p-value of the sum, as if it were looked at at the
end, is a p-value at every look. Several plans and evidence for ever share one alpha (`PLANS`, `FOR_EVER`), so that
what no plan has shown is found later.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_NORMAL = 1.959963984540054 + 1.2815515655446004
"""Of a test that looks once, two-sided at 5 % with a power of 90 %: the effect in its standard errors."""

DOUBLED = math.log(2.0)
"""The largest logarithm of an odds ratio that a plan for rates is made for: of rare hits five points would be many."""

_LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class Plan:
    """A length.

    Attributes:
        share: of the effect that is planned for first.
        part: of the test's alpha.
    """

    share: float
    part: float

    def length(self, effect: float) -> float:
        """Information at which the plan ends, in the inverse square of the effect's unit."""
        return (_NORMAL / (effect * self.share)) ** 2


PLANS = (Plan(1.0, 0.82), Plan(0.5, 0.04), Plan(0.25, 0.04))
"""For the planned effect, half of it, and a quarter."""

FOR_EVER = 1.0 - sum(each.part for each in PLANS)
"""The part of alpha that is kept for evidence without an end: much worse is found by it in some answers."""

POINTS = 0.05
"""What tests of rates are planned for: five points more."""


def certainty(grown: float) -> float:
    """One over the p-value of a sum, in standard deviations that it would have at the end of its plan."""
    return 1.0 / max(math.erfc(grown / math.sqrt(2.0)), 1 / _LARGEST) if grown > 0 else 1.0


def boundary(alpha: float) -> float:
    """The sum that decides, in standard deviations that it would have at the end of its plan.

    Args:
        alpha: probability that it is ever reached within the plan without a difference.
    """
    from scipy.special import erfcinv

    return float(erfcinv(alpha)) * math.sqrt(2.0)


@dataclass(slots=True)
class Score:
    """Hits of the challenger beyond its part of each block's hits: zero on average where both rates are the same.

    Given the hits of both, the challenger's in a block are hypergeometric, whatever the rates. Summed up over blocks
    the excess is that of N. Mantel and W. Haenszel (1959, Journal of the National Cancer Institute 22, p. 719), and
    against its variance a Brownian motion whose drift is the logarithm of the odds ratio. What it would be at the end
    of a plan is known from the blocks so far: the rates of both together, in which no difference shows.

    Attributes:
        excess: so far, in hits.
        variance, third: its second and third cumulant without a difference.
        weight: sum of 1 / (1/n + 1/m) over blocks of n and m answers.
    """

    excess: float = 0.0
    variance: float = 0.0
    third: float = 0.0
    weight: float = 0.0

    def add(self, champion: int, champion_hits: int, challenger: int, challenger_hits: int) -> None:
        """Take in a block; nothing where one of both has answered nothing."""
        if not (champion and challenger):
            return
        answers, hits = champion + challenger, champion_hits + challenger_hits
        part = challenger / answers
        variance = hits * part * (1 - part) * (answers - hits) / (answers - 1)
        self.excess += challenger_hits - hits * part
        self.variance += variance
        if answers > 2:
            self.third += variance * (1 - 2 * part) * (answers - 2 * hits) / (answers - 2)
        self.weight += champion * challenger / answers

    @property
    def value(self) -> float:
        """The largest evidence of a plan that has not ended: its part over its p-value. It decides at 1 / alpha."""
        if self.excess <= 0 or self.variance <= 0:
            return 0.0
        # Rare hits of a version with a small share are skewed: a normal quantile that stands for theirs (E. A. Cornish
        # and R. A. Fisher 1938, Revue de l'Institut International de Statistique 5, p. 307, first term), never a
        # larger one.
        standard = self.excess / math.sqrt(self.variance)
        skew = max(self.third, 0.0) / self.variance**1.5
        standard -= skew * max(standard**2 - 1, 0.0) / 6
        spread = self.variance / self.weight  # p (1 - p): the difference of rates per unit of log odds
        found = 0.0
        for plan in PLANS:
            length = max(plan.length(POINTS) * spread**2, plan.length(DOUBLED))
            if self.variance <= length:
                found = max(found, plan.part * certainty(standard * math.sqrt(self.variance / length)))
        return found
