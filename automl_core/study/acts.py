"""What people did, and what was noted beside the trials: records that `State` leaves to this module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from automl_core.journal import Record
from automl_core.study.entities import Act
from automl_core.study.labels import NO_LABEL, RUN, labelled

if TYPE_CHECKING:
    from automl_core.study.state import State

ACTS_KEPT = 500

PROOF = "closed"
"""The act of a note that a network policy holds, which no person did."""


def ended_by(state: State, record: Record, text: str) -> None:
    """Keep that a person ended the experiment."""
    _act(state, record, "stop", text)


def cancelled(state: State, record: Record) -> str | None:
    """A person has a trial end. Returns why the record is skipped, or None."""
    number = int(record.data["trial"])
    if not 0 <= number < len(state.trials):
        return f"there is no trial {number}"
    state.trials[number].cancel = str(record.data.get("by", "")) or "a person"
    _act(state, record, "stop_trial", f"trial {number} is to end", number)
    return None


def noted(state: State, record: Record) -> str | None:
    """Something that changes no trial. Returns why the record is skipped, or None."""
    data = record.data
    if "exhausted" in data:
        state.exhausted = str(data["exhausted"])
    if "act" in data:
        trial = data.get("trial")
        _act(state, record, str(data["act"]), str(data.get("text", "")), int(trial) if trial is not None else None)
    if "label" in data:
        key = int(data.get("trial", RUN))
        if key != RUN and not 0 <= key < len(state.trials):
            return f"there is no trial {key}"
        state.labels[key] = labelled(state.labels.get(key, NO_LABEL), data, record.time)
    if "inputs" in data:
        state.inputs = {**state.inputs, **dict(data["inputs"])}
    if "warning" in data:
        attempt = state.works[int(data["slot"])].attempt(int(data["task"]), int(data["attempt"]))
        if attempt is None:
            return f"slot {data['slot']} has no attempt {data['attempt']}"
        attempt.warnings.append(str(data["warning"]))
    state.reported = state.reported or bool(data.get("reported", False))
    return None


def edited(state: State, record: Record) -> str | None:
    """The experiment is to be another from now on. Returns why the record is skipped, or None."""
    data = record.data
    reopened = bool(data.get("reopen", False))
    if not state.created:
        return "there is no experiment to edit"
    if reopened != (state.stop is not None):
        return "it was to be opened again, but it runs" if reopened else "the experiment had stopped already"
    experiment, changes = dict(data["experiment"]), [dict(change) for change in data["changes"]]
    plan = dict(data["plan"])
    if int(plan["slots"]) < int(state.plan["slots"]):
        return f"{plan['slots']} slots are fewer than the {state.plan['slots']} there are"
    bound = len(state.trials)
    proposals = [{} if number < bound else dict(given) for number, given in enumerate(data["proposals"])]
    narrowed = any(str(change["path"]).startswith("space.") for change in changes)
    _act(state, record, "extend" if reopened else "edit", str(data.get("text", "")), changes=changes)
    state.experiment, state.plan, state.proposals, state.stop = experiment, plan, proposals, None
    state.exhausted = ""
    state.edits, state.narrowed = state.edits + 1, state.narrowed or narrowed
    return None


def _act(
    state: State, record: Record, act: str, text: str, trial: int | None = None,
    changes: list[dict[str, Any]] | None = None,
) -> None:  # fmt: skip
    by = str(record.data.get("by", ""))
    state.acts.append(Act(record.seq, record.time, by, act, text, trial, changes or []))
    while len(state.acts) > ACTS_KEPT:
        # each custom resource of a closed run has a proof of its own: those push nothing out that a person did
        proofs = (place for place, each in enumerate(state.acts[:-1]) if each.act == PROOF)
        del state.acts[next(proofs, 0)]
