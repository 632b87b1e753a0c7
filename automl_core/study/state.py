"""The state of an experiment, folded from its journal. Nothing here reads a store or a clock.

``apply`` takes one record and either changes the state or says why the record can't be true
(a slot bound twice, say); such a record is skipped by every reader alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import attrgetter
from typing import Any, ClassVar

import msgspec

from automl_core.journal import LaterFormat, Record, take_in
from automl_core.search.outcomes import counted
from automl_core.space import Params
from automl_core.states import TrialState
from automl_core.structs import known
from automl_core.study.changes import CHANGES
from automl_core.study.containers import Order, Trials, Works
from automl_core.study.entities import Act, Attempt, StopRecord, Trial, Work, pack_curve, unpack_curve
from automl_core.study.labels import Label
from automl_core.study.remembered import Remembered
from automl_core.study.sealed import CHUNK, KEPT, Sealed
from automl_core.study.sources import EarlierRun

__all__ = ["STATE_VERSION", "Act", "Attempt", "State", "StopRecord", "Trial", "Work", "pack_curve", "unpack_curve"]

STATE_VERSION = 3
"""Version of the snapshot that this code writes; it reads every version up to this one. Version 1 had no `identity`,
`environment`, `labels`, `exhausted` and `reported`, and its attempts no `generation` and `systematic`; version 2 had no
`inputs`, and its attempts no `warnings`. A state that gets anything new gets a new version: an older release would read
it without, and write it so."""


@dataclass(slots=True)
class State:
    """Everything that the records so far say. See `Study` for what is asked of it.

    What has ended is set apart as a long experiment goes on (`automl_core.study.sealed`): ``trials``, ``works`` and
    ``order`` tell of both alike.
    """

    kinds: ClassVar[frozenset[str]] = frozenset(
        {"created", "bound", "attempt", "external", "lost", "ended", "closed", "stop", "cancel", "note", "edited"}
    )
    """What a record of an experiment can tell."""

    version: int = STATE_VERSION
    seq: int = 0
    experiment: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    run: str = ""
    identity: dict[str, Any] = field(default_factory=dict)
    """What tells this run from another of the same id; empty where its first record doesn't say."""
    environment: dict[str, Any] = field(default_factory=dict)
    """What the first record's writer ran on: releases and processor, on which suggestions depend."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """What the run works on, as it was found when it began, by kind: ``data`` has the fingerprints of its data sets."""
    created: float = 0.0
    updated: float = 0.0
    overrides: list[dict[str, Any]] = field(default_factory=list)
    algorithm: str = ""
    plan: dict[str, Any] = field(default_factory=dict)
    proposals: list[Params] = field(default_factory=list)
    """The first combinations of those known before the start, by the number of the trial that has them; empty where
    that is bound."""
    lanes: int | None = None
    trials: Trials = field(default_factory=list)  # type: ignore[assignment]
    works: Works = field(default_factory=dict)  # type: ignore[assignment]
    order: Order = field(default_factory=list)  # type: ignore[assignment]
    """Slots in the order in which their work ended for good."""
    stop: StopRecord | None = None
    skipped: dict[int, str] = field(default_factory=dict)
    edits: int = 0
    """How often the experiment was edited since its start."""
    narrowed: bool = False
    """Whether an edit has changed the space: trials before it may lie outside."""
    earlier: list[EarlierRun] = field(default_factory=list)
    """Earlier runs that the search was to learn from, with what was taken of them."""
    exhausted: str = ""
    """Why the algorithm has nothing more to hand out, empty while it has."""
    acts: list[Act] = field(default_factory=list)
    """What people did, the newest `acts.ACTS_KEPT`; and which network policies of a closed run hold."""
    labels: dict[int, Label] = field(default_factory=dict)
    """What people wrote on trials, by number, and on the run (`RUN`)."""
    reported: bool = False
    """Whether a trial has reported the goal's value while it ran (noted once, where others wait for it)."""
    sealed: Sealed = field(default_factory=Sealed, compare=False, repr=False)
    """What is set apart."""
    remembered: Remembered = field(default_factory=Remembered, compare=False, repr=False)
    """What was worked out of trials, and holds until one of them changes."""

    def __post_init__(self) -> None:
        """Given trials, works and order may be plain ones."""
        if not isinstance(self.trials, Trials):
            self.trials = Trials(self.trials, self.sealed)
        if not isinstance(self.works, Works):
            self.works = Works(self.works, self.sealed)
        if not isinstance(self.order, Order):
            self.order = Order({slot: rank for rank, slot in enumerate(self.order, start=1)})

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
        change = CHANGES.get(record.kind)
        if change is None:
            return None
        for trial in self._meant(record):
            self._open(trial)
        return change(self, record)

    def _meant(self, record: Record) -> set[int]:
        """The known trials that a record names, by its number or by a slot: none but these can change by it."""
        slot, number = _number(record.data.get("slot")), _number(record.data.get("trial"))
        named = {self.works[slot].trial} if slot is not None and slot in self.works else set()
        if number is not None and 0 <= number < len(self.trials):
            named.add(number)
        return named

    def _open(self, number: int) -> None:
        """A trial is about to change: it is no longer set apart, and nothing is remembered of it."""
        self.remembered.forget(number)
        taken = self.sealed.take_out(number)
        if taken is not None:
            trial, works = taken
            self.trials.live[number] = trial
            self.works.live.update((work.slot, work) for work in works)

    def latest(self, trial: Trial) -> Work:
        """A trial's newest work."""
        return self.works[trial.slots[-1]]

    def state_of(self, trial: Trial) -> TrialState:
        """A trial's state is that of its newest work."""
        return self.latest(trial).state

    def counted(self, trial: Trial) -> Work | None:
        """The work whose value is a trial's: that at the highest budget that it finished (`search.outcomes`).

        A value that an earlier training task gave doesn't count before the last one has ended.
        """
        return counted([self.works[slot] for slot in trial.slots])

    def value_of(self, trial: Trial) -> float | None:
        """A trial's value at the highest budget that it finished; where it finished none, that of an early stop."""
        work = self.counted(trial)
        return work.counts if work is not None else None

    def is_running(self, slot: int, task: int, attempt: int) -> bool:
        """Whether an attempt is the newest of its slot and has not ended."""
        work = self.works.get(slot)
        last = work.last_attempt() if work else None
        if last is None or last.state is not TrialState.RUNNING:
            return False
        return (last.task, last.number) == (task, attempt)

    @property
    def unended(self) -> list[Work]:
        """Work that is bound and has not ended: it runs, or waits for a new attempt. By slot, whatever is set apart."""
        return sorted((w for w in self.works.live.values() if not w.state.ended), key=_slot)

    @property
    def running(self) -> list[Work]:
        """Work that is bound and neither ended nor waiting for a new attempt. By slot, whatever is set apart."""
        return sorted((w for w in self.works.live.values() if w.state is TrialState.RUNNING), key=_slot)

    @property
    def proven(self) -> bool:
        """Whether the training has shown that it can give the goal's value."""
        if self.reported or any(w.value is not None or w.state.has_value for w in self.works.live.values()):
            return True
        return self.sealed.any_value()

    @property
    def cost(self) -> float:
        """What everything has cost so far; the same whatever is set apart of it."""
        return math.fsum(chain(self.sealed.column("costs"), (w.cost for w in self.works.live.values())))

    @property
    def seconds(self) -> float:
        """What everything has trained so far; the same whatever is set apart of it."""
        return math.fsum(chain(self.sealed.column("seconds"), (w.seconds for w in self.works.live.values())))

    def ended_values(self) -> list[tuple[int, float | None]]:
        """The trial of each piece of work that has ended, and its value if it counts, in the order in which they ended.

        Of what is set apart only columns are looked at.
        """
        found = dict(zip(self.sealed.column("slots"), self.sealed.valued(), strict=True))
        found.update((slot, (work.trial, work.counts)) for slot, work in self.works.live.items())
        return [found[slot] for slot in self.order]

    def states(self) -> Counter[TrialState]:
        """How many trials are in each state."""
        found = self.sealed.states()
        found.update(self.state_of(trial) for trial in self.trials.live.values())
        return found

    def took(self, ended_as: TrialState) -> list[float]:
        """Seconds of all work that ended in a state."""
        live = ((work.state, work.seconds) for work in self.works.live.values())
        sealed = zip(self.sealed.column("states"), self.sealed.column("seconds"), strict=True)
        return [seconds for each, seconds in chain(sealed, live) if each is ended_as]

    def combinations(self) -> set[str]:
        """The combinations of all trials, as `Space.key` writes them. Not to be changed."""
        return self.remembered.keys_of((chunk.keys for chunk in self.sealed.chunks), self.trials.live.values())

    # --- snapshots ------------------------------------------------------------------------------

    def seal(self) -> None:
        """Set apart what has ended, where that is a chunk or more; see `automl_core.journal.segments.Segmented`."""
        over = [
            trial for trial in self.trials.live.values()
            if all(self.works.live[slot].state.ended for slot in trial.slots)
        ]  # fmt: skip
        whole = max(0, len(over) - KEPT) // CHUNK * CHUNK
        if not whole:
            return
        over = sorted(over, key=lambda trial: trial.number)[:whole]
        self.sealed.add(over, self.works.live, self.order.ranks)
        for trial in over:
            del self.trials.live[trial.number]
            for slot in trial.slots:
                del self.works.live[slot]

    def segments(self) -> dict[str, bytes]:
        """What is set apart, see `automl_core.journal.segments.Segmented`."""
        return {segment.name: segment.body for segment in self.sealed.segments}

    def encode(self) -> bytes:
        """The state as JSON, for a snapshot: all that is not set apart."""
        fields = {name: getattr(self, name) for name in _Wire.__struct_fields__ if name not in _OTHERWISE}
        live = [slot for slot in self.order if slot in self.works.live]
        wire = _Wire(**fields, trials=list(self.trials.live.values()), works=self.works.live, order=live)
        if not self.sealed.segments:
            return msgspec.json.encode(wire)
        ranks = [self.order.ranks[slot] for slot in live]
        return msgspec.json.encode(_SealedWire(ranks=ranks, **{n: getattr(wire, n) for n in _Wire.__struct_fields__}))

    @classmethod
    def decode(cls, data: bytes) -> State:
        """Read a snapshot, of this release or an earlier one.

        Raises:
            LaterFormat: it is of a later release.
            ValueError: it is torn or no snapshot.
        """
        return cls._of(data, _Wire, {})

    @classmethod
    def decode_with(cls, data: bytes, segments: Mapping[str, bytes]) -> State:
        """Read a snapshot that stands on segments, see `automl_core.journal.segments.Segmented`."""
        return cls._of(data, _SealedWire, segments)

    @classmethod
    def _of(cls, data: bytes, kind: type[_Wire], segments: Mapping[str, bytes]) -> State:
        try:
            wire = msgspec.json.decode(data, type=kind)
        except msgspec.ValidationError:
            version = msgspec.json.decode(data, type=_Versioned).version
            if version <= STATE_VERSION:
                raise
            raise LaterFormat(_later(version)) from None
        if wire.version > STATE_VERSION:
            raise LaterFormat(_later(wire.version))
        sealed = Sealed(segments)
        for trial in wire.trials:  # what is told as it is now has gone on since it was set apart
            if trial.number in sealed.trials:
                sealed.leave(trial.number)
        ranks = wire.ranks if isinstance(wire, _SealedWire) else range(1, len(wire.order) + 1)
        order = sealed.ranks()
        order.update(zip(wire.order, ranks, strict=True))
        fields = {name: getattr(wire, name) for name in _Wire.__struct_fields__ if name not in _OTHERWISE}
        return cls(
            **fields | {"version": STATE_VERSION}, sealed=sealed, trials=Trials(wire.trials, sealed),
            works=Works(wire.works, sealed), order=Order(order),
        )  # fmt: skip


class _Wire(msgspec.Struct, kw_only=True):
    """A state in a snapshot, all of it, as every release since the first has read and written it."""

    version: int = STATE_VERSION
    seq: int = 0
    experiment: dict[str, Any] = {}
    name: str = ""
    run: str = ""
    identity: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    inputs: dict[str, Any] = {}
    created: float = 0.0
    updated: float = 0.0
    overrides: list[dict[str, Any]] = []
    algorithm: str = ""
    plan: dict[str, Any] = {}
    proposals: list[Params] = []
    lanes: int | None = None
    trials: list[Trial] = []
    works: dict[int, Work] = {}
    order: list[int] = []
    stop: StopRecord | None = None
    skipped: dict[int, str] = {}
    edits: int = 0
    narrowed: bool = False
    earlier: list[EarlierRun] = []
    exhausted: str = ""
    acts: list[Act] = []
    labels: dict[int, Label] = {}
    reported: bool = False


class _SealedWire(_Wire, kw_only=True):
    """A state in a snapshot that stands on segments: its trials, works and order are those that are not in them.

    Attributes:
        ranks: of the slots in ``order``, see `Order`.
    """

    ranks: list[int]


_OTHERWISE = frozenset({"trials", "works", "order"})
"""Fields that a snapshot has in another form."""


class _Versioned(msgspec.Struct):
    version: int


_slot = attrgetter("slot")


def _number(given: Any) -> int | None:
    try:
        return int(given)
    except (TypeError, ValueError, OverflowError):
        return None


def _later(version: int) -> str:
    return f"snapshot version {version} is later than {STATE_VERSION}, the latest this release reads"


known(_Wire, _SealedWire, _Versioned)
