"""What a project is made of, beside labels: rounds, thresholds, batches, data sets, bad cases.

Times are seconds since 1970. Everything is plain JSON in the journal and in its snapshot; `ProjectState` folds it.
Items are numbers here (as they came, from 0); acts and everything that people see have their ids, and
`Project.catalog` leads from one to the other.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from automl_core.annotation.items import Packed, unpack
from automl_core.journal import Person


class ItemState(StrEnum):
    """Where an item is; docs/annotation-journal.md has what may come next."""

    NEW = "NEW"
    TAKEN = "TAKEN"
    SENT = "SENT"
    LABELLED = "LABELLED"
    TRAINED = "TRAINED"
    RETIRED = "RETIRED"


class BadCase(StrEnum):
    """What became of an item that a model was wrong on."""

    OPEN = "OPEN"
    FIXED = "FIXED"
    REGRESSED = "REGRESSED"


class Retirement(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why items were set aside.

    Attributes:
        why: in words.
        by: whose act.
        time: when.
        changed: whether their source says something else since; then they come back where it says the same again.
    """

    why: str
    by: Person
    time: float
    changed: bool = False


class Take(msgspec.Struct, frozen=True, omit_defaults=True):
    """Labels that models gave together.

    Attributes:
        labels: label → items.
        round: that was open; 0 where none was.
        time: when.
    """

    labels: dict[str, Packed]
    round: int
    time: float


class Back(msgspec.Struct, frozen=True, omit_defaults=True):
    """Labels of models that were taken back together.

    Attributes:
        items: whose.
        why: in words.
        by: whose act.
        time: when.
        whole: whether the threshold itself was; nothing is taken by it any more.
    """

    items: Packed
    why: str
    by: Person
    time: float
    whole: bool = False

    @property
    def numbers(self) -> list[int]:
        """Of the items."""
        return unpack(self.items)


class Threshold(msgspec.Struct, omit_defaults=True):
    """From how sure on two models label by themselves.

    Attributes:
        id: from 1.
        round: in which it was searched.
        models: names and versions.
        threshold: None where none was found.
        look: which search it was, from 1.
        promise: what was promised, plain JSON.
        evidence: what it rests on, plain JSON.
        by, time: whose act, and when.
        taken: how many items were taken by it in all.
        takes: which, and when; those that were taken back since among them.
        back: what of them was taken back.
    """

    id: int
    round: int
    models: list[str]
    threshold: float | None
    look: int
    promise: Any
    evidence: dict[str, Any]
    by: Person
    time: float
    taken: int = 0
    takes: list[Take] = []
    back: list[Back] = []

    @property
    def ever(self) -> set[int]:
        """Items that were taken by it, those that were taken back since among them."""
        return {number for each in self.takes for packed in each.labels.values() for number in unpack(packed)}

    @property
    def withdrawn(self) -> bool:
        """Whether it counts no more: it was taken back as a whole."""
        return any(each.whole for each in self.back)


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """A label by models.

    Attributes:
        threshold: id of that by which it was taken.
        label: which.
    """

    threshold: int
    label: str


class Batch(msgspec.Struct, omit_defaults=True):
    """Items that were sent to people together.

    Attributes:
        number: from 1.
        round: in which.
        name: tells the batches of a round from each other.
        to: ``page``, ``files`` or ``label-studio``.
        votes: how many people each item is for.
        by, time: whose act, and when.
        items: numbers, in the order of their priority.
        kinds: number → why it is there, as `selection` says it; for evaluation that of ``stratum`` alone counts.
        until: when waiting for it ends; None for never.
        price: of one answer.
        digest: of the object with all that was chosen, and why.
        of: how many choices that object has; some may be missing here, since they were closed meanwhile.
        read: how many of them were taken in; fewer than `of` only while it is being sent.
        closed: when it was over; None while it is open.
        why: in words, why it is over.
    """

    number: int
    round: int
    name: str
    to: str
    votes: int
    by: Person
    time: float
    items: list[int] = []
    kinds: dict[int, str] = {}
    until: float | None = None
    price: float = 0.0
    digest: str = ""
    of: int = 0
    read: int = 0
    closed: float | None = None
    why: str = ""

    @property
    def complete(self) -> bool:
        """Whether all of it was sent: its sender may have died in the middle, and sending again makes it good."""
        return self.read >= self.of

    def of_kind(self, kind: str) -> list[int]:
        """The items that are there for one reason, in the order of their priority."""
        return [number for number in self.items if self.kinds.get(number) == kind]


class DataSetVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """What models were trained on.

    Attributes:
        number: from 1.
        prefix: its folder in the store, ending with '/'.
        fingerprint: of what lies there.
        rows: how many.
        items: whose labels are in it.
        by_source: how many labels of each source (``person``, ``models``, ``imported``).
        decided: label → items whose answers differ, and that have this label here. What answers differ on is weighed by
            all answers there are, so later it can't be told any more which won then; of other items it can.
        round: in which it was written; filled by the journal.
        time: when; filled by the journal.
        seen: how many labels there were (`ProjectState.votes`) in the state that it was worked out on; filled by the
            journal.
    """

    number: int
    prefix: str
    fingerprint: str
    rows: int
    items: Packed
    by_source: dict[str, int] = {}
    decided: dict[str, Packed] = {}
    round: int = 0
    time: float = 0.0
    seen: int = 0

    @property
    def numbers(self) -> list[int]:
        """Of the items, ascending."""
        return unpack(self.items)


class Training(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run of an experiment on a data set version.

    Attributes:
        set: number of the data set version.
        experiment, run: which.
        outcome: its state in the end, as its result says it.
        model: what came of it, plain JSON; None where nothing did.
        round: in which.
        time: when it was recorded.
    """

    set: int
    experiment: str
    run: str
    outcome: str
    model: dict[str, Any] | None = None
    round: int = 0
    time: float = 0.0


class Evaluation(msgspec.Struct, frozen=True, omit_defaults=True):
    """How good models were after a round.

    Attributes:
        evidence: plain JSON; see `automl_core.annotation.rounds`.
        by, time: whose act, and when.
    """

    evidence: dict[str, Any]
    by: Person
    time: float


class CaseMove(msgspec.Struct, frozen=True, array_like=True):
    """When a bad case came into a state, by which model's evaluation."""

    state: BadCase
    time: float
    round: int
    model: str


class Case(msgspec.Struct, omit_defaults=True):
    """An item that a model was wrong on.

    Attributes:
        item: its number.
        moves: the states that it came into, the newest last.
    """

    item: int
    moves: list[CaseMove] = []

    @property
    def state(self) -> BadCase:
        """What it is now."""
        return self.moves[-1].state


class Round(msgspec.Struct, omit_defaults=True):
    """One time around the loop.

    Attributes:
        number: from 1.
        begun, by: when, and whose act.
        ended: when; None while it is open.
        outcome: what came of it, plain JSON.
        evaluations: the newest last; that one counts.
        trainings: what was trained in it.
        labels: how many labels there were (`ProjectState.votes`) when it began.
    """

    number: int
    begun: float
    by: Person
    ended: float | None = None
    outcome: dict[str, Any] = {}
    evaluations: list[Evaluation] = []
    trainings: list[Training] = []
    labels: int = 0

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.ended is None

    @property
    def evaluation(self) -> Evaluation | None:
        """The one that counts; None before."""
        return self.evaluations[-1] if self.evaluations else None


class Stopped(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why there are no more rounds.

    Attributes:
        round: the last one; 0 where there was none.
        why: the rule that ended it, or a person's words.
        reasons: sentences.
        by, time: whose act, and when.
    """

    round: int
    why: str
    reasons: list[str]
    by: Person
    time: float
