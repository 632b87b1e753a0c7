"""What each kind of record makes of the state, once the rules let it pass. Called by `ProjectState.apply` alone.

Each reads all that it needs of the record before it changes anything: a malformed record leaves no half of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from automl_core.annotation.items import pack, unpack
from automl_core.annotation.items.parts import Part
from automl_core.annotation.project.columns import unpack_column, unpack_votes
from automl_core.annotation.project.entities import (
    Back,
    BadCase,
    Batch,
    Case,
    CaseMove,
    DataSetVersion,
    Evaluation,
    Retirement,
    Round,
    Stopped,
    Take,
    Taken,
    Threshold,
    Training,
)
from automl_core.annotation.project.labels import Source
from automl_core.journal import Record
from automl_core.journal.persons import person_of

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState


def configured(state: ProjectState, record: Record) -> None:
    """The project's file says something else."""
    document, by = dict(record.data["document"]), person_of(record.data)
    state.document, state.configured = document, (record.time, by.name)


def added(state: ProjectState, record: Record) -> None:
    """There are more items; some are set aside for them, some come back."""
    data, by = record.data, person_of(record.data)
    part = Part(str(data["part"]), int(data["first"]), int(data["items"]), str(data.get("source", "")), record.time)
    away, back = unpack(data.get("retired", [])), unpack(data.get("revived", []))
    state.parts.append(part)
    state.count += part.items
    for number in back:
        del state.retired[number]
    if away:
        _set_aside(state, away, Retirement("its source says something else now", by, record.time, changed=True))


def retired(state: ProjectState, record: Record) -> None:
    """Items are set aside."""
    data = record.data
    numbers = unpack(data["items"])
    _set_aside(state, numbers, Retirement(str(data["why"]), person_of(data), record.time))


def restored(state: ProjectState, record: Record) -> None:
    """Items come back that were set aside."""
    for number in unpack(record.data["items"]):
        del state.retired[number]


def round_begun(state: ProjectState, record: Record) -> None:
    """A round begins."""
    number = int(record.data["round"])
    state.rounds[number] = Round(number, record.time, person_of(record.data), labels=len(state.votes))


def round_ended(state: ProjectState, record: Record) -> None:
    """A round ends, and with it its batches: what nobody has answered may be chosen again."""
    data = record.data
    found, outcome = state.rounds[int(data["round"])], dict(data["outcome"])
    found.ended, found.outcome = record.time, outcome
    for batch in state.batches.values():
        if batch.round == found.number and batch.closed is None:
            _close(state, batch, record.time, "its round has ended")


def threshold(state: ProjectState, record: Record) -> None:
    """A threshold was searched."""
    data = record.data
    limit = data["threshold"]
    found = Threshold(
        int(data["id"]), int(data["round"]), [str(each) for each in data["models"]],
        None if limit is None else float(limit), int(data["look"]), data["promise"], dict(data["evidence"]),
        person_of(data), record.time,
    )  # fmt: skip
    state.thresholds[found.id] = found


def taken(state: ProjectState, record: Record) -> None:
    """Models label items."""
    data = record.data
    found = state.thresholds[int(data["threshold"])]
    labels = {str(label): unpack(packed) for label, packed in data["labels"].items()}
    at = state.round.number if state.round is not None else 0
    found.takes.append(Take({label: pack(numbers) for label, numbers in labels.items()}, at, record.time))
    for label, numbers in labels.items():
        one = Taken(found.id, label)  # shared by all: it is never changed
        state.taken.update(dict.fromkeys(numbers, one))
        state.trained.difference_update(numbers)
        found.taken += len(numbers)


def taken_back(state: ProjectState, record: Record) -> None:
    """Labels of models count no more; where all are taken back, nothing more is taken by the threshold."""
    data = record.data
    found, numbers = state.thresholds[int(data["threshold"])], unpack(data["items"])
    back = Back(pack(numbers), str(data["why"]), person_of(data), record.time, bool(data["whole"]))
    for number in numbers:
        del state.taken[number]
        if not state.has_answers(number):
            state.trained.discard(number)
    found.back.append(back)
    state.add_back(found.id, numbers)


def sent(state: ProjectState, record: Record) -> None:
    """Items go to people."""
    data = record.data
    items = [int(each) for each in data["items"]]
    kinds = dict(zip(items, map(str, unpack_column(data["kinds"], len(items))), strict=True))
    read = int(data["read"])
    batch = state.batches.get(int(data["batch"]))
    if batch is None:
        until = data["until"]
        batch = Batch(
            int(data["batch"]), int(data["round"]), str(data["name"]), str(data["to"]), int(data["votes"]),
            person_of(data), record.time, until=None if until is None else float(until), price=float(data["price"]),
            digest=str(data["digest"]), of=int(data["of"]),
        )  # fmt: skip
        state.batches[batch.number] = batch
    batch.read += read
    state.add_to_batch(batch, items, kinds)
    state.tasks.update(dict.fromkeys(items, batch.number))


def claimed(state: ProjectState, record: Record) -> None:
    """Somebody has tasks until a time; what has run out is forgotten."""
    data = record.data
    who, at, until = str(data["who"]), float(data["at"]), float(data["until"])
    items = [int(each) for each in data["items"]]
    for number, holders in list(state.claims.items()):
        for name in [name for name, end in holders.items() if end <= at]:
            del holders[name]
        if not holders:
            del state.claims[number]
    for number in items:
        state.claims.setdefault(number, {})[who] = until


def released(state: ProjectState, record: Record) -> None:
    """Somebody gives tasks back."""
    who, items = str(record.data["who"]), [int(each) for each in record.data["items"]]
    for number in items:
        _unclaim(state, number, who)


def labelled(state: ProjectState, record: Record) -> None:
    """There are labels."""
    votes, file = unpack_votes(record.data["labels"]), str(record.data.get("file", ""))
    if file:
        state.brought.setdefault(file, record.time)
    for vote in votes:
        state.add_votes([vote])
        if state.answer_by(vote.item, vote.author) is vote:  # what counts is another now
            state.trained.discard(vote.item)
        _unclaim(state, vote.item, vote.author)
        number = state.tasks.get(vote.item)
        if number is None or vote.source is not Source.PERSON or vote.batch != number:
            continue
        if len(state.given(vote.item, number)) >= state.batches[number].votes:
            _end_task(state, vote.item)


def closed(state: ProjectState, record: Record) -> None:
    """A batch is over."""
    _close(state, state.batches[int(record.data["batch"])], record.time, str(record.data["why"]))


def set_written(state: ProjectState, record: Record) -> None:
    """There is another data set version."""
    data = record.data
    body = {**data["set"], "round": int(data["round"]), "time": record.time, "seen": int(data["seen"])}
    found = msgspec.convert(body, DataSetVersion)
    state.sets[found.number] = found


def trained(state: ProjectState, record: Record) -> None:
    """A run has ended; told again with another outcome (it was cleared, and ran again), that counts."""
    data = record.data
    model = data.get("model")
    found = Training(
        int(data["set"]), str(data["experiment"]), str(data["run"]), str(data["outcome"]),
        None if model is None else dict(model), int(data["round"]), record.time,
    )  # fmt: skip
    trainings = state.rounds[found.round].trainings
    key = (found.set, found.experiment, found.run)
    trainings[:] = [each for each in trainings if (each.set, each.experiment, each.run) != key]
    trainings.append(found)
    if found.model is None:
        return
    written = state.sets[found.set]
    changed = {vote.item for vote in state.votes[written.seen :]}
    for number in written.numbers:
        has_label = state.has_answers(number) or number in state.taken
        if has_label and number not in changed and number not in state.retired:
            state.trained.add(number)


def evaluated(state: ProjectState, record: Record) -> None:
    """Models were evaluated."""
    data = record.data
    state.rounds[int(data["round"])].evaluations.append(
        Evaluation(dict(data["evidence"]), person_of(data), record.time)
    )


def bad_cases(state: ProjectState, record: Record) -> None:
    """Bad cases come into states."""
    data = record.data
    round, model = int(data["round"]), str(data["model"])
    moves = [(number, name) for name in BadCase for number in unpack(data.get(name.lower(), []))]
    for number, name in moves:
        state.cases.setdefault(number, Case(number)).moves.append(CaseMove(name, record.time, round, model))


def stopped(state: ProjectState, record: Record) -> None:
    """There are to be no more rounds."""
    data = record.data
    reasons = [str(each) for each in data["reasons"]]
    state.stopped = Stopped(int(data["round"]), str(data["why"]), reasons, person_of(data), record.time)


def reopened(state: ProjectState, _: Record) -> None:
    """There may be rounds again."""
    state.stopped = None


def _set_aside(state: ProjectState, numbers: list[int], retirement: Retirement) -> None:
    place = len(state.retirements)
    state.retirements.append(retirement)
    for number in numbers:
        state.retired[number] = place
        _end_task(state, number)


def _close(state: ProjectState, batch: Batch, time: float, why: str) -> None:
    batch.closed, batch.why = time, why
    for number in batch.items:
        if state.tasks.get(number) == batch.number:
            _end_task(state, number)


def _end_task(state: ProjectState, number: int) -> None:
    state.tasks.pop(number, None)
    state.claims.pop(number, None)


def _unclaim(state: ProjectState, number: int, who: str) -> None:
    holders = state.claims.get(number)
    if holders is not None and holders.pop(who, None) is not None and not holders:
        del state.claims[number]


CHANGES: dict[str, Callable[[ProjectState, Record], None]] = {
    "configured": configured, "added": added, "retired": retired, "restored": restored, "round_begun": round_begun,
    "round_ended": round_ended, "threshold": threshold, "taken": taken, "taken_back": taken_back, "sent": sent,
    "claimed": claimed, "released": released, "labelled": labelled, "closed": closed, "set_written": set_written,
    "trained": trained, "evaluated": evaluated, "bad_cases": bad_cases, "stopped": stopped, "reopened": reopened,
}  # fmt: skip
"""By the kind of record; any other was written by a later release."""
