"""Which intervals are owed: a journal of its own beside the model's, ``batch/journal/``.

The model's journal says what was scored. This one says what should be: each point of the schedule is noted here before
anything is done about it, so that an interval whose run failed, waited, was killed or never began is found by the next
run. It also has in words why an interval is still open. Were it lost, nothing false would follow: what is owed is only
ever worked on where the model's journal has no score of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal, Self

import msgspec

from automl_core.journal import Journal, LaterFormat, Record
from automl_core.models.batch.intervals import Interval
from automl_core.storage.base import ObjectStore
from automl_core.structs import known

FORMAT = 1

FOLDER = "batch/"
"""Below the model's folder."""

CLOSED_KEPT = 200
"""Intervals that were given up, with why, that are kept for people."""

What = Literal["missing", "failed", "no_champion"]


class Owed(msgspec.Struct, omit_defaults=True):
    """An interval that is to be scored.

    Attributes:
        key, start, end, at: of the interval.
        since: when it was noted, seconds since 1970.
        what: why it is still open, where somebody has tried: ``missing`` (its data aren't there), ``failed``.
        words: the same for people.
        fingerprint: digest of the data that could not be scored.
        version: that could not score them.
        time: when that was noted.
    """

    key: str
    since: float
    start: float | None = None
    end: float | None = None
    at: float | None = None
    what: str = ""
    words: str = ""
    fingerprint: str = ""
    version: int = 0
    time: float = 0.0

    @property
    def interval(self) -> Interval:
        """The interval itself."""
        return Interval(self.key, self.start, self.end, self.at)

    def tried_in_vain(self, fingerprint: str, version: int) -> bool:
        """Whether these very data could not be scored by this very version: trying again would end alike."""
        return self.what == "failed" and self.fingerprint == fingerprint != "" and self.version == version


class Closed(msgspec.Struct, omit_defaults=True):
    """An interval that is owed no more, though nobody has scored it.

    Attributes:
        key: of the interval.
        words: why.
        time: when that was decided.
    """

    key: str
    words: str
    time: float


class _State(msgspec.Struct):
    format: int
    seq: int
    until: float | None
    owed: dict[str, Owed]
    closed: list[Closed]


class OwedFold:
    """The state: what is owed, and until when the schedule was gone through.

    Attributes:
        until: moment up to which every point of the schedule is noted; None before the first.
        owed: by key.
        closed: the `CLOSED_KEPT` that were given up last.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"owed", "noted", "settled", "given_up"})

    def __init__(self) -> None:
        self.seq = 0
        self.until: float | None = None
        self.owed: dict[str, Owed] = {}
        self.closed: list[Closed] = []

    def apply(self, record: Record) -> str | None:
        """See `Fold.apply`."""
        self.seq = record.seq
        data = record.data
        match record.kind:
            case "owed":
                if data.get("until") is not None:
                    self.until = max(float(data["until"]), self.until or 0.0)
                for key, start, end, at in data["intervals"]:
                    self.owed.setdefault(key, Owed(key, record.time, start, end, at))
            case "noted":
                held = self.owed.get(data["key"])
                if held is None:
                    return f"{data['key']} is not owed"
                held.what, held.words, held.time = data["what"], data["words"], record.time
                held.fingerprint, held.version = data.get("fingerprint", ""), data.get("version", 0)
            case "settled":
                for key in data["keys"]:
                    self.owed.pop(key, None)
            case "given_up":
                for key in data["keys"]:
                    if self.owed.pop(key, None) is not None:
                        self.closed.append(Closed(key, data["words"], record.time))
                self.closed = self.closed[-CLOSED_KEPT:]
        return None

    def skip(self, seq: int, reason: str) -> None:
        """See `Fold.skip`: a record that can't be read says nothing here; the next run notes it anew."""
        self.seq = max(self.seq, seq)

    def encode(self) -> bytes:
        """See `Fold.encode`."""
        return msgspec.json.encode(_State(FORMAT, self.seq, self.until, self.owed, self.closed))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """See `Fold.decode`."""
        try:
            if msgspec.json.decode(data, type=_Format).format > FORMAT:
                raise LaterFormat("the list of owed intervals is of a later release")
            body = msgspec.json.decode(data, type=_State)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no list of owed intervals: {error}") from None
        made = cls()
        made.seq, made.until, made.owed, made.closed = body.seq, body.until, body.owed, body.closed
        return made


class _Format(msgspec.Struct):
    format: int


class OwedList:
    """The acts on the list. Not shared between threads."""

    def __init__(
        self, store: ObjectStore, prefix: str, *, clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        """Open it; reads nothing yet.

        Args:
            store: of the model.
            prefix: the model's folder, ending with '/'.
            clock: seconds since 1970.
            sleep: how to wait between two tries.
        """
        self.journal: Journal[OwedFold] = Journal(store, prefix + FOLDER, OwedFold, clock=clock, sleep=sleep)

    def refresh(self) -> OwedFold:
        """The newest state.

        Raises:
            StorageError: the store is away.
        """
        return self.journal.refresh()

    def owe(self, intervals: Iterable[Interval], until: float | None = None) -> None:
        """Note intervals, and until when the schedule was gone through. Those that are noted stay as they are.

        Raises:
            StorageError: the store is away.
        """
        listed = list(intervals)

        def fresh(state: OwedFold) -> bool:
            further = until is not None and until > (state.until or 0.0)
            return further or any(each.key not in state.owed for each in listed)

        body = [[each.key, each.start, each.end, each.at] for each in listed]
        self.journal.append("owed", {"until": until, "intervals": body}, valid=fresh)

    def note(self, key: str, what: What, words: str, *, fingerprint: str = "", version: int = 0) -> None:
        """Say why an interval is still open; nothing where that stands there already, or it is not owed.

        Raises:
            StorageError: the store is away.
        """
        data: dict[str, Any] = {
            "key": key, "what": what, "words": words, "fingerprint": fingerprint, "version": version
        }  # fmt: skip

        def fresh(state: OwedFold) -> bool:
            held = state.owed.get(key)
            same = held is not None and (held.what, held.words, held.fingerprint, held.version) == (
                what, words, fingerprint, version
            )  # fmt: skip
            return held is not None and not same

        self.journal.append("noted", data, valid=fresh)

    def settle(self, keys: Iterable[str]) -> None:
        """Strike off what the model's journal has as scored.

        Raises:
            StorageError: the store is away.
        """
        listed = sorted(keys)
        self.journal.append("settled", {"keys": listed}, valid=lambda state: any(key in state.owed for key in listed))

    def give_up(self, keys: Iterable[str], words: str) -> None:
        """Strike off what can't be scored any more.

        Raises:
            StorageError: the store is away.
        """
        listed = sorted(keys)
        self.journal.append(
            "given_up", {"keys": listed, "words": words}, valid=lambda state: any(key in state.owed for key in listed)
        )


known(_Format, _State)
