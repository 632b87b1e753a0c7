"""The state of an experiment, folded from its journal. Nothing here reads a store or a clock.

``apply`` takes one record and either changes the state or says why the record can't be true
(a slot bound twice, say); such a record is skipped by every reader alike.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from automl_core.journal import LaterFormat, Record, take_in
from automl_core.search.outcomes import counted
from automl_core.space import Params
from automl_core.states import TrialState
from automl_core.structs import known
from automl_core.study.acts import cancelled, edited, ended_by, noted
from automl_core.study.entities import Act, Attempt, StopRecord, Trial, Work, pack_curve, unpack_curve
from automl_core.study.labels import Label
from automl_core.study.queued import seconds_of
from automl_core.study.sources import EarlierRun

__all__ = ["STATE_VERSION", "Act", "Attempt", "State", "StopRecord", "Trial", "Work", "pack_curve", "unpack_curve"]

STATE_VERSION = 3
"""Version of the snapshot that this code writes; it reads every version up to this one. Version 1 had no `identity`,
`environment`, `labels`, `exhausted` and `reported`, and its attempts no `generation` and `systematic`; version 2 had no
`inputs`, and its attempts no `warnings`. A state that gets anything new gets a new version: an older release would read
it without, and write it so."""


class State(msgspec.Struct, omit_defaults=False):
    """Everything that the records so far say. See `Study` for what is asked of it."""

    kinds: ClassVar[frozenset[str]] = frozenset(
        {"created", "bound", "attempt", "external", "lost", "ended", "closed", "stop", "cancel", "note", "edited"}
    )
    """What a record of an experiment can tell."""

    version: int = STATE_VERSION
    seq: int = 0
    experiment: dict[str, Any] = {}
    name: str = ""
    run: str = ""
    identity: dict[str, Any] = {}
    """What tells this run from another of the same id; empty where its first record doesn't say."""
    environment: dict[str, Any] = {}
    """What the first record's writer ran on: releases and processor, on which suggestions depend."""
    inputs: dict[str, Any] = {}
    """What the run works on, as it was found when it began, by kind: ``data`` has the fingerprints of its data sets."""
    created: float = 0.0
    updated: float = 0.0
    overrides: list[dict[str, Any]] = []
    algorithm: str = ""
    plan: dict[str, Any] = {}
    proposals: list[Params] = []
    """Combinations known before the start, by the number of the trial that has them; empty where that is bound."""
    lanes: int | None = None
    trials: list[Trial] = []
    works: dict[int, Work] = {}
    order: list[int] = []
    """Slots in the order in which their work ended for good."""
    stop: StopRecord | None = None
    skipped: dict[int, str] = {}
    edits: int = 0
    """How often the experiment was edited since its start."""
    narrowed: bool = False
    """Whether an edit has changed the space: trials before it may lie outside."""
    earlier: list[EarlierRun] = []
    """Earlier runs that the search was to learn from, with what was taken of them."""
    exhausted: str = ""
    """Why the algorithm has nothing more to hand out, empty while it has."""
    acts: list[Act] = []
    """What people did, the newest `acts.ACTS_KEPT`; and which network policies of a closed run hold."""
    labels: dict[int, Label] = {}
    """What people wrote on trials, by number, and on the run (`RUN`)."""
    reported: bool = False
    """Whether a trial has reported the goal's value while it ran (noted once, where others wait for it)."""

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
        return _APPLY.get(record.kind, _ignore)(self, record)

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
    def running(self) -> list[Work]:
        """Work that is bound and neither ended nor waiting for a new attempt."""
        return [w for w in self.works.values() if w.state is TrialState.RUNNING]

    @property
    def proven(self) -> bool:
        """Whether the training has shown that it can give the goal's value."""
        return self.reported or any(work.value is not None or work.state.has_value for work in self.works.values())

    @property
    def cost(self) -> float:
        """What everything has cost so far."""
        return sum(w.cost for w in self.works.values())

    def encode(self) -> bytes:
        """The state as JSON, for a snapshot. What has its default is left out: a snapshot is read at each ask."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> State:
        """Read a snapshot, of this release or an earlier one.

        Raises:
            LaterFormat: it is of a later release.
            ValueError: it is torn or no snapshot.
        """
        try:
            state = msgspec.json.decode(data, type=cls)
        except msgspec.ValidationError:
            version = msgspec.json.decode(data, type=_Versioned).version
            if version <= STATE_VERSION:
                raise
            raise LaterFormat(_later(version)) from None
        if state.version > STATE_VERSION:
            raise LaterFormat(_later(state.version))
        state.version = STATE_VERSION
        return state


class _Versioned(msgspec.Struct):
    version: int


def _later(version: int) -> str:
    return f"snapshot version {version} is later than {STATE_VERSION}, the latest this release reads"


def _ignore(state: State, record: Record) -> str | None:
    return None


def _created(state: State, record: Record) -> str | None:
    if state.created:
        return "the experiment exists already"
    data = record.data
    experiment, name, run = dict(data["experiment"]), str(data["name"]), str(data["run"])
    plan, proposals = dict(data["plan"]), [dict(p) for p in data["proposals"]]
    state.experiment, state.name, state.run, state.created = experiment, name, run, record.time
    state.plan, state.proposals = plan, proposals
    state.overrides, state.algorithm = list(data.get("overrides", [])), str(data["algorithm"])
    state.lanes = data.get("lanes")
    state.identity, state.environment = dict(data.get("identity", {})), dict(data.get("environment", {}))
    state.inputs = dict(data.get("inputs", {}))
    state.earlier = msgspec.convert(data.get("earlier", []), list[EarlierRun])
    return None


def _bound(state: State, record: Record) -> str | None:
    data = record.data
    slot, number = int(data["slot"]), int(data["trial"])
    if state.stop is not None:
        return f"slot {slot} was bound after the experiment had stopped"
    if slot in state.works:
        return f"slot {slot} is bound already"
    new = number == len(state.trials)
    if not new and number > len(state.trials):
        return f"trial {number} comes before trial {len(state.trials)}"
    if not new and not state.state_of(state.trials[number]).ended:
        return f"trial {number} is being worked on"
    work = Work(
        slot=slot, trial=number, bound=record.time, budget=data.get("budget"), bracket=data.get("bracket"),
        rung=data.get("rung"), resume_budget=data.get("resume_budget"), lane=data.get("lane"),
    )  # fmt: skip
    work.attempts.append(
        Attempt(0, 1, record.time, worker=str(data.get("worker", "")), generation=data.get("generation"))
    )
    if new:
        trial = Trial(number, dict(data["params"]), [], data.get("parent"), str(data.get("note", "")), data["seen"])
        state.trials.append(trial)
        if number < len(state.proposals):
            state.proposals[number] = {}  # it stands with its trial, and a snapshot need not carry it twice
    state.trials[number].slots.append(slot)
    state.works[slot] = work
    return None


def _attempt(state: State, record: Record) -> str | None:
    data = record.data
    work = state.works[int(data["slot"])]
    task, worker, afterwards = int(data["task"]), str(data.get("worker", "")), state.stop is not None
    _lose(work, record.time)
    number = 1 + sum(1 for a in work.attempts if a.task == task)
    generation = data.get("generation")
    work.attempts.append(
        Attempt(task, number, record.time, worker=worker, afterwards=afterwards, generation=generation)
    )
    if work.state.ended:  # cleared by a person: it counts afresh, and what they asked for before is done
        work.failures, state.trials[work.trial].cancel = 0, ""
        if work.slot in state.order:
            state.order.remove(work.slot)
    work.state, work.retry, work.ended, work.reason = TrialState.RUNNING, False, None, ""
    if task == 0:
        work.value, work.step, work.metrics, work.curve = None, None, {}, ""
    return None


def _external(state: State, record: Record) -> str | None:
    data = record.data
    attempt = state.works[int(data["slot"])].last_attempt(int(data["task"]))
    if attempt is None or attempt.number != data["attempt"]:
        return "no such attempt"
    attempt.external, attempt.started = str(data["id"]), max(attempt.started, float(data.get("began", 0.0)))
    return None


def _lost(state: State, record: Record) -> str | None:
    data = record.data
    slot, task, number = int(data["slot"]), int(data["task"]), int(data["attempt"])
    if not state.is_running(slot, task, number):
        return f"slot {slot}: attempt {number} is not the running one"
    work = state.works[slot]
    _lose(work, record.time)
    work.state, work.retry, work.reason = TrialState.WAITING, True, "lost: its worker ended without a word"
    return None


def _lose(work: Work, time: float) -> None:
    """End the attempt that runs, if one does, as one that nobody told the end of."""
    attempt = work.last_attempt()
    if attempt is not None and attempt.state is TrialState.RUNNING:
        attempt.state, attempt.ended, attempt.reason = TrialState.SYS_CANCELED, time, "lost"


def _closed(state: State, record: Record) -> str | None:
    data = record.data
    work, outcome = state.works[int(data["slot"])], TrialState(data["state"])
    if work.state.ended:
        return f"slot {work.slot} has ended already"
    if not outcome.ended or outcome.has_value:
        return f"slot {work.slot} can't be closed as {outcome}"
    _lose(work, record.time)
    work.state, work.retry, work.ended, work.reason = outcome, False, record.time, str(data.get("reason", ""))
    state.order.append(work.slot)
    return None


def _ended(state: State, record: Record) -> str | None:
    data = record.data
    work = state.works[int(data["slot"])]
    if not state.is_running(work.slot, int(data["task"]), int(data["attempt"])):
        return f"slot {work.slot}: attempt {data['attempt']} is not the running one"
    attempt = work.attempts[-1]
    outcome = TrialState(data["state"])
    reason, retry, last = str(data.get("reason", "")), bool(data.get("retry", False)), bool(data["last"])
    value, cost = data.get("value"), float(data.get("cost", 0.0))
    metrics = {str(k): float(v) for k, v in data.get("metrics", {}).items()}
    curve = str(data.get("curve", ""))
    unpack_curve(curve)
    attempt.state, attempt.ended, attempt.reason = outcome, record.time, reason
    attempt.error, attempt.kind = str(data.get("error", "")), str(data.get("kind", ""))
    attempt.systematic = bool(data.get("systematic", False))
    work.cost += cost
    work.seconds += seconds_of(attempt, record.time)
    work.metrics.update(metrics)
    if curve:
        work.curve = curve
    if outcome is TrialState.FAILED and not data.get("blameless", False):
        work.failures += 1
    if value is not None:  # of an earlier training task too: the last one need not repeat it
        work.value, work.step = float(value), data.get("step")
    if retry:
        work.state, work.retry, work.reason = TrialState.WAITING, True, reason
    elif outcome is not TrialState.SUCCEEDED or last:
        work.state, work.ended, work.reason = outcome, record.time, reason
        state.order.append(work.slot)
    return None


def _stop(state: State, record: Record) -> str | None:
    if state.stop is not None:
        return "the experiment had stopped already"
    data = record.data
    state.stop = StopRecord(
        kind=str(data["kind"]), state=str(data["state"]), reason=str(data["reason"]),
        running=str(data["running"]), by=str(data.get("by", "")), time=record.time,
    )  # fmt: skip
    if state.stop.by:
        ended_by(state, record, f"{state.stop.reason}; running trials: {state.stop.running}")
    return None


_APPLY = {
    "created": _created,
    "bound": _bound,
    "attempt": _attempt,
    "external": _external,
    "lost": _lost,
    "ended": _ended,
    "closed": _closed,
    "stop": _stop,
    "cancel": cancelled,
    "note": noted,
    "edited": edited,
}


known(State, _Versioned)
