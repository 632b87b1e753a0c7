"""What a rollout's tallies come to: tests and totals, folded a tally at a time. Knows no store and no clock."""

from __future__ import annotations

import math

import msgspec

from automl_core.models.rollout.rules import SLOW, Alphas, Rules
from automl_core.models.rollout.tallies import Counts, Tally
from automl_core.models.traffic.fixed import FixedRateTest
from automl_core.models.traffic.planned import FOR_EVER, Score
from automl_core.models.traffic.sequential import ODDS, Block, RateTest
from automl_core.rates import highest_rate_ever

WINDOW = 600.0
"""Seconds of one entry of `Evidence.recent`."""

WINDOWS = 7
"""Entries that are kept: the last hour, whole."""


class Compared(msgspec.Struct):
    """A `RateTest` in plain JSON, and the difference of the rates within blocks.

    Attributes:
        evidence, score: see `RateTest`. What was looked at before there were plans has no score: it begins at zero.
        answers, hits: champion's and challenger's.
        weight, difference: sum of the weights n m / (n + m) of blocks, and the weighted mean of their differences
            (N. Mantel and W. Haenszel 1959, "Statistical aspects of the analysis of data from retrospective studies of
            disease", Journal of the National Cancer Institute 22, p. 719; of differences of rates: S. Greenland and J.
            M. Robins 1985, "Estimation of a common effect parameter from sparse follow-up data", Biometrics 41, p. 55).
    """

    evidence: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(ODDS))
    answers: tuple[int, int] = (0, 0)
    hits: tuple[int, int] = (0, 0)
    weight: float = 0.0
    difference: float = 0.0
    score: Score = msgspec.field(default_factory=Score)

    def add(self, champion: int, champion_hits: int, challenger: int, challenger_hits: int) -> None:
        """Take in what both answered in the same stretch of time; nothing where one of them answered nothing."""
        if not (champion and challenger):
            return
        test = self.test()
        test.add(Block(champion, champion_hits, challenger, challenger_hits))
        self.evidence = [float(each) for each in test.evidence]
        self.answers, self.hits = test.answers, test.hits
        weight = champion * challenger / (champion + challenger)
        self.weight += weight
        found = challenger_hits / challenger - champion_hits / champion
        self.difference += (found - self.difference) * weight / self.weight

    def test(self) -> RateTest:
        """The test as it stands."""
        test = RateTest()
        test.evidence = test.evidence + self.evidence
        test.answers, test.hits, test.score = self.answers, self.hits, self.score
        return test

    @property
    def value(self) -> float:
        """The evidence, as the test has it."""
        return max(FOR_EVER * _mean_of(self.evidence), self.score.value)


class Alone(msgspec.Struct):
    """A `FixedRateTest` in plain JSON."""

    evidence: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(ODDS))
    answers: int = 0
    hits: int = 0
    expected: float = 0.0
    limit: float = 0.0

    def add(self, answers: int, hits: int, limit: float) -> None:
        """Take in what was answered, against a limit that knows nothing of it."""
        if not answers:
            return
        test = self.test()
        test.add(answers, hits, limit)
        self.evidence = [float(each) for each in test.evidence]
        self.answers, self.hits, self.expected, self.limit = test.answers, test.hits, test.expected, limit

    def test(self) -> FixedRateTest:
        """The test as it stands."""
        test = FixedRateTest()
        test.evidence = test.evidence + self.evidence
        test.answers, test.hits, test.expected = self.answers, self.hits, self.expected
        return test

    @property
    def value(self) -> float:
        """The evidence, as the test has it."""
        return _mean_of(self.evidence)


def _mean_of(logarithms: list[float]) -> float:
    """The mean of what some numbers are the logarithms of. Asked for at each look, so without a numpy of twelve."""
    top = max(logarithms)
    return math.exp(min(top, 700.0)) * sum(math.exp(each - top) for each in logarithms) / len(logarithms)


class Total(msgspec.Struct, array_like=True):
    """Answers, errors and slow answers of one version."""

    answers: int = 0
    errors: int = 0
    slow: int = 0

    def add(self, counts: Counts) -> None:
        """Take in what was answered."""
        self.answers += counts.answers
        self.errors += counts.errors
        self.slow += counts.slow

    @property
    def rate(self) -> float:
        """The share of errors; NaN without an answer."""
        return self.errors / self.answers if self.answers else math.nan


class Pair(msgspec.Struct):
    """Totals of both versions; the challenger's as shadow apart."""

    champion: Total = msgspec.field(default_factory=Total)
    challenger: Total = msgspec.field(default_factory=Total)
    shadow: Total = msgspec.field(default_factory=Total)
    since: float = 0.0

    @property
    def tried(self) -> Total:
        """What the challenger answered, given or not."""
        one, other = self.challenger, self.shadow
        return Total(one.answers + other.answers, one.errors + other.errors, one.slow + other.slow)


class Evidence(msgspec.Struct):
    """All that was counted in a rollout.

    Attributes:
        errors, slow: the challenger's rate against the champion's; blocks are tallies, of every step and of the shadow.
        better: the champion's errors against the challenger's: whether that one is better.
        errors_alone, slow_alone: the challenger's rate against a fixed one, where it has all.
        steps: index of a step → its totals.
        recent: totals of the last hour, by when they were folded.
        champion, challenger: all that they answered, with latencies.
        compared, agreed: of the shadow's answers.
        other: answers of versions that are not of this rollout.
    """

    errors: Compared = msgspec.field(default_factory=Compared)
    slow: Compared = msgspec.field(default_factory=Compared)
    better: Compared = msgspec.field(default_factory=Compared)
    errors_alone: Alone = msgspec.field(default_factory=Alone)
    slow_alone: Alone = msgspec.field(default_factory=Alone)
    steps: dict[int, Pair] = msgspec.field(default_factory=dict)
    recent: list[Pair] = msgspec.field(default_factory=list)
    champion: Counts = msgspec.field(default_factory=lambda: Counts(latency={}))
    challenger: Counts = msgspec.field(default_factory=lambda: Counts(latency={}))
    compared: int = 0
    agreed: int = 0
    other: int = 0

    def step(self, index: int) -> Pair:
        """What was answered in a step."""
        return self.steps.get(index, Pair())

    def fold(
        self, tally: Tally, *, champion: int | None, challenger: int, share: float, rules: Rules, alphas: Alphas,
        now: float,
    ) -> None:  # fmt: skip
        """Take in a tally. A late one, of a step that is over, is as good as any: its versions answered side by side.

        Args:
            tally: it.
            champion, challenger: the versions.
            share: the challenger's in the tally's step.
            rules, alphas: by what it is judged.
            now: when it is folded, seconds since 1970.
        """
        ours = tally.versions.get(champion, Counts()) if champion is not None else Counts()
        theirs, shadow = tally.versions.get(challenger, Counts()), tally.shadow.get(challenger, Counts())
        self.other += sum(c.answers for v, c in tally.versions.items() if v not in (champion, challenger))
        if share >= 1:
            self._alone(theirs, rules, alphas)
        else:
            self._compare(ours, theirs, rules)
        self._compare(ours, shadow, rules)
        self.champion, self.challenger = self.champion + ours, self.challenger + theirs + shadow
        self.compared += tally.compared
        self.agreed += tally.agreed
        if not self.recent or now - self.recent[-1].since >= WINDOW:
            self.recent = [*self.recent, Pair(since=now)][-WINDOWS:]
        for pair in (self.steps.setdefault(tally.step, Pair()), self.recent[-1]):
            pair.champion.add(ours)
            pair.challenger.add(theirs)
            pair.shadow.add(shadow)

    def _compare(self, ours: Counts, theirs: Counts, rules: Rules) -> None:
        self.errors.add(ours.answers, ours.errors, theirs.answers, theirs.errors)
        if rules.p99 is not None:
            self.slow.add(ours.answers, ours.slow, theirs.answers, theirs.slow)
        if rules.ab is not None and rules.ab.metric is None:
            self.better.add(theirs.answers, theirs.errors, ours.answers, ours.errors)

    def _alone(self, theirs: Counts, rules: Rules, alphas: Alphas) -> None:
        if rules.errors is not None:
            limit = self.highest(self.champion.errors, alphas) + rules.errors
            self.errors_alone.add(theirs.answers, theirs.errors, min(1.0, limit))
        if rules.p99 is not None:
            self.slow_alone.add(theirs.answers, theirs.slow, max(SLOW, self.highest(self.champion.slow, alphas)))

    def highest(self, hits: int, alphas: Alphas) -> float:
        """The champion's rate, at its highest that the answers allow; 0 where the limit is absolute."""
        if not alphas.bound:
            return 0.0
        return highest_rate_ever(hits, self.champion.answers, alphas.bound)
