"""Tests that may be looked at all the time: is the challenger worse (or better) than the champion?

Both read blocks: what the two versions answered within the same stretch of time. What happens to both in a block (a bad
hour, another mix of customers) is in both of its parts, so versions are compared within blocks and never over them.

The probability that a test *ever* decides although there is no difference is at most ``alpha``, however often one
looks. A part of it is for ever: a process whose expectation is at most 1 without a difference decides where it reaches
one over that part (Ville's inequality; Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe
anytime-valid inference", Statistical Science 38, section 2). What is much worse is shown by it within some answers, and
what is hardly worse at some time. The other parts are for plans, which end (`automl_core.models.traffic.planned`): they
find a difference of the planned size with the answers of a test that looks once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.models.traffic.planned import FOR_EVER, PLANS, Score, boundary
from automl_core.rates import check_count, mean_evidence

Side = Literal["worse", "better"]

DEVIATIONS = 0.13
"""What tests of means are planned for where nothing is said of the metric: so many standard deviations."""

ODDS = (1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 30.0)
"""Odds ratios that a test without a stated effect is made to notice, alike."""


@dataclass(frozen=True, slots=True)
class Block:
    """What two versions answered in one stretch of time.

    Attributes:
        champion, challenger: answers.
        champion_hits, challenger_hits: how many of them were what is counted: errors, wrong answers, sales.
    """

    champion: int
    champion_hits: int
    challenger: int
    challenger_hits: int

    def __post_init__(self) -> None:
        """Check the counts.

        Raises:
            ValueError: more hits than answers, or fewer than none.
        """
        for answers, hits in ((self.champion, self.champion_hits), (self.challenger, self.challenger_hits)):
            check_count(hits, answers)


@dataclass
class RateTest:
    """Whether the challenger's rate is above the champion's, in any stretch of time with the same conditions for both.

    Within a block, and given how many of all its answers were hits, the challenger's hits follow the hypergeometric
    distribution where the rates are equal, whatever they are: nothing has to be known of the rate itself (Fisher's
    exact test goes by the same). With an odds ratio of w they follow Fisher's noncentral one, so the ratio of the two,
    w^x / E[w^X], has expectation 1 without a difference, and at most 1 where the challenger's rate is the lower one.
    Its product over blocks is evidence for ever; the mean over several odds ratios is, too. Beside it stand plans for
    some points more (`Score`).

    Attributes:
        alpha: probability at most of ever deciding without a difference.
        odds: ratios of odds that it is made to notice, each above 1.
        evidence: for ever, so far, in logarithms, for each of `odds`.
        score: what the plans go by.
    """

    alpha: float = 0.05
    odds: Sequence[float] = ODDS
    evidence: NDArray[np.float64] = field(init=False)
    score: Score = field(default_factory=Score)
    answers: tuple[int, int] = (0, 0)
    hits: tuple[int, int] = (0, 0)

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

    def add(self, block: Block) -> None:
        """Take in what was answered since the last block."""
        self.answers = (self.answers[0] + block.champion, self.answers[1] + block.challenger)
        self.hits = (self.hits[0] + block.champion_hits, self.hits[1] + block.challenger_hits)
        self.score.add(block.champion, block.champion_hits, block.challenger, block.challenger_hits)
        hits = block.champion_hits + block.challenger_hits
        if not (block.champion and block.challenger and hits):
            return  # one of them alone, or no hit at all: nothing is compared
        possible, chances = _hypergeometric(block.champion, block.challenger, hits)
        if len(possible) == 1:
            return
        weights = np.log(np.asarray(self.odds, dtype=np.float64))
        grown = chances[None, :] + weights[:, None] * possible[None, :]
        top = grown.max(axis=1)
        mean = top + np.log(np.exp(grown - top[:, None]).sum(axis=1))
        self.evidence = self.evidence + weights * block.challenger_hits - mean

    @property
    def value(self) -> float:
        """The evidence against "no higher rate", as a ratio: 20 is what decides at 5 %."""
        return max(FOR_EVER * mean_evidence(self.evidence), self.score.value)

    @property
    def decided(self) -> bool:
        """Whether the challenger's rate is held to be higher. Who stops looking then errs with `alpha` at most."""
        return self.value >= 1 / self.alpha

    @property
    def rates(self) -> tuple[float, float]:
        """Champion's and challenger's rate over all blocks; NaN without an answer."""
        found = [hits / answers if answers else math.nan for hits, answers in zip(self.hits, self.answers, strict=True)]
        return found[0], found[1]


def _hypergeometric(champion: int, challenger: int, hits: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers of hits that the challenger may have, given those of both, and the logarithms of their chances."""
    from scipy.special import gammaln

    possible = np.arange(max(0, hits - champion), min(hits, challenger) + 1)

    def chosen(many: int, few: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(gammaln(many + 1) - gammaln(few + 1) - gammaln(many - few + 1))

    chances = chosen(challenger, possible) + chosen(champion, hits - possible)
    chances -= float(gammaln(champion + challenger + 1) - gammaln(hits + 1) - gammaln(champion + challenger - hits + 1))
    return possible, chances


@dataclass(frozen=True, slots=True)
class Moments:
    """Values of one version in one stretch of time, summed up.

    Attributes:
        count: how many.
        mean: of them.
        variance: of them, with ``count - 1`` below; 0 for fewer than two.
    """

    count: int
    mean: float
    variance: float

    @classmethod
    def of(cls, values: Sequence[float] | NDArray[np.float64]) -> Moments:
        """Sum up values.

        Raises:
            ValueError: a value is no finite number.
        """
        found = np.asarray(values, dtype=np.float64)
        if not np.isfinite(found).all():
            raise ValueError("a value is no finite number")
        if not len(found):
            return cls(0, 0.0, 0.0)
        return cls(len(found), float(found.mean()), float(found.var(ddof=1)) if len(found) > 1 else 0.0)


@dataclass
class MeanTest:
    """How far the challenger's mean lies from the champion's: an interval that holds at every look.

    Differences of blocks are weighted by what they tell (the inverse of the variance that the numbers of answers give
    them), and their sum has boundaries that a normal process with the same variance ever crosses with `alpha` at most:
    one for ever (the normal mixture: Robbins 1970, "Statistical methods related to the law of the iterated logarithm",
    Annals of Mathematical Statistics 41, p. 1397; with estimated variances: Waudby-Smith, Arbour, Sinha, Kennedy and
    Ramdas 2021, "Time-uniform central limit theory and asymptotic confidence sequences", theorem 2.2), and those of
    plans that end. It is asymptotic, so it says nothing before `least` answers of each.

    Attributes:
        alpha: probability at most that the interval ever misses the true difference on one of `sides`.
        sides: 1 where what is decided needs one end of the interval alone: each end then holds with all of `alpha`;
            2 where both ends decide, with half of it each.
        least: answers of each version before anything is said.
        noticed: the difference at which the interval for ever is made to be narrow soonest, in standard deviations.
        planned: the difference that plans are made for, in the metric's unit; None: `DEVIATIONS`.
    """

    alpha: float = 0.05
    sides: Literal[1, 2] = 2
    least: int = 100
    noticed: float = 0.1
    planned: float | None = None
    counts: tuple[int, int] = (0, 0)
    weight: float = 0.0
    """Sum of the weights of blocks: 1 / (1/n + 1/m)."""
    difference: float = 0.0
    """Weighted mean of the differences of blocks."""
    spread: float = 0.0
    """Sum of squared deviations within blocks and versions."""
    freedom: int = 0

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            ValueError: alpha is no probability, or another number not above 0.
        """
        numbers = (self.noticed, 1.0 if self.planned is None else self.planned)
        if not 0 < self.alpha < 1 or min(numbers) <= 0 or self.least < 2:
            raise ValueError("alpha is between 0 and 1, noticed and planned above 0, and least 2 at the least")

    def add(self, champion: Moments, challenger: Moments) -> None:
        """Take in the values of one stretch of time."""
        self.counts = (self.counts[0] + champion.count, self.counts[1] + challenger.count)
        for each in (champion, challenger):
            if each.count > 1:
                self.spread += each.variance * (each.count - 1)
                self.freedom += each.count - 1
        if not (champion.count and challenger.count):
            return
        weight = 1 / (1 / champion.count + 1 / challenger.count)
        self.weight += weight
        self.difference += (challenger.mean - champion.mean - self.difference) * weight / self.weight

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest difference (challenger less champion) that the answers so far allow."""
        if min(self.counts) < self.least or self.freedom < self.least or not self.weight:
            return -math.inf, math.inf
        deviation = math.sqrt(self.spread / self.freedom)
        # In units of one standard deviation the sum of weighted differences has the variance `weight`, which is its
        # time. The mixture's own variance is that of a normal prior on the difference; of its two sides each is
        # crossed half as often as any.
        alpha, prior = self.alpha / self.sides, self.noticed**2
        grown = self.weight * prior + 1
        reach = math.sqrt(grown / prior * math.log(grown / (2 * FOR_EVER * alpha) ** 2)) / self.weight
        for plan in PLANS:
            length = plan.length(self._planned(deviation))
            if self.weight <= length:
                reach = min(reach, boundary(plan.part * alpha) * math.sqrt(length) / self.weight)
        return self.difference - deviation * reach, self.difference + deviation * reach

    def _planned(self, deviation: float) -> float:
        """The planned difference in standard deviations."""
        return DEVIATIONS if self.planned is None or not deviation else self.planned / deviation

    def decided(self, side: Side, *, margin: float = 0.0, lower_is_better: bool = True) -> bool:
        """Whether the challenger is held to be worse, or better, by more than a margin.

        Args:
            side: which is asked.
            margin: in the metric's own unit, at least 0.
            lower_is_better: whether the metric is a loss, a duration or a cost.
        """
        low, high = self.interval
        above = (side == "worse") == lower_is_better
        return low > margin if above else high < -margin
