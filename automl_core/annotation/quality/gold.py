"""Annotators against items whose label is known: gold items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from automl_core.annotation.quality.votes import Votes
from automl_core.rates import rate_interval

Verdict = Literal["kept", "below", "open"]


@dataclass(frozen=True, slots=True)
class Record:
    """How an annotator does on gold items.

    Attributes:
        annotator: the name.
        answered, right: gold items, and how many of them the annotator got right.
        low, high: of the share of right answers, an exact interval.
        verdict: ``kept`` where the interval lies at or above what is demanded, ``below`` where it lies below, else
            ``open``.
        missed: gold items with another label: worth a look, since a gold label may be wrong itself.
    """

    annotator: str
    answered: int
    right: int
    low: float
    high: float
    verdict: Verdict
    missed: tuple[str, ...]


def on_gold(
    votes: Votes, gold: Mapping[str, str], *, demanded: float = 0.8, confidence: float = 0.95
) -> tuple[Record, ...]:
    """Each annotator's record on gold items, in the order of names; also of those who have answered none.

    Args:
        votes: of all items.
        gold: item → its right label.
        demanded: share of right answers that an annotator should have.
        confidence: of each interval, both sides.

    Raises:
        ValueError: a gold label that is no class of the votes: nobody could ever get it right.
    """
    place = {name: at for at, name in enumerate(votes.classes)}
    strange = next((item for item, label in gold.items() if label not in place), None)
    if strange is not None:
        known = ", ".join(votes.classes)
        raise ValueError(f"the gold label of {strange!r} is {gold[strange]!r}, which is no class (known: {known})")
    answers: dict[int, list[tuple[str, bool]]] = {at: [] for at in range(len(votes.annotators))}
    for item, annotator, label in zip(votes.item, votes.annotator, votes.label, strict=True):
        name = votes.items[item]
        if name in gold:
            answers[int(annotator)].append((name, place[gold[name]] == label))
    found = []
    for at, held in answers.items():
        right = sum(good for _, good in held)
        low, high = rate_interval(right, len(held), confidence)
        verdict: Verdict = "kept" if low >= demanded else "below" if high < demanded else "open"
        missed = tuple(name for name, good in held if not good)
        found.append(Record(votes.annotators[at], len(held), right, low, high, verdict, missed))
    return tuple(found)
