"""The promise is watched for as long as labels are taken under it, and what was taken is named when it fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from automl_core.annotation.agreement.bounds import Promise
from automl_core.rates import highest_rate_ever, log_evidence, mean_evidence

BETS = (0.015, 0.03, 0.06, 0.12, 0.25, 0.5)
"""Bets that are placed alike: shares of the money that a right label costs. (q - p) / (1 - p) is the one whose money
grows fastest where a share q is wrong and p is allowed (J. Kelly 1956), so these notice anything from half as much
again to nearly all."""


def evidence(wrong: int, judged: int, allowed: float, bets: Iterable[float] = BETS) -> float:
    """Evidence against "no more than the allowed share is wrong", which may be looked at after every label.

    With each judged item, x = 1 where its label is wrong and 0 else, a gambler's money is multiplied by
    1 + b (x - p) / p, p the allowed share and b in 0…1 the bet: by 1 - b where the label is right, by 1 + b (1 - p) / p
    where it is wrong. While the chance of a wrong label, given all before, is at most p, no bet has a positive
    expectation, so the money ever reaches 1 / alpha with probability alpha at most (I. Waudby-Smith and A. Ramdas 2024,
    "Estimating means of bounded random variables by betting", Journal of the Royal Statistical Society B 86, p. 1,
    proposition 2 and section 4). The bet b is the likelihood ratio of 1 + b / (p (1 - b)) times the odds of p
    (`rates.log_evidence`). Bets are fixed beforehand, so only counts matter and a correction of an earlier judgement is
    another count.

    Args:
        wrong: how many of the judged items are wrong.
        judged: items that people have judged, drawn at random of those that the threshold takes.
        allowed: share, above 0 and below 1.
        bets: see above.

    Returns:
        Money for a start of 1.

    Raises:
        ValueError: no count, or a share that is none.
    """
    if not 0 < allowed < 1:
        raise ValueError(f"the allowed share is between 0 and 1, not {allowed}")
    return mean_evidence(log_evidence(wrong, judged, allowed, (1 + bet / (allowed * (1 - bet)) for bet in bets)))


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What is to be done where the promise was not kept.

    Attributes:
        items: taken under the threshold and not judged since: their labels are nobody's, they go back into the pool.
        wrong: judged items whose taken label was wrong; their labels are people's now.
        judged: how many were judged.
        evidence: that decided, see `evidence`.
        reason: a sentence for people.
    """

    items: tuple[str, ...]
    wrong: tuple[str, ...]
    judged: int
    evidence: float
    reason: str


@dataclass
class Audit:
    """Watches one threshold, round after round.

    Attributes:
        promise: what was promised.
        taken: items taken under the threshold, in order, each with the round that took it.
        judged: items that people have judged since the threshold was found → whether the models' label was right.
    """

    promise: Promise = field(default_factory=Promise)
    taken: dict[str, int] = field(default_factory=dict)
    judged: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, promise: Promise, taken: Mapping[int, Iterable[str]], judged: Mapping[str, bool]) -> Audit:
        """The audit of one threshold as it stands by recorded facts: the same as of one that was kept all the time.

        Evidence is a matter of counts, so the order of judgements makes no difference. Nothing is refused here: what
        was recorded as taken was taken, before the audit failed or not. Who takes a threshold back records that, too:
        a judgement that is corrected afterwards may lower the evidence, and what was taken back stays so.

        Args:
            promise: under which the threshold was found.
            taken: number of a round → items that it took under this threshold; one that several rounds name stays with
                the lowest. Items that were taken back since are left out by whoever asks what goes back now.
            judged: item → whether the label that the models agree on is right; see `judge` for which items count. The
                last judgement of each.
        """
        audit = cls(promise, judged=dict(judged))
        for number in sorted(taken):
            for item in taken[number]:
                audit.taken.setdefault(item, number)
        return audit

    def take(self, items: Iterable[str], *, round_number: int) -> None:
        """Note what a round took under the threshold. An item that was taken before stays with its first round.

        Raises:
            RuntimeError: the threshold has been taken back: nothing may be taken under it any more.
        """
        if self.failed:
            raise RuntimeError(f"nothing may be taken under a threshold that was taken back: {self.reason}")
        for item in items:
            self.taken.setdefault(item, round_number)

    def judge(self, found: Mapping[str, bool]) -> None:
        """Take in people's judgements.

        Only of items that were drawn at random among those that the threshold takes (`draws.drawn`; items of the random
        stratum that it would have taken count alike): judgements of items that somebody chose, suspects say, would
        condemn a good threshold. A later judgement of an item is a correction of the earlier one.

        Args:
            found: item → whether the label that the models agree on is right.
        """
        self.judged.update(found)

    @property
    def wrong(self) -> int:
        """How many judged items have a wrong label."""
        return sum(not right for right in self.judged.values())

    @property
    def evidence(self) -> float:
        """Evidence against the promise so far."""
        return evidence(self.wrong, len(self.judged), self.promise.allowed)

    @property
    def failed(self) -> bool:
        """Whether the promise is held to be broken; if it is kept, ever so with ``1 - confidence`` at most."""
        return self.evidence >= 1 / self.promise.alpha

    @property
    def highest(self) -> float:
        """The highest share of wrong labels that the judgements allow, whenever one looks."""
        return highest_rate_ever(self.wrong, len(self.judged), self.promise.alpha)

    @property
    def reason(self) -> str:
        """What the audit has found, in a sentence."""
        return (
            f"{self.wrong} of {len(self.judged)} judged labels are wrong, where at most {self.promise.allowed:.1%} "
            f"were promised (evidence {self.evidence:.3g}, {1 / self.promise.alpha:.3g} decides)"
        )

    def taken_back(self) -> TakenBack | None:
        """What goes back, where the promise is held to be broken; None where it is not."""
        if not self.failed:
            return None
        return TakenBack(
            items=tuple(item for item in self.taken if item not in self.judged),
            wrong=tuple(item for item in self.taken if self.judged.get(item) is False),
            judged=len(self.judged), evidence=self.evidence, reason=self.reason,
        )  # fmt: skip
