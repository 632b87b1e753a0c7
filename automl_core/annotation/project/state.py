"""The state of an annotation project, folded from its journal. Nothing here reads a store or a clock.

``apply`` takes one record and either changes the state or says why the record can't be true (an item handed to two,
say); such a record is skipped by every reader alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from automl_core.annotation.items.parts import Part
from automl_core.annotation.project import storing
from automl_core.annotation.project.changes import CHANGES
from automl_core.annotation.project.entities import (
    Batch,
    Case,
    DataSetVersion,
    ItemState,
    Retirement,
    Round,
    Stopped,
    Taken,
    Threshold,
)
from automl_core.annotation.project.labels import Source, Vote, newest
from automl_core.annotation.project.rules import RULES
from automl_core.journal import Record, Refused, take_in


class ProjectState:
    """Everything that the records so far say. See `Project` for what is asked of it.

    Attributes:
        seq: the place of the last record.
        updated: the time of the last record that was not skipped.
        document: the project's file as it was recorded last, plain JSON.
        configured: when that was, and by whom: (time, name).
        parts: where items lie, in order.
        count: how many items there are; their numbers are 0 … count - 1.
        retired: number → place in `retirements`.
        retirements: why items were set aside.
        votes: all labels of people and imported ones, in the order in which they were recorded. Of one author on one
            item the one that was given last counts (`answers`); the others are history.
        brought: digest of a file of labels that was brought whole → when that was first.
        thresholds: by id, from 1.
        taken: number → the label by models that it has.
        batches: by number, from 1.
        tasks: number → the batch in which people are asked about it now.
        claims: number → who has it → until when.
        rounds: by number, from 1; at most one is open, the last.
        sets: data set versions by number, from 1.
        trained: items that a model was trained on, with the label that they have now.
        cases: bad cases by item.
        stopped: why there are no more rounds; None while there may be.
        skipped: places that hold no usable record → why.
    """

    kinds: ClassVar[frozenset[str]] = frozenset(CHANGES)
    """What a record of a project can tell."""

    def __init__(self) -> None:
        self.seq = 0
        self.updated = 0.0
        self.document: dict[str, Any] = {}
        self.configured: tuple[float, str] | None = None
        self.parts: list[Part] = []
        self.count = 0
        self.retired: dict[int, int] = {}
        self.retirements: list[Retirement] = []
        self.votes: list[Vote] = []
        self.brought: dict[str, float] = {}
        self.thresholds: dict[int, Threshold] = {}
        self.taken: dict[int, Taken] = {}
        self.batches: dict[int, Batch] = {}
        self.tasks: dict[int, int] = {}
        self.claims: dict[int, dict[str, float]] = {}
        self.rounds: dict[int, Round] = {}
        self.sets: dict[int, DataSetVersion] = {}
        self.trained: set[int] = set()
        self.cases: dict[int, Case] = {}
        self.stopped: Stopped | None = None
        self.skipped: dict[int, str] = {}
        self._votes_of: dict[int, list[int]] = {}  # number → places in `votes`
        self._sent_in: dict[int, int] = {}  # number → the newest batch that it was sent in
        self._back: dict[int, set[int]] = {}  # threshold → items that were taken back under it

    # --- items -----------------------------------------------------------------------------------

    def status(self, number: int) -> ItemState:
        """Where an item is."""
        if number in self.retired:
            return ItemState.RETIRED
        if number in self.tasks:
            return ItemState.SENT
        if number in self.trained:
            return ItemState.TRAINED
        if number in self._votes_of:
            return ItemState.LABELLED
        return ItemState.TAKEN if number in self.taken else ItemState.NEW

    def counts(self) -> dict[ItemState, int]:
        """How many items are in each state."""
        found = dict.fromkeys(ItemState, 0)
        touched = self.retired.keys() | self.tasks.keys() | self.trained | self._votes_of.keys() | self.taken.keys()
        for number in touched:
            found[self.status(number)] += 1
        found[ItemState.NEW] += self.count - len(touched)
        return found

    def closed(self) -> set[int]:
        """Items that are not to be chosen again: everything but those in state NEW."""
        return set(self.retired) | set(self.tasks) | set(self._votes_of) | set(self.taken) | self.trained

    def why_retired(self, number: int) -> Retirement | None:
        """Why an item was set aside; None where it wasn't."""
        place = self.retired.get(number)
        return self.retirements[place] if place is not None else None

    # --- labels ----------------------------------------------------------------------------------

    def history(self, number: int) -> list[Vote]:
        """All labels of people, and imported ones, on an item, in the order in which they were recorded."""
        return [self.votes[place] for place in self._votes_of.get(number, ())]

    def has_answers(self, number: int) -> bool:
        """Whether an item has a label of a person, or an imported one; skipped ones too."""
        return number in self._votes_of

    def answers(self, number: int) -> list[Vote]:
        """Those of them that count: what each author has said last, in the order of their first ones."""
        by: dict[str, Vote] = {}
        for vote in self.history(number):
            before = by.get(vote.author)
            if before is None or vote.time >= before.time:
                by[vote.author] = vote
        return list(by.values())

    def answer_by(self, number: int, author: str) -> Vote | None:
        """What an author says of an item now; None where they said nothing."""
        return newest(vote for vote in self.history(number) if vote.author == author)

    def labelled(self) -> Iterator[int]:
        """Numbers of items that have labels of people, or imported ones; skipped ones too, retired ones too."""
        return iter(self._votes_of)

    def counting(self) -> Iterator[tuple[int, Vote]]:
        """(place in `votes`, label) of all labels that count, in the order in which they were recorded."""
        last: dict[tuple[int, str], int] = {}
        for place, vote in enumerate(self.votes):
            before = last.get((vote.item, vote.author))
            if before is None or vote.time >= self.votes[before].time:
                last[vote.item, vote.author] = place
        for place in sorted(last.values()):
            yield place, self.votes[place]

    def gold(self) -> dict[int, str]:
        """Items whose label is known beforehand: those that came with the kind ``gold``."""
        found = {}
        for vote in self.votes:
            if vote.kind == "gold" and vote.source is Source.IMPORTED and not vote.skipped:
                found[vote.item] = vote.label
        return found

    def stratum(self) -> set[int]:
        """Items that were sent as part of the random stratum, whenever that was."""
        return {number for batch in self.batches.values() for number, kind in batch.kinds.items() if kind == "stratum"}

    # --- people ----------------------------------------------------------------------------------

    def given(self, number: int, batch: int) -> list[str]:
        """Who has answered an item of a batch, in the order of their answers."""
        found = dict.fromkeys(
            vote.author for vote in self.history(number) if vote.batch == batch and vote.source is Source.PERSON
        )
        return list(found)

    def open_tasks(self, batch: int | None = None) -> list[int]:
        """Items that people are asked about now, in the order in which they get them; of one batch, or of all."""
        batches: Iterable[Batch] = self.batches.values()
        if batch is not None:
            batches = [self.batches[batch]] if batch in self.batches else []
        return [
            number
            for each in batches
            if each.closed is None
            for number in each.items
            if self.tasks.get(number) == each.number
        ]

    def progress(self, batch: int) -> tuple[int, int]:
        """Of a batch: (items that have all the answers that were asked for, items).

        Retired ones are in neither.

        Raises:
            KeyError: there is no such batch.
        """
        found = self.batches[batch]
        items = [number for number in found.items if number not in self.retired]
        answered = sum(1 for number in items if len(self.given(number, batch)) >= found.votes)
        return answered, len(items)

    def open_batches(self, to: str | None = None) -> list[Batch]:
        """Batches that are not over; where `to` is given, those that went there."""
        return [each for each in self.batches.values() if each.closed is None and to in (None, each.to)]

    def batch_of(self, round: int, name: str = "") -> Batch | None:
        """A round's batch of a name; None where it has sent none."""
        return next((each for each in self.batches.values() if (each.round, each.name) == (round, name)), None)

    def claimed_by(self, who: str, at: float) -> dict[int, float]:
        """Items that somebody has at a time → until when."""
        return {
            number: holders[who]
            for number, holders in self.claims.items()
            if holders.get(who, 0.0) > at and number in self.tasks
        }

    def sent_in(self, number: int) -> Batch | None:
        """The newest batch that an item was sent in; None where it never was."""
        batch = self._sent_in.get(number)
        return self.batches[batch] if batch is not None else None

    # --- rounds ----------------------------------------------------------------------------------

    @property
    def round(self) -> Round | None:
        """The round that is open; None while none is."""
        last = self.rounds.get(len(self.rounds))
        return last if last is not None and last.open else None

    @property
    def newest_set(self) -> DataSetVersion | None:
        """The newest data set version; None before the first."""
        return self.sets.get(len(self.sets))

    def found_in(self, round: int) -> list[Threshold]:
        """The thresholds of a round."""
        return [each for each in self.thresholds.values() if each.round == round]

    def taken_by(self, threshold: int) -> dict[int, str]:
        """Number → label of what is taken by a threshold now."""
        return {number: each.label for number, each in self.taken.items() if each.threshold == threshold}

    def taken_back(self, threshold: int) -> set[int]:
        """Items that were taken by a threshold, and taken back."""
        return set(self._back.get(threshold, ()))

    def was_taken_back(self, threshold: int, number: int) -> bool:
        """Whether an item is one of those."""
        return number in self._back.get(threshold, ())

    def runs_of(self, set: int) -> list[tuple[Round, int]]:
        """The trainings on a data set version: (round, place among its trainings)."""
        return [
            (each, place)
            for each in self.rounds.values()
            for place, training in enumerate(each.trainings)
            if training.set == set
        ]

    def cases_in(self, *states: str) -> list[int]:
        """Items that are bad cases in one of some states, ascending."""
        return sorted(number for number, case in self.cases.items() if case.state in states)

    # --- the fold --------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProjectState) and self.encode() == other.encode()

    __hash__ = None  # type: ignore[assignment]

    def skip(self, seq: int, reason: str) -> None:
        """Remember a place in the order that holds no usable record."""
        self.skipped.setdefault(seq, reason)

    def apply(self, record: Record) -> str | None:
        """Take in the next record.

        Returns:
            None, or why the record is skipped.
        """
        return take_in(self, record, self._change)

    def _change(self, record: Record) -> str | None:
        try:
            if record.kind in RULES:
                RULES[record.kind](self, record.data)
            CHANGES[record.kind](self, record)
        except Refused as refused:
            return str(refused)
        return None

    # used by `changes` and `storing` alone

    def add_votes(self, votes: Sequence[Vote]) -> None:
        """Take in labels."""
        for vote in votes:
            self._votes_of.setdefault(vote.item, []).append(len(self.votes))
            self.votes.append(vote)

    def add_to_batch(self, batch: Batch, items: Sequence[int], kinds: dict[int, str]) -> None:
        """Take in items of a batch."""
        batch.items.extend(items)
        batch.kinds.update(kinds)
        self._sent_in.update(dict.fromkeys(items, batch.number))

    def add_back(self, threshold: int, numbers: Iterable[int]) -> None:
        """Remember what was taken back under a threshold."""
        self._back.setdefault(threshold, set()).update(numbers)

    def encode(self) -> bytes:
        """The state as JSON, for a snapshot."""
        return storing.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> ProjectState:
        """Read a snapshot, of this release or an earlier one.

        Raises:
            LaterFormat: it is of a later release.
            ValueError: it is torn or no snapshot.
        """
        state = cls()
        storing.decode(data, state)
        return state
