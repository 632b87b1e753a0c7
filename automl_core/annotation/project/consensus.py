"""Which label counts for each item, of all that were given to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from automl_core.annotation.project.labels import Source, Vote

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState

By = Literal["auto", "majority", "dawid-skene"]


@dataclass(frozen=True, slots=True)
class ConsensusRule:
    """How several labels of an item become one.

    Attributes:
        by: ``dawid-skene`` weighs authors by how often they err (`quality.dawid_skene`), ``majority`` counts heads,
            ``auto`` is the first where there is enough to learn that from, else the second.
        least_items: items with two labels or more that ``auto`` wants, to learn how often authors err.
        least_each: labels of such items that each of two authors at least must have given for it.
        steps: of Dawid and Skene at most: the work is bounded.
        largest: items × classes at most for ``auto``, so that memory is bounded: some 8 bytes each, a few times.
    """

    by: By = "auto"
    least_items: int = 30
    least_each: int = 20
    steps: int = 200
    largest: int = 4_000_000


class Told(NamedTuple):
    """The label that counts for an item.

    Attributes:
        label: which.
        probability: that it is right; None where one author alone has labelled it and nothing tells how often they err.
        votes: how many labels it rests on.
        single: whether one author alone has labelled it: nobody else says whether it is right.
        tied: whether another one is as likely; it is the one that was given first then.
        source: of whom it is.
        by: how it was found: ``alone``, ``majority``, ``dawid-skene``, ``gold`` or ``models``.
    """

    label: str
    probability: float | None
    votes: int
    single: bool = False
    tied: bool = False
    source: Source = Source.PERSON
    by: str = "alone"


def consensus(
    state: ProjectState, rule: ConsensusRule | None = None, numbers: Iterable[int] | None = None
) -> dict[int, Told]:
    """Number → the label that counts, of all items that have one.

    Gold counts before people, people before what was imported, and that before models. Skipped answers are none.
    Retired items are among them: whoever trains leaves them out.

    Args:
        state: of the project.
        rule: how several labels become one.
        numbers: of the items that are wanted; all where None. How often authors err is learned from all.
    """
    rule = rule or ConsensusRule()
    wanted = None if numbers is None else set(numbers)
    people: dict[int, list[Vote]] = {}
    imported: dict[int, list[Vote]] = {}
    for _, vote in state.counting():
        if not vote.skipped:
            (people if vote.source is Source.PERSON else imported).setdefault(vote.item, []).append(vote)
    found: dict[int, Told] = {
        number: Told(each.label, None, 1, True, source=Source.MODELS, by="models")
        for number, each in state.taken.items()
    }
    for number, votes in imported.items():
        found[number] = _majority(votes, Source.IMPORTED)
    told = _weighed(people, rule) if _can_weigh(people, rule) else {}
    for number, votes in people.items():
        found[number] = told.get(number) or _majority(votes, Source.PERSON)
    for number, label in state.gold().items():
        found[number] = Told(label, 1.0, 1, source=Source.IMPORTED, by="gold")
    return found if wanted is None else {number: each for number, each in found.items() if number in wanted}


def _majority(votes: Sequence[Vote], source: Source) -> Told:
    """The commonest label; of equal ones the one that was given first."""
    counts: dict[str, int] = {}
    for vote in votes:
        counts[vote.label] = counts.get(vote.label, 0) + 1
    most = max(counts.values())
    likeliest = [label for label, many in counts.items() if many == most]
    single = len(votes) == 1
    return Told(
        likeliest[0], None if single else most / len(votes), len(votes), single, len(likeliest) > 1, source,
        "alone" if single else "majority",
    )  # fmt: skip


def _can_weigh(people: dict[int, list[Vote]], rule: ConsensusRule) -> bool:
    """Whether it can be told how often authors err."""
    several = [votes for votes in people.values() if len(votes) > 1]
    if not several or rule.by == "majority":
        return False
    classes = {vote.label for votes in people.values() for vote in votes}
    if len(classes) < 2:
        return False
    if rule.by == "dawid-skene":
        return True
    each: dict[str, int] = {}
    for votes in several:
        for vote in votes:
            each[vote.author] = each.get(vote.author, 0) + 1
    enough = sum(1 for many in each.values() if many >= rule.least_each)
    return len(several) >= rule.least_items and enough >= 2 and len(several) * len(classes) <= rule.largest


def _weighed(people: dict[int, list[Vote]], rule: ConsensusRule) -> dict[int, Told]:
    """By Dawid and Skene, learned from items with several labels; single ones by what was learned of their author.

    Items that one author alone has labelled say nothing of how often they err, so they are left out of the learning,
    which is then as large as what can be learned from.
    """
    import numpy as np

    from automl_core.annotation.quality import Votes, dawid_skene

    several = {number: votes for number, votes in people.items() if len(votes) > 1}
    classes = sorted({vote.label for votes in people.values() for vote in votes})
    at = {name: place for place, name in enumerate(classes)}
    result = dawid_skene(
        Votes.of(((f"{number:012d}", v.author, v.label) for number, votes in several.items() for v in votes), classes),
        steps=rule.steps,
    )
    found: dict[int, Told] = {}
    for place, name in enumerate(result.votes.items):
        number, likely = int(name), result.probability[place]
        best = float(likely.max())
        tied = [classes[each] for each in np.flatnonzero(likely >= best - 1e-9)]
        first = next((vote.label for vote in several[number] if vote.label in tied), tied[0])
        found[number] = Told(first, best, len(several[number]), tied=len(tied) > 1, by="dawid-skene")
    author_at = {name: place for place, name in enumerate(result.votes.annotators)}
    for number, votes in people.items():
        if number in found:
            continue
        vote, probability = votes[0], None
        if vote.author in author_at:
            likely = result.share * result.confusion[author_at[vote.author], :, at[vote.label]]
            probability = float(likely[at[vote.label]] / likely.sum())
        found[number] = Told(vote.label, probability, 1, single=True)
    return found
