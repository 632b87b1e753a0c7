"""What is known of a project's items: which are of the random stratum, which labels count, which are a random sample.

The stratum is drawn by seed and id. It is never trained on, never labelled by models, never chosen for being useful: so
what people say of it, by its turn, says how good models are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.project import Source, Vote, consensus
from automl_core.annotation.selection import Stratum

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project, ProjectState

STRATUM: Final = "stratum"
GOLD: Final = "gold"
AUDIT: Final = "audit"
SUSPECT: Final = "suspect"
BAD: Final = "bad case"


@dataclass(frozen=True)
class Known:
    """The label of an item.

    Attributes:
        label: the class.
        source: a person's where any person has answered, else imported.
        sure: probability that it is right, as the answers have it; 1 where nothing tells.
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
        persons = _persons(state)
        known = {
            number: Known(
                told.label, told.source, 1.0 if told.probability is None else round(told.probability, 4), told.votes
            )
            for number, told in consensus(state).items()
            if told.source is not Source.MODELS and number not in gold and told.label in file.labels.classes
        }
        skipped = {number for number, votes in persons.items() if all(vote.skipped for vote in votes)}
        return cls(mask, known, skipped, _sample(state, mask, persons, known, skipped, gold), gold)

    def trainable(self, state: ProjectState) -> dict[int, Known]:
        """Items that may be learned from: labelled, neither of the stratum nor gold, not retired."""
        return {
            number: each
            for number, each in self.known.items()
            if not self.stratum[number] and number not in self.gold and number not in state.retired
        }


def _persons(state: ProjectState) -> dict[int, list[Vote]]:
    """Number → the last word of each person on it."""
    found: dict[int, list[Vote]] = {}
    for _, vote in state.counting():
        if vote.source is Source.PERSON:
            found.setdefault(vote.item, []).append(vote)
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
