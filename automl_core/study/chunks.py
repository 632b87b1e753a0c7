"""Trials that have ended, set apart in chunks of a few hundred, and read only as far as somebody looks.

A chunk is a line of JSON, which says how long its parts are, and behind it three parts, each packed (zlib) for itself:

- columns: of each trial its number, and of each piece of its work what stop conditions and algorithms look at;
- keys: the combinations, one a line, as `Space.key` writes them: whether one is new is told by its text;
- rest: everything else, curves, attempts and metrics among it: most of the bytes, and hardly anybody looks at them.

An ask of a new process unpacks the first part of each chunk, and the second; the rest only for what it names. Chunks
are independent of each other, so a segment of many is their bytes one behind the other, joined without unpacking any.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import msgspec

from automl_core.journal import LaterFormat
from automl_core.space import Params, Space
from automl_core.states import TrialState
from automl_core.structs import known
from automl_core.study.entities import Trial, Work

CHUNK_VERSION = 1
"""Version of a chunk that this code writes. It reads every version up to this one."""

PACKING = 6
"""Of zlib: what is written once and read by every process is packed well."""


class Columns(msgspec.Struct, array_like=True, frozen=True):
    """What is looked at of each trial and of each piece of its work.

    Attributes:
        trials: numbers of the trials, in ascending order.
        slots: of the works, those of a trial behind each other in the order in which they were bound.
        of: places in ``trials`` of the works' trials.
        states: of the works.
        values: of the works that ended with one that counts (`Work.counts`).
        told: place of a work → the value that it was told and that does not count.
        costs, seconds: of the works.
        ranks: places of the works in the order in which work ended (`Order`).
        budgets, brackets, rungs: of the works; empty where no work has one.
        parents: of the trials; empty where none has one.
        names: the parameters' names in the orders in which combinations have them.
        named: of each trial which of these orders; empty where there is but one.
        curved: of the works, whether one has a curve; empty where none has.
    """

    trials: list[int]
    slots: list[int]
    of: list[int]
    states: list[TrialState]
    values: list[float | None]
    told: dict[int, float]
    costs: list[float]
    seconds: list[float]
    ranks: list[int]
    budgets: list[int | None]
    brackets: list[int | None]
    rungs: list[int | None]
    parents: list[int | None]
    names: list[list[str]]
    named: list[int]
    curved: list[bool]


class _Rest(msgspec.Struct, array_like=True):
    """A trial without its number and combination: the order of its parameters' names, and its works whole."""

    parent: int | None
    note: str
    seen: int
    cancel: str
    works: list[Work]


class _Header(msgspec.Struct):
    chunk: int
    columns: int
    keys: int
    rest: int


_COLUMNS = msgspec.json.Decoder(Columns)
_PARAMS = msgspec.json.Decoder(dict[str, Any])
_EVERY = msgspec.json.Decoder(list[dict[str, Any]])
_REST = msgspec.json.Decoder(list[_Rest])


class Chunk:
    """Trials that have ended, with all their work.

    Attributes:
        body: its bytes.
        columns: see `Columns`.
        stale: places of the trials that this chunk is no longer asked for: a later one has them, or they changed.
    """

    def __init__(self, body: bytes, header: _Header, start: int) -> None:
        """Use `chunks_in` or `seal`."""
        self.body, self._header, self._start = body, header, start
        self.columns = _COLUMNS.decode(self._part(0))
        self.stale: set[int] = set()

    def _part(self, index: int) -> bytes:
        lengths = (self._header.columns, self._header.keys, self._header.rest)
        start = self._start + sum(lengths[:index])
        return zlib.decompress(self.body[start : start + lengths[index]])

    @cached_property
    def keys(self) -> list[str]:
        """The combinations of the trials, as `Space.key` writes them."""
        return self._part(1).decode().split("\n")

    @cached_property
    def _rest(self) -> tuple[list[Trial], list[Work]]:
        rest = _REST.decode(self._part(2))
        trials = [
            Trial(number, params, [work.slot for work in each.works], each.parent, each.note, each.seen, each.cancel)
            for number, params, each in zip(self.columns.trials, self.every_params, rest, strict=True)
        ]
        return trials, [work for each in rest for work in each.works]

    @property
    def trials(self) -> list[Trial]:
        """The trials. Who is to change one takes it out before (`Sealed.take_out`)."""
        return self._rest[0]

    @property
    def works(self) -> list[Work]:
        """The works, as the columns have them. Who is to change one takes its trial out before."""
        return self._rest[1]

    @cached_property
    def place_of(self) -> Mapping[int, int]:
        """Number of a trial → its place."""
        return {number: place for place, number in enumerate(self.columns.trials)}

    @cached_property
    def place_of_slot(self) -> Mapping[int, int]:
        """Slot of a work → its place in the works."""
        return {slot: place for place, slot in enumerate(self.columns.slots)}

    def params(self, place: int) -> Params:
        """The combination of a trial, without looking at the others'."""
        if "every_params" in self.__dict__:
            return self.every_params[place]
        return self._ordered(place, _PARAMS.decode(self.keys[place]))

    @cached_property
    def every_params(self) -> list[Params]:
        """The combinations of all trials."""
        found = _EVERY.decode("[" + ",".join(self.keys) + "]")
        names = self.columns.names
        if len(names) == 1 and names[0] == sorted(names[0]):
            return found
        return [self._ordered(place, params) for place, params in enumerate(found)]

    def _ordered(self, place: int, params: Params) -> Params:
        """Keys have names sorted; whoever goes through a combination is to do so as when it was bound."""
        names = self.columns.names[self.columns.named[place] if self.columns.named else 0]
        return {name: params[name] for name in names}

    def fresh(self, *names: str) -> list[list[Any]]:
        """`Columns` of works, each without the works of stale trials.

        Args:
            names: of the columns; ``trials_of_works`` is the number of each work's trial.
        """
        found = [self._column(name) for name in names]
        if not self.stale:
            return found
        keep = [place for place, trial in enumerate(self.columns.of) if trial not in self.stale]
        return [[column[place] for place in keep] for column in found]

    def fresh_works(self) -> Iterator[tuple[int, Work]]:
        """Slots and works, without those of stale trials. Unpacks the chunk's rest."""
        for work, trial in zip(self.works, self.columns.of, strict=True):
            if trial not in self.stale:
                yield work.slot, work

    def _column(self, name: str) -> list[Any]:
        columns = self.columns
        if name == "trials_of_works":
            whole = len(columns.of) == len(columns.trials)
            return columns.trials if whole else [columns.trials[place] for place in columns.of]
        column: list[Any] = getattr(columns, name)
        return column or [None] * len(columns.slots)

    def works_of(self, place: int) -> range:
        """Places of the works of a trial."""
        of = self.columns.of
        if len(of) == len(self.columns.trials):
            return range(place, place + 1)
        return range(of.index(place), of.index(place) + of.count(place))


def seal(trials: Sequence[Trial], works: Mapping[int, Work], ranks: Mapping[int, int]) -> Chunk:
    """A chunk of trials, all of whose work has ended.

    Args:
        trials: by number.
        works: slot → work; of these trials and any others.
        ranks: slot → place in the order in which work ended.
    """
    own = [[works[slot] for slot in trial.slots] for trial in trials]
    flat = list(chain.from_iterable(own))
    orders: dict[tuple[str, ...], int] = {}
    named = [orders.setdefault(tuple(trial.params), len(orders)) for trial in trials]
    columns = Columns(
        trials=[trial.number for trial in trials],
        slots=[work.slot for work in flat],
        of=[place for place, each in enumerate(own) for _ in each],
        states=[work.state for work in flat],
        values=[work.counts for work in flat],
        told={at: work.value for at, work in enumerate(flat) if work.counts is None and work.value is not None},
        costs=[work.cost for work in flat],
        seconds=[work.seconds for work in flat],
        ranks=[ranks[work.slot] for work in flat],
        budgets=_any([work.budget for work in flat]),
        brackets=_any([work.bracket for work in flat]),
        rungs=_any([work.rung for work in flat]),
        parents=_any([trial.parent for trial in trials]),
        names=[list(names) for names in orders],
        named=named if len(orders) > 1 else [],
        curved=curved if any(curved := [bool(work.curve) for work in flat]) else [],
    )
    rest = [
        _Rest(trial.parent, trial.note, trial.seen, trial.cancel, theirs)
        for trial, theirs in zip(trials, own, strict=True)
    ]
    keys = "\n".join(Space.key(trial.params) for trial in trials)
    parts = [
        zlib.compress(part, PACKING)
        for part in (msgspec.json.encode(columns), keys.encode(), msgspec.json.encode(rest))
    ]
    header = _Header(CHUNK_VERSION, *map(len, parts))
    line = msgspec.json.encode(header) + b"\n"
    chunk = Chunk(b"".join((line, *parts)), header, len(line))
    # whoever holds one of them goes on holding what the state has
    chunk.__dict__.update(_rest=(list(trials), flat), every_params=[trial.params for trial in trials])
    return chunk


def chunks_in(segment: bytes) -> Iterator[Chunk]:
    """The chunks of a segment.

    Raises:
        LaterFormat: a later release has written it.
        ValueError: it is none.
    """
    at = 0
    while at < len(segment):
        end = segment.find(b"\n", at) + 1
        try:
            if not end:
                raise ValueError("no header")
            line = segment[at:end]
            version = msgspec.json.decode(line, type=_Versioned).chunk
            if version > CHUNK_VERSION:
                raise LaterFormat(
                    f"chunk version {version} is later than {CHUNK_VERSION}, the latest this release reads"
                )
            header = msgspec.json.decode(line, type=_Header)
            size = len(line) + header.columns + header.keys + header.rest
            yield Chunk(segment[at : at + size], header, len(line))
        except zlib.error as error:
            raise ValueError(f"a chunk that can't be unpacked ({error})") from None
        at += size


class _Versioned(msgspec.Struct):
    chunk: int


def _any(column: list[int | None]) -> list[int | None]:
    return column if any(each is not None for each in column) else []


known(Columns, list[_Rest], _Header, _Versioned)
