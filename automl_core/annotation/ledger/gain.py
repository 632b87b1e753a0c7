"""What labels brought: each round's gain on the same items, what a point of accuracy cost, what the next round brings.

Two rounds' models are compared on the items of the random stratum that both were judged on. Items that are hard are so
for both, so the difference of two accuracies is known far better by pairs than by two intervals side by side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_core.annotation.ledger.facts import Facts, RoundFacts
from automl_core.annotation.ledger.right import CONFIDENCE, Share
from automl_core.annotation.selection import Round, fit


@dataclass(frozen=True, slots=True)
class Gain:
    """What a round's model is better by than an earlier round's.

    Attributes:
        since: number of the earlier round.
        items: that both were judged on.
        won, lost: of them, those that the later one alone got right, and the earlier one alone.
        value: difference of the shares of right ones; None of no items.
        low, high: its interval.
        labels: that were learned from more.
        cost: of the answers in between.
    """

    since: int
    items: int
    won: int
    lost: int
    value: float | None
    low: float
    high: float
    labels: int
    cost: float

    def per_point(self, amount: float) -> dict[str, float | None]:
        """What a point of accuracy took, of labels or of money.

        Returns:
            ``value``, ``least`` and ``most``; each None where the gain at that end is none: any amount would not do.
        """

        def one(gained: float | None) -> float | None:
            return amount / (100 * gained) if self.items and gained is not None and gained > 0 else None

        return {"value": one(self.value), "least": one(self.high), "most": one(self.low)}

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {
            "since": self.since, "items": self.items, "won": self.won, "lost": self.lost, "value": self.value,
            "low": self.low, "high": self.high, "labels": self.labels, "cost": self.cost,
            "labels_per_point": self.per_point(self.labels), "cost_per_point": self.per_point(self.cost),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One round that was evaluated.

    Attributes:
        round: its number.
        labels: that its model learned from.
        cost: of all answers up to its evaluation.
        model: that it is judged by.
        accuracy: on the labelled items of the random stratum.
        gain: over the evaluated round before it; None of the first.
        so_far: over the first; None of the first.
    """

    round: int
    labels: int
    cost: float
    model: str
    accuracy: Share
    gain: Gain | None
    so_far: Gain | None

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {
            "round": self.round, "labels": self.labels, "cost": self.cost, "model": self.model,
            "accuracy": self.accuracy.to_json(), "gain": self.gain.to_json() if self.gain is not None else None,
            "so_far": self.so_far.to_json() if self.so_far is not None else None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Next:
    """What one more round would bring, by the learning curve.

    Attributes:
        labels: that it would have, as many as the last one.
        cost: at the price of all labels so far.
        gain, low, high: of accuracy.
        rounds: that the curve was fitted to.
        words: the same for people.
    """

    labels: int
    cost: float
    gain: float
    low: float
    high: float
    rounds: int
    words: str

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {
            "labels": self.labels, "cost": self.cost, "gain": self.gain, "low": self.low, "high": self.high,
            "rounds": self.rounds, "words": self.words,
            "cost_per_point": self.cost / (100 * self.gain) if self.gain > 0 else None,
        }  # fmt: skip


def paired(both: int, won: int, lost: int, neither: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a difference of two shares that were found on the same items.

    R. G. Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired
    data", Statistics in Medicine 17, p. 2635, method 10: the intervals of both shares (Wilson's) put together by how
    far they go together. Unlike the usual normal approximation it has a width where none or all of the items differ,
    and stays within -1 and 1.

    Args:
        both: items that both got right.
        won: that the later one alone got right.
        lost: that the earlier one alone got right.
        neither: that both got wrong.
        confidence: of the interval.

    Returns:
        Lowest and highest of the later share less the earlier one; -1 and 1 of no items.

    Raises:
        ValueError: a count below 0.
    """
    if min(both, won, lost, neither) < 0:
        raise ValueError(f"items are counted from 0, not {(both, won, lost, neither)}")
    of = both + won + lost + neither
    if not of:
        return -1.0, 1.0
    later, earlier = (both + won) / of, (both + lost) / of
    low_later, high_later = _wilson(both + won, of, confidence)
    low_earlier, high_earlier = _wilson(both + lost, of, confidence)
    together = _together(both, won, lost, neither)
    down, up = later - low_later, high_earlier - earlier
    low = later - earlier - math.sqrt(max(0.0, down**2 - 2 * together * down * up + up**2))
    down, up = earlier - low_earlier, high_later - later
    high = later - earlier + math.sqrt(max(0.0, down**2 - 2 * together * down * up + up**2))
    return max(-1.0, low), min(1.0, high)


def _wilson(right: int, of: int, confidence: float) -> tuple[float, float]:
    """E. B. Wilson 1927, "Probable inference", Journal of the American Statistical Association 22, p. 209."""
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    middle = (2 * right + z * z) / (2 * (of + z * z))
    reach = z * math.sqrt(z * z + 4 * right * (of - right) / of) / (2 * (of + z * z))
    return middle - reach, middle + reach


def _together(both: int, won: int, lost: int, neither: int) -> float:
    """How far both shares go together (Newcombe's phi), corrected for continuity where they do."""
    margins = math.sqrt(float(both + won) * (lost + neither) * (both + lost) * (won + neither))
    if not margins:
        return 0.0
    crossed = float(both * neither - won * lost)
    if crossed > 0:
        crossed = max(crossed - (both + won + lost + neither) / 2, 0.0)
    return crossed / margins


def gain_of(
    later: Mapping[int, bool | None], earlier: Mapping[int, bool | None], *, since: int, labels: int, cost: float
) -> Gain:
    """Compare two models on the items that both were judged on; an item without an answer counts as wrong.

    Args:
        later, earlier: item → whether each was right.
        since: number of the earlier round.
        labels: that the later one learned from more.
        cost: of answers in between.
    """
    common = later.keys() & earlier.keys()
    pairs = [(later[item] is True, earlier[item] is True) for item in common]
    won, lost = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    both = sum(a and b for a, b in pairs)
    low, high = paired(both, won, lost, len(pairs) - both - won - lost)
    value = (won - lost) / len(pairs) if pairs else None
    return Gain(since, len(pairs), won, lost, value, low, high, labels, cost)


def gains(facts: Facts, cost_at: Mapping[int, float]) -> tuple[Step, ...]:
    """Each round that was evaluated, in order.

    Args:
        facts: of the project.
        cost_at: number of a round → what all answers up to its end cost.
    """
    found: list[Step] = []
    judged = _judged(facts)
    for place, each in enumerate(judged):
        model = each.judged
        assert model is not None
        hits = model.hits
        step = [_between(judged, place, since, cost_at) if place else None for since in (place - 1, 0)]
        found.append(
            Step(
                each.number, each.labels or 0, cost_at.get(each.number, 0.0), model.name,
                Share.counted(sum(hit is True for hit in hits.values()), len(hits)), step[0], step[1],
            )
        )  # fmt: skip
    return tuple(found)


def _between(judged: Sequence[RoundFacts], place: int, since: int, cost_at: Mapping[int, float]) -> Gain:
    later, earlier = judged[place], judged[since]
    assert later.judged is not None
    assert earlier.judged is not None
    return gain_of(
        later.judged.hits, earlier.judged.hits, since=earlier.number,
        labels=(later.labels or 0) - (earlier.labels or 0),
        cost=cost_at.get(later.number, 0.0) - cost_at.get(earlier.number, 0.0),
    )  # fmt: skip


def _judged(facts: Facts) -> list[RoundFacts]:
    """Rounds whose model was judged on at least one item."""
    return [each for each in facts.rounds if each.judged is not None and each.judged.hits]


def next_round(facts: Facts, cost_at: Mapping[int, float]) -> Next | None:
    """What one more round, as large as the last one, would bring; None before there are rounds enough for a curve."""
    judged = _judged(facts)
    rounds = [
        Round(each.labels or 0, {str(item): hit for item, hit in each.judged.hits.items()}, cost_at.get(each.number, 0))
        for each in judged
        if each.judged is not None
    ]
    curve = fit(rounds)
    if curve is None:
        return None
    last, before = judged[-1], judged[-2]
    more = max((last.labels or 0) - (before.labels or 0), 0)
    price = cost_at.get(last.number, 0.0) / last.labels if last.labels else 0.0
    best, low, high = curve.gain(more)
    return Next(more, more * price, best, low, high, curve.rounds, curve.in_words(more))
