"""A rate against a fixed one, looked at all the time: for a step in which nobody is left to be compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from automl_core.models.traffic.sequential import ODDS
from automl_core.rates import log_evidence, mean_evidence


@dataclass
class FixedRateTest:
    """Whether a rate is above a limit.

    Evidence is that of `rates.log_evidence`, over all of `odds` alike. The limit may be another one in each block, as
    long as nothing of the block has gone into it.

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
        self.evidence = self.evidence + log_evidence(hits, answers, limit, self.odds)
        self.answers += answers
        self.hits += hits
        self.expected += answers * limit

    @property
    def value(self) -> float:
        """The evidence against "not above the limit", as a ratio."""
        return mean_evidence(self.evidence)

    @property
    def decided(self) -> bool:
        """Whether the rate is held to be above the limit."""
        return self.value >= 1 / self.alpha
