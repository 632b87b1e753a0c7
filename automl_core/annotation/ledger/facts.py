"""What a ledger is made of: every answer that was ever given, and what became of it. Plain, and free of any store.

`reading.facts_of` takes them out of a project's state. Items are named by their numbers; times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from automl_core.structs import known

Fate = Literal["", "replaced", "taken back"]
"""Whether an answer stands: ``""``, or its author gave another one, or it was taken back (models' labels)."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What somebody said of an item. An answer that was changed later stays one: it was paid for.

    Attributes:
        item: its number.
        label: the class; None where it was skipped ("can't tell").
        author: a person, a pair of models, or who imported it.
        source: ``person``, ``models`` or ``imported``.
        seconds: that it took; None where nobody measured.
        price: in the project's currency.
        time: when it was recorded.
        round: that was open, or of its batch; 0 outside of rounds.
        kind: why the item was asked about: ``stratum``, ``useful``, ``bad case``, ``gold`` …; empty where nobody asked.
        where: ``page``, ``file``, ``label-studio`` …
        fate: whether it stands.
        ended: when it ceased to stand; None while it stands.
        why: of that, in words.
        place: among all answers of people and imported ones, in the order in which they were recorded: one may be
            brought long after it was given. None for models', which are recorded as they are given.
        until: place of the answer from which on it stood no more; its own where it never stood.
    """

    item: int
    label: str | None
    author: str
    source: str
    seconds: float | None = None
    price: float = 0.0
    time: float = 0.0
    round: int = 0
    kind: str = ""
    where: str = ""
    fate: Fate = ""
    ended: float | None = None
    why: str = ""
    place: int | None = None
    until: int | None = None

    @property
    def stands(self) -> bool:
        """Whether it is its author's last word, and was not taken back."""
        return not self.fate


known(Answer)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A version of the data set that models were trained on.

    Attributes:
        number: from 1.
        round: that wrote it.
        time: when.
        prefix: where it lies in the storage.
        fingerprint: of what is in it.
        rows: how many.
        trained: number of an item in it → the label that it has there.
        seen: how many answers there were when it was written (`Answer.place`); None where only times tell.
    """

    number: int
    round: int
    time: float
    prefix: str
    fingerprint: str
    rows: int
    trained: Mapping[int, str]
    seen: int | None = None

    def knew(self, answer: Answer) -> bool:
        """Whether an answer was there when it was written."""
        if answer.place is not None and self.seen is not None:
            return answer.place < self.seen
        return answer.time <= self.time

    def counted(self, answer: Answer) -> bool:
        """Whether an answer was there, and stood."""
        if answer.place is not None and self.seen is not None:
            return answer.place < self.seen and (answer.until is None or answer.until >= self.seen)
        return answer.time <= self.time and (answer.ended is None or answer.ended > self.time)


@dataclass(frozen=True, slots=True)
class Training:
    """A model version that was trained on a data set version.

    Attributes:
        round, data_set: numbers.
        experiment, run: whose result it is.
        outcome: what became of the run.
        model: name, version or place; None where none was published.
        time: when.
    """

    round: int
    data_set: int
    experiment: str
    run: str
    outcome: str
    model: Mapping[str, Any] | None
    time: float


@dataclass(frozen=True, slots=True)
class Judged:
    """How one model did on the labelled items of the random stratum.

    Attributes:
        name: of the model.
        hits: item → whether it was right; None where people gave no answer, which counts as wrong.
        classes: class → how many of its items it got right, and how many there are.
    """

    name: str
    hits: Mapping[int, bool | None]
    classes: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoundFacts:
    """One round.

    Attributes:
        number: from 1.
        begun, ended: when; None while it is open.
        by: who began it.
        labels: that its models learned from; None where it trained none.
        models: those that were evaluated.
        best: the name of the one that it is judged by; empty where none was evaluated.
        outcome: what its end was recorded with.
        stopped: why the project stopped after it; empty where it went on.
    """

    number: int
    begun: float
    ended: float | None = None
    by: str = ""
    labels: int | None = None
    models: Sequence[Judged] = ()
    best: str = ""
    outcome: Mapping[str, Any] = field(default_factory=dict)
    stopped: str = ""

    @property
    def judged(self) -> Judged | None:
        """The model that it is judged by."""
        return next((each for each in self.models if each.name == self.best), None)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold above which labels of two models that agree are taken.

    Attributes:
        id: from 1.
        round: that found it.
        models: whose.
        value: None where none was found: nothing is taken.
        accuracy, confidence: what was promised.
        time: when.
        taken: item → the label that was taken under it; those that were taken back, too.
        judged: item → whether people found the models' label to be right, of items drawn at random among those that it
            takes.
        back: items that were taken back.
        why_back: why, of the last time.
    """

    id: int
    round: int
    models: Sequence[str]
    value: float | None
    accuracy: float
    confidence: float
    time: float
    taken: Mapping[int, str]
    judged: Mapping[int, bool]
    back: AbstractSet[int] = frozenset()
    why_back: str = ""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A label that is probably wrong, as the newest look at all labels found it.

    Attributes:
        item: its number.
        label: that it has.
        suggested: the likeliest class.
        wrong: how probably the label is wrong, 0 to 1.
        author: of the label; empty where several gave it.
        again: whether people are asked once more.
    """

    item: int
    label: str
    suggested: str
    wrong: float
    author: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """An item on which an evaluated model was wrong.

    Attributes:
        item: its number.
        state: ``open``, ``fixed`` or ``regressed``.
        moves: (round, model, state) in order.
    """

    item: int
    state: str
    moves: Sequence[tuple[int, str, str]] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a ledger says is worked out of this.

    Attributes:
        name: of the project.
        currency: of prices; empty where none is named.
        classes: that may be given, in their order.
        items: how many there are, retired ones among them.
        answers: all that were ever given, in the order of the journal.
        rounds, sets, trainings, thresholds: in the order of their numbers.
        retired: items that are out, and why.
        stratum: items that are held out for evaluation.
        gold: item → its known label.
        consensus: item → label, how likely it is to be right (None where nothing tells), and by how many answers.
        suspects: the most suspected first.
        cases: in the order of items.
        asked: items that people are asked about now.
        least_right: share of gold items that an annotator should get right.
        votes: people that are asked about an item.
        budget: money that labels may cost; None where nothing bounds it.
        target: accuracy at which it is enough; None where none is named.
        seq: of the newest record that it is worked out of.
    """

    name: str
    currency: str = ""
    classes: Sequence[str] = ()
    items: int = 0
    answers: Sequence[Answer] = ()
    rounds: Sequence[RoundFacts] = ()
    sets: Sequence[DataSet] = ()
    trainings: Sequence[Training] = ()
    thresholds: Sequence[Threshold] = ()
    retired: Mapping[int, str] = field(default_factory=dict)
    stratum: AbstractSet[int] = frozenset()
    gold: Mapping[int, str] = field(default_factory=dict)
    consensus: Mapping[int, tuple[str, float | None, int]] = field(default_factory=dict)
    suspects: Sequence[Suspect] = ()
    cases: Sequence[Case] = ()
    asked: AbstractSet[int] = frozenset()
    least_right: float = 0.8
    votes: int = 1
    budget: float | None = None
    target: float | None = None
    seq: int = 0
