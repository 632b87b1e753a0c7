"""How right labels are: each share with its interval, and how many items it stands on. Nothing is said of no items."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.annotation.agreement import Audit, Promise
from automl_core.annotation.agreement.audit import highest_share_ever
from automl_core.annotation.agreement.bounds import interval
from automl_core.annotation.ledger.facts import Answer, Facts, Threshold
from automl_core.annotation.quality.dawid_skene import RIGHT, WRONG, Consensus, dawid_skene
from automl_core.annotation.quality.gold import Verdict, on_gold
from automl_core.annotation.quality.raters import Agreed, krippendorff, pairs
from automl_core.annotation.quality.votes import Votes

CONFIDENCE = 0.95
"""Of every interval here."""

DRAWS = 4_000_000
"""Items times resamples of a bootstrap, at most: some seconds on 100,000 items would hold up a page."""

_NOTHING = Agreed(math.nan, math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of right labels.

    Attributes:
        right, of: items.
        low, high: of its exact interval (Clopper and Pearson 1934), both sides together 95 %; 0 and 1 of no items.
    """

    right: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """The share; None of no items."""
        return self.right / self.of if self.of else None

    @classmethod
    def counted(cls, right: int, of: int) -> Share:
        """Of a count."""
        low, high = interval(of - right, of, CONFIDENCE) if of else (0.0, 1.0)
        return cls(right, of, 1 - high if of else 0.0, 1 - low if of else 1.0)

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {"value": self.value, "low": self.low, "high": self.high, "right": self.right, "of": self.of}


@dataclass(frozen=True, slots=True)
class Author:
    """How right one person's labels are.

    Attributes:
        name: of the author.
        gold: on items whose label is known.
        verdict: against what is demanded: ``kept``, ``below``, or ``open`` where too few were answered.
        missed: numbers of the gold items that the author labelled otherwise.
        others: items on which at least half of the others who labelled them say the same; None where nobody else did.
        estimated: share of right labels by Dawid and Skene; None where no two people have labelled the same items.
        low, high: of it, by the posterior of the author's right answers (`estimate`).
        items: that it stands on: those with answers of others.
    """

    name: str
    gold: Share
    verdict: Verdict
    missed: tuple[int, ...]
    others: Share | None = None
    estimated: float | None = None
    low: float | None = None
    high: float | None = None
    items: int = 0

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {
            "author": self.name, "gold": self.gold.to_json(), "verdict": self.verdict,
            "others": self.others.to_json() if self.others is not None else None,
            "estimated": self.estimated, "low": self.low, "high": self.high, "items": self.items,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watched:
    """A threshold, and what the audit says of what was taken under it.

    Attributes:
        threshold: which.
        judged: of labels that people have judged, how many were right.
        highest: the highest share of wrong ones that the judgements allow, whenever one looks; 1 where none was judged.
        failed: whether the promise is held to be broken.
        reason: in a sentence.
    """

    threshold: Threshold
    judged: Share
    highest: float
    failed: bool
    reason: str

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        found = self.threshold
        return {
            "id": found.id, "round": found.round, "models": list(found.models), "threshold": found.value,
            "promised": found.accuracy, "confidence": found.confidence, "time": found.time,
            "taken": len(found.taken), "back": len(found.back), "why_back": found.why_back,
            "judged": self.judged.to_json(), "highest_wrong": self.highest, "failed": self.failed,
            "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Right:
    """How right labels are.

    Attributes:
        authors: people who labelled, in the order of names.
        people: all people's labels on gold items together.
        imported: imported labels that are the same as what people say of the item.
        taken: each threshold, watched.
        alpha: Krippendorff's alpha of all people.
        kappas: Cohen's kappa of each two who labelled an item in common.
        single: labelled items that one person alone has labelled: nobody else says whether they are right.
        several: labelled items that more people have labelled.
        suspects: labels that the newest look held to be probably wrong.
        confirmed: of labels that people looked at again as suspects, those that they left as they were.
        least_right: share of gold items that an author should get right.
    """

    authors: tuple[Author, ...]
    people: Share
    imported: Share
    taken: tuple[Watched, ...]
    alpha: Agreed
    kappas: Mapping[tuple[str, str], Agreed]
    single: int
    several: int
    suspects: int
    confirmed: Share
    least_right: float

    def to_json(self) -> dict[str, Any]:
        """As pages and programs get it."""
        return {
            "authors": [each.to_json() for each in self.authors], "people": self.people.to_json(),
            "least_right": self.least_right,
            "imported": self.imported.to_json(), "taken": [each.to_json() for each in self.taken],
            "alpha": agreed_json(self.alpha),
            "kappas": [{"authors": list(pair), **agreed_json(each)} for pair, each in self.kappas.items()],
            "single": self.single, "several": self.several, "suspects": self.suspects,
            "confirmed": self.confirmed.to_json(),
        }  # fmt: skip


def agreed_json(found: Agreed) -> dict[str, Any]:
    """A coefficient as pages and programs get it; what is undefined is None."""
    numbers = {"value": found.value, "low": found.low, "high": found.high, "observed": found.observed}
    return {**{key: None if math.isnan(each) else each for key, each in numbers.items()}, "items": found.items}


def right(facts: Facts) -> Right:
    """Look at all answers that stand."""
    standing = [each for each in facts.answers if each.stands and each.label is not None]
    votes = _votes(facts, (each for each in standing if each.source == "person"))
    people = _of_people(facts, standing)
    authors = _authors(facts, votes)
    counts = votes.counts
    several = int((counts.sum(axis=1) >= 2).sum()) if len(votes) else 0
    resamples = max(100, min(1000, DRAWS // max(1, several)))
    golden = [each.gold for each in authors]
    return Right(
        authors=authors,
        people=Share.counted(sum(each.right for each in golden), sum(each.of for each in golden)),
        imported=_imported(standing, people),
        taken=tuple(watch(each) for each in facts.thresholds),
        alpha=krippendorff(counts, resamples=resamples) if several else _NOTHING,
        kappas=pairs(votes) if several else {},
        single=len(votes.items) - several,
        several=several,
        suspects=len(facts.suspects),
        confirmed=_confirmed(facts),
        least_right=facts.least_right,
    )


def _votes(facts: Facts, answers: Iterable[Answer]) -> Votes:
    """People's labels as votes; classes are those of the file, and those that occur all the same."""
    last: dict[tuple[int, str], str] = {}
    for each in answers:
        assert each.label is not None
        last[each.item, each.author] = each.label  # one each, whatever wrote the journal
    occur = {*last.values(), *(label for label in facts.gold.values())} - set(facts.classes)
    votes = ((str(item), author, label) for (item, author), label in last.items())
    return Votes.of(votes, [*facts.classes, *sorted(occur)])


def _authors(facts: Facts, votes: Votes) -> tuple[Author, ...]:
    gold = {str(item): label for item, label in facts.gold.items()}
    records = on_gold(votes, gold, demanded=facts.least_right, confidence=CONFIDENCE)
    shared = _shared(votes)
    others = _same_as_others(votes)
    found = dawid_skene(shared) if len(shared) and len(shared.classes) > 1 else None
    authors = []
    for each in records:
        missed = tuple(sorted(int(item) for item in each.missed))
        held = Share(int(each.right), int(each.answered), each.low, each.high)
        guess = estimate(found, each.annotator) if found is not None else None
        value, low, high, items = guess if guess is not None else (None, None, None, 0)
        authors.append(
            Author(each.annotator, held, each.verdict, missed, others.get(each.annotator), value, low, high, items)
        )
    return tuple(authors)


def _shared(votes: Votes) -> Votes:
    """Votes on items that two or more have labelled: of the others nobody says anything."""
    single = votes.single
    kept = [
        (votes.items[item], votes.annotators[author], votes.classes[label])
        for item, author, label in zip(votes.item, votes.annotator, votes.label, strict=True)
        if not single[item]
    ]
    return Votes.of(kept, votes.classes)


def _same_as_others(votes: Votes) -> dict[str, Share]:
    """For each author, on how many items at least half of the others say the same."""
    counts = votes.counts
    whole = counts.sum(axis=1)
    right: dict[int, int] = {}
    of: dict[int, int] = {}
    for item, author, label in zip(votes.item, votes.annotator, votes.label, strict=True):
        if whole[item] < 2:
            continue
        # An item counts once, however many have labelled it: else the exact interval of a count would be wrong.
        same = int(counts[item, label]) - 1
        right[int(author)] = right.get(int(author), 0) + (2 * same >= int(whole[item]) - 1)
        of[int(author)] = of.get(int(author), 0) + 1
    return {votes.annotators[author]: Share.counted(right[author], of[author]) for author in of}


def estimate(found: Consensus, author: str) -> tuple[float, float, float, int] | None:
    """An author's share of right labels by Dawid and Skene, its interval, and the items that it stands on.

    The labels' being right is known by probability alone: their sum is taken for a count, with the prior of
    `dawid_skene` beside it, and the interval is that of the Beta distribution which this makes. What consensus itself
    may be wrong in is not in it, so it is too narrow where few have labelled the same items.

    Returns:
        Value, low, high and items; None where the author has labelled none of them.
    """
    from scipy.special import betaincinv

    votes = found.votes
    if author not in votes.annotators:
        return None
    mine = votes.annotator == votes.annotators.index(author)
    chance = found.probability[votes.item[mine], votes.label[mine]]
    good, bad = float(chance.sum()) + RIGHT, float((1 - chance).sum()) + WRONG
    half = (1 - CONFIDENCE) / 2
    low, high = (float(betaincinv(good, bad, each)) for each in (half, 1 - half))
    return good / (good + bad), low, high, int(mine.sum())


def _of_people(facts: Facts, standing: Iterable[Answer]) -> dict[int, str]:
    """Item → what people say of it: the consensus where several do, nothing where they are divided."""
    votes: dict[int, set[str]] = {}
    for each in standing:
        if each.source == "person" and each.label is not None:
            votes.setdefault(each.item, set()).add(each.label)
    found = {}
    for item, labels in votes.items():
        known = facts.consensus.get(item)
        if len(labels) == 1:
            found[item] = next(iter(labels))
        elif known is not None and known[0] in labels:
            found[item] = known[0]
    return found


def _imported(standing: Iterable[Answer], people: Mapping[int, str]) -> Share:
    both = [people[each.item] == each.label for each in standing if each.source == "imported" and each.item in people]
    return Share.counted(sum(both), len(both))


def _confirmed(facts: Facts) -> Share:
    """Labels that were looked at again because they were suspected: how many were left as they were."""
    before: dict[int, str] = {}
    left = looked = 0
    for each in facts.answers:
        if each.label is None:
            continue
        if each.kind == "suspect" and each.item in before:
            looked += 1
            left += before[each.item] == each.label
        before[each.item] = each.label
    return Share.counted(left, looked)


def watch(threshold: Threshold) -> Watched:
    """What the audit says of what was taken under a threshold."""
    promise = Promise(threshold.accuracy, threshold.confidence)
    audit = Audit(promise, judged={str(item): good for item, good in threshold.judged.items()})
    judged = Share.counted(len(audit.judged) - audit.wrong, len(audit.judged))
    highest = highest_share_ever(audit.wrong, len(audit.judged), promise.confidence) if audit.judged else 1.0
    reason = audit.reason if audit.judged else "nobody has judged a label that was taken under it yet"
    return Watched(threshold, judged, highest, audit.failed, reason)
