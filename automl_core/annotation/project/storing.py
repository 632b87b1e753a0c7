"""The state of a project as a snapshot has it: compact, and the same state always the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from automl_core.annotation.items import Packed, pack, unpack
from automl_core.annotation.items.parts import Part
from automl_core.annotation.project.columns import Columns, pack_column, pack_votes, unpack_column, unpack_votes
from automl_core.annotation.project.entities import (
    Batch,
    Case,
    DataSetVersion,
    Retirement,
    Round,
    Stopped,
    Taken,
    Threshold,
)
from automl_core.journal import LaterFormat
from automl_core.structs import known

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState

PROJECT_VERSION = 2
"""Version of the snapshot that this code writes; it reads every version up to this one. A state that gets anything new
gets a new version: an older release would read it without, and write it so."""


class _Versioned(msgspec.Struct):
    version: int


class _Sent(msgspec.Struct, omit_defaults=True):
    """A batch: items and kinds as columns, and which of them are tasks now."""

    batch: Batch
    items: list[int] = []
    kinds: Any = None
    tasks: Packed = []


class _Stored(msgspec.Struct, omit_defaults=True):
    version: int
    seq: int
    updated: float
    document: dict[str, Any] = {}
    configured: tuple[float, str] | None = None
    parts: list[Part] = []
    count: int = 0
    retirements: list[Retirement] = []
    retired: dict[int, Packed] = {}
    votes: Columns = {}
    thresholds: list[Threshold] = []
    taken: list[tuple[int, str, Packed]] = []
    batches: list[_Sent] = []
    claims: dict[int, dict[str, float]] = {}
    rounds: list[Round] = []
    sets: list[DataSetVersion] = []
    trained: Packed = []
    cases: list[Case] = []
    stopped: Stopped | None = None
    skipped: dict[int, str] = {}
    brought: dict[str, float] = {}
    """Since version 2."""


known(_Versioned, _Stored)


def encode(state: ProjectState) -> bytes:
    """The state as JSON."""
    retired: dict[int, list[int]] = {}
    for number, place in state.retired.items():
        retired.setdefault(place, []).append(number)
    taken: dict[Taken, list[int]] = {}
    for number, each in state.taken.items():
        taken.setdefault(each, []).append(number)
    tasks: dict[int, list[int]] = {}
    for number, batch in state.tasks.items():
        tasks.setdefault(batch, []).append(number)
    return msgspec.json.encode(
        _Stored(
            PROJECT_VERSION,
            state.seq,
            state.updated,
            state.document,
            state.configured,
            state.parts,
            state.count,
            state.retirements,
            {place: pack(numbers) for place, numbers in sorted(retired.items())},
            pack_votes(state.votes) if state.votes else {},
            list(state.thresholds.values()),
            [
                (each.threshold, each.label, pack(numbers))
                for each, numbers in sorted(taken.items(), key=lambda found: (found[0].threshold, found[0].label))
            ],
            [_sent(each, tasks.get(each.number, [])) for each in state.batches.values()],
            {number: dict(sorted(holders.items())) for number, holders in sorted(state.claims.items())},
            list(state.rounds.values()),
            list(state.sets.values()),
            pack(state.trained),
            [case for _, case in sorted(state.cases.items())],
            state.stopped,
            dict(sorted(state.skipped.items())),
            dict(sorted(state.brought.items())),
        )
    )


def decode(data: bytes, state: ProjectState) -> None:
    """Fill an empty state with what `encode` wrote.

    Raises:
        LaterFormat: it is of a later release.
        ValueError: it is torn or no snapshot.
    """
    version = msgspec.json.decode(data, type=_Versioned).version
    if version > PROJECT_VERSION:
        raise LaterFormat(f"snapshot version {version} is later than {PROJECT_VERSION}, the latest this release reads")
    stored = msgspec.json.decode(data, type=_Stored)
    state.seq, state.updated = stored.seq, stored.updated
    state.document, state.configured = stored.document, stored.configured
    state.parts, state.count = stored.parts, stored.count
    state.retirements, state.stopped, state.skipped = stored.retirements, stored.stopped, stored.skipped
    state.claims, state.brought = stored.claims, stored.brought
    state.rounds = {each.number: each for each in stored.rounds}
    state.sets = {each.number: each for each in stored.sets}
    state.cases = {each.item: each for each in stored.cases}
    try:
        for place, packed in stored.retired.items():
            state.retired.update(dict.fromkeys(unpack(packed), place))
        if stored.votes:
            state.add_votes(unpack_votes(stored.votes))
        for threshold, label, packed in stored.taken:
            state.taken.update(dict.fromkeys(unpack(packed), Taken(threshold, label)))
        for sent in stored.batches:
            state.batches[sent.batch.number] = sent.batch
            kinds = dict(zip(sent.items, unpack_column(sent.kinds or [], len(sent.items)), strict=True))
            state.add_to_batch(sent.batch, sent.items, kinds)
            state.tasks.update(dict.fromkeys(unpack(sent.tasks), sent.batch.number))
        state.trained = set(unpack(stored.trained))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"malformed: {type(error).__name__}: {error}") from None
    for each in stored.thresholds:
        state.thresholds[each.id] = each
        for back in each.back:
            state.add_back(each.id, back.numbers)


def _sent(batch: Batch, tasks: list[int]) -> _Sent:
    kinds = pack_column([batch.kinds[number] for number in batch.items]) if batch.items else None
    bare = msgspec.structs.replace(batch, items=[], kinds={})
    return _Sent(bare, batch.items, kinds, pack(tasks))
