"""What is known of a project's items: which are of the random stratum, which labels count, which are a random sample.

The stratum is drawn by seed and id. It is never trained on, never labelled by models, never chosen for being useful: so
what people say of it, by its turn, says how good models are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.project import Source, Vote
from automl_core.annotation.quality import Votes, dawid_skene
from automl_core.annotation.selection import Stratum

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project, ProjectState

STRATUM, GOLD, AUDIT, SUSPECT, BAD = "stratum", "gold", "audit", "suspect", "bad case"

ENOUGH_VOTES = 50
"""Items with several answers from which on annotators' errors are estimated (Dawid and Skene); of fewer the majority
counts: two annotators on a dozen items tell nothing of either's errors."""


@dataclass(frozen=True)
class Known:
    """The label of an item.

    Attributes:
        label: the class.
        source: a person's where any person has answered, else imported.
        sure: probability that it is right, as the answers have it; 1 where one has answered alone.
        votes: answers that count, skipped ones left out.
    """

    label: str
    source: Source
    sure: float = 1.0
    votes: int = 1


@dataclass(frozen=True)
class Sample:
    """What people said of the random stratum, by its turn.

    Attributes:
        labels: number → class.
        skipped: items that people could not label: they count as wrong, else hard ones would be left out.
        passed: items of the stratum whose label was imported or came without their turn: no random sample.
    """

    labels: Mapping[int, str]
    skipped: frozenset[int] = frozenset()
    passed: frozenset[int] = frozenset()

    @property
    def numbers(self) -> list[int]:
        """All that count, ascending."""
        return sorted({*self.labels, *self.skipped})


@dataclass
class Answers:
    """A project's labels as a round looks at them.

    Attributes:
        stratum: (items,) whether each is of the random stratum.
        known: number → its label; skipped items have none, and retired ones are there, too.
        skipped: items that people were asked about and could not label, by anybody's last word.
        sample: see `Sample`.
        gold: number → known answer.
    """

    stratum: NDArray[np.bool_]
    known: dict[int, Known]
    skipped: set[int]
    sample: Sample
    gold: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, file: AnnotationFile) -> Answers:
        """Of a project, as it was last read.

        Args:
            project: it.
            file: of it.
        """
        state = project.state
        ids = project.catalog.ids_of(range(state.count))
        where = Stratum(file.select.seed, file.select.stratum_share)
        mask = where.places(ids) < where.share if ids else np.zeros(0, dtype=np.bool_)
        gold = state.gold()
        persons, imported = _counting(state)
        known = _consensus(persons, file.labels.classes)
        for number, vote in imported.items():
            if number not in known and number not in gold and vote.label in file.labels.classes:
                known[number] = Known(vote.label, Source.IMPORTED)
        skipped = {number for number, votes in persons.items() if all(vote.skipped for vote in votes)}
        return cls(mask, known, skipped, _sample(state, mask, persons, known, skipped, gold), gold)

    def trainable(self, state: ProjectState) -> dict[int, Known]:
        """Items that may be learned from: labelled, neither of the stratum nor gold, not retired."""
        return {
            number: each
            for number, each in self.known.items()
            if not self.stratum[number] and number not in self.gold and number not in state.retired
        }


def _counting(state: ProjectState) -> tuple[dict[int, list[Vote]], dict[int, Vote]]:
    persons: dict[int, list[Vote]] = {}
    imported: dict[int, Vote] = {}
    for _, vote in state.counting():
        if vote.source is Source.PERSON:
            persons.setdefault(vote.item, []).append(vote)
        elif not vote.skipped and vote.kind != GOLD:
            imported[vote.item] = vote
    return persons, imported


def _consensus(persons: Mapping[int, list[Vote]], classes: list[str]) -> dict[int, Known]:
    """Number → the label that people's answers come to.

    Where one alone has answered it is theirs. Where several have, the majority's; from `ENOUGH_VOTES` such items on the
    likeliest by each annotator's errors. Of equal ones the first answer counts.
    """
    given = {
        number: [vote for vote in votes if not vote.skipped and vote.label in classes]
        for number, votes in persons.items()
    }
    found = {
        number: Known(votes[0].label, Source.PERSON) for number, votes in given.items() if len(votes) == 1
    }  # fmt: skip
    several = {number: votes for number, votes in given.items() if len(votes) > 1}
    if len(several) >= ENOUGH_VOTES:
        pairs = [(str(number), vote.author, vote.label) for number, votes in given.items() for vote in votes]
        result = dawid_skene(Votes.of(pairs, classes))
        for place, name in enumerate(result.votes.items):
            number = int(name)
            if number in several:
                label = result.votes.classes[int(result.label[place])]
                sure = float(result.probability[place].max())
                found[number] = Known(label, Source.PERSON, round(sure, 4), len(several[number]))
        return found
    for number, votes in several.items():
        counts: dict[str, int] = {}
        for vote in votes:
            counts[vote.label] = counts.get(vote.label, 0) + 1
        label = max(counts, key=lambda each: counts[each])  # of equal ones the first that was said
        found[number] = Known(label, Source.PERSON, round(counts[label] / len(votes), 4), len(votes))
    return found


def _sample(
    state: ProjectState, mask: NDArray[np.bool_], persons: Mapping[int, list[Vote]], known: Mapping[int, Known],
    skipped: set[int], gold: Mapping[int, str],
) -> Sample:  # fmt: skip
    labels: dict[int, str] = {}
    unanswered, passed = set(), set()
    for number in {*known, *skipped}:
        if not mask[number] or number in state.retired:
            continue
        if number in gold or not any(vote.kind == STRATUM for vote in persons.get(number, ())):
            passed.add(number)
        elif number in skipped:
            unanswered.add(number)
        else:
            labels[number] = known[number].label
    return Sample(labels, frozenset(unanswered), frozenset(passed))
