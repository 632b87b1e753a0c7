"""What each kind of record changes in an experiment's state: one function a kind.

Each takes the record in, or says why it can't be true and changes nothing. Which trials it may name is the state's to
know (`State.apply`): these are open before it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from automl_core.journal import Record
from automl_core.states import TrialState
from automl_core.study.acts import cancelled, edited, ended_by, noted
from automl_core.study.entities import Attempt, StopRecord, Trial, Work, unpack_curve
from automl_core.study.queued import seconds_of
from automl_core.study.sources import EarlierRun

if TYPE_CHECKING:
    from automl_core.study.state import State

    Change: TypeAlias = Callable[[State, Record], str | None]


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
        state.remembered.enter(trial)
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
    state.order.append(work.slot, record.seq)
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
        state.order.append(work.slot, record.seq)
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


CHANGES: dict[str, Change] = {
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
"""Kind of a record → what it changes."""
