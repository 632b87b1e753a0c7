"""The journal: one order of events on nothing but an object store with create-only writes.

Each event is an object ``journal/<number>.json`` that is created only if absent. Whoever loses
the race for a number reads on and tries again, so there is one order, no lock, no server and
no database. A snapshot of the state keeps reading short, and every object repeats the records
since the last snapshot, or names the one that does: to catch up costs one listing and one read
or two, however many processes wrote in between (`automl_core.journal.repeats`).

What a place holds is decided by the records after it: one that the next record does not repeat
is void for everybody. So a place that nobody can read (a store that shows an object before its
bytes, a writer that died in between) is waited for while it is the newest, and void from the
moment that a record stands behind it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from automl_core.journal.fold import Fold
from automl_core.journal.pace import Pace
from automl_core.journal.records import (
    BadRecord,
    LaterFormat,
    Record,
    Stored,
    decode,
    encode,
    key_of,
    seq_of,
)
from automl_core.journal.repeats import Repeats, Told
from automl_core.journal.segments import Segmented, read_segments, write_segments
from automl_core.journal.snapshots import SNAPSHOT, SNAPSHOTS, Snapshot, decode_snapshot, encode_snapshot, is_due
from automl_core.release import RELEASE
from automl_core.storage.base import NotFound, ObjectStore, StorageError

log = logging.getLogger(__name__)

PATIENCE = 15.0
"""Seconds that the newest place is waited for where it can't be read, before the next record goes past it."""

JOURNAL = "journal/"
S = TypeVar("S", bound=Fold)


class Contended(RuntimeError):
    """Others kept winning the race for the next record for longer than the patience of the caller."""


class LaterRelease(StorageError):
    """A later release writes this journal, in a format that this one can't read: it must not write beside it."""


class Journal(Generic[S]):
    """Reads and writes one journal, and holds the state folded from it.

    Not shared between threads: each thread opens its own.
    """

    def __init__(
        self,
        store: ObjectStore,
        prefix: str,
        fold: type[S],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a journal; reads nothing yet.

        Args:
            store: where it lies.
            prefix: its folder in the store, ending with '/'.
            fold: what its records make; called without arguments for the state before the first.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries.
        """
        self.store = store
        self.prefix = prefix
        self.clock = clock
        self.fold = fold
        self.state: S = fold()
        self.later = ""
        """Why this release must not write here, empty if it may; as far as the journal was read."""
        self.observers: list[Callable[[Record], None]] = []
        """Told each record that is read or written after the snapshot, once the state has it."""
        self.writers: list[Callable[[Record], None]] = []
        """Told each record that was written here, once the state has it."""
        self.paced = True
        """Whether the first read waits its turn where others crowd, as who is about to write should; not for a page."""
        self._repeats = Repeats()
        self._segments: set[str] = set()  # names of those that were read or written here
        self._sleep = sleep
        self._bad: dict[int, str] = {}  # places that hold no record
        self._torn: dict[int, float] = {}  # newest places that can't be read (yet) → seconds waited for them
        self._late: set[int] = set()  # of the bad places those whose bytes may still come
        self._passed: set[int] = set()  # of the bad places those that were waited for in vain, before a later one
        self._foreign: set[str] = set()
        self._snapshot_read = False
        self._waits = True
        self._pace = Pace()

    # --- reading ------------------------------------------------------------------------------

    def open(self) -> S:
        """The state as the snapshot has it: for what takes a while to make ready, before the newest is read.

        In a crowd the time between that and the next record is what others may write in.
        """
        if not self._snapshot_read:
            self._read_snapshot()
        return self.state

    def refresh(self) -> S:
        """Read whatever is new and return the state. Costs one listing, and when there is news one read or two."""
        self.open()
        if self._waits:  # in a crowd, once: before the listing, so that what it tells is still true after
            self._waits = False
            if self.paced:
                self._wait(self._pace.wait())
        self._pace.reading()
        newest, fresh = self._newest(self._places())
        if newest is not None:
            told = self._told(newest, self.state.seq)
            if told.contradict(self._repeats.held | {self.state.seq}):
                log.warning("%s: a record that was read here is void to those after it; all is read anew", self.prefix)
                self.state, self._repeats = self.fold(), Repeats()
                told, fresh = self._told(newest, 0), []
            self._take(newest, told, fresh)
        return self.state

    def moved(self) -> bool:
        """Whether something stands behind the state's place: a listing of one key, nothing is read."""
        folder = self.prefix + JOURNAL
        return bool(self.store.list(folder, start_after=folder + key_of(self.state.seq), limit=1))

    def records(self) -> Iterator[Record]:
        """Every record from the first one, in order; a read or two for each stretch between two snapshots."""
        places = self._places(after=0)
        newest, _ = self._newest(places)
        if newest is not None:
            yield from self._told(newest, 0).after(0)

    @property
    def unreadable(self) -> Mapping[int, str]:
        """Places that hold no record this release can use, and why, as far as the journal was read."""
        return self._bad

    def _read_snapshot(self) -> None:
        self._find_snapshot()
        self._snapshot_read = True  # not where the store was away: who comes back is not to read every record for it

    def _find_snapshot(self) -> None:
        for name in SNAPSHOTS:
            try:
                data = self.store.get(self.prefix + name)
            except NotFound:
                continue
            try:
                self._adopt_snapshot(data)
            except LaterFormat as error:
                self._refuse(f"{name}: {error}")
            except ValueError as error:
                # a snapshot is only a shortcut: without it everything is read from the first record
                log.warning("%s%s is unreadable and ignored: %s", self.prefix, name, error)
            return

    def _adopt_snapshot(self, data: bytes) -> None:
        found = decode_snapshot(data)
        if not found.segments:
            self.state = self.fold.decode(found.state)
        elif issubclass(self.fold, Segmented):
            bodies = read_segments(self.store, self.prefix, found.segments)
            self.state = self.fold.decode_with(found.state, bodies)
            self._segments.update(bodies)
        else:
            raise LaterFormat("it stands on segments, which this release doesn't know of such a journal")
        self._pace.heard(found.pace, self.clock() - found.time)
        self._repeats = Repeats(self.state.seq, len(data), segmented=bool(found.segments))

    def _places(self, after: int | None = None) -> list[int]:
        """Places in the order after that of the state (or another), as the listing has them."""
        folder = self.prefix + JOURNAL
        places = []
        for key in self.store.list(folder, start_after=folder + key_of(self.state.seq if after is None else after)):
            name = key.removeprefix(folder)
            seq = seq_of(name)
            if seq is None:
                if name not in self._foreign:
                    self._foreign.add(name)
                    log.warning("%s is no record of this journal and is ignored", key)
            else:
                places.append(seq)
        return places

    def _newest(self, places: list[int]) -> tuple[Stored | None, list[int]]:
        """The last of some places that can be read, and the places up to it. Later ones may be torn."""
        torn: dict[int, float] = {}
        for index in range(len(places) - 1, -1, -1):
            stored = self._load(places[index])
            if stored is not None:
                break
            torn[places[index]] = self._torn.get(places[index], 0.0)
        else:
            stored, index = None, -1
        self._torn = torn
        return stored, places[: index + 1]

    def _take(self, newest: Stored, told: Told, fresh: list[int]) -> None:
        """Apply what the newest record tells, with what lies between it and the state."""
        known = self.state.seq
        for record in told.after(known):
            self._bad.pop(record.seq, None)
            self._apply(record)
        for seq in fresh:
            if seq not in told.records and seq not in self._bad and seq > known:
                self._load(seq)  # for its reason; void in any case
                self._bad.setdefault(seq, "void: the record after it doesn't know it")
        self._repeats.took(newest)
        for seq, reason in self._bad.items():
            if seq <= self.state.seq:
                self.state.skip(seq, reason)
        self._pace.heard(newest.pace, self.clock() - newest.record.time)

    def _told(self, newest: Stored, after: int) -> Told:
        """What the newest record tells of the places after one: by its copies, and by the objects that it stands on."""
        told, stored = Told(), newest
        while True:
            self._repeats.heard(stored.base, stored.weight)
            told.take(stored)
            place = stored.before
            if place <= after or place >= stored.record.seq:
                return told
            if (earlier := self._standing(place, after, told)) is None:
                return told
            stored = earlier

    def _standing(self, place: int, after: int, told: Told) -> Stored | None:
        """The object of a place that another names, else the last one before it, as far as ``after``.

        Where it is lost, what is known of it is among the copies, and the object before it has what came before. Where
        that can't be read either, one of them may be late, as the newest may: none is void before it was waited for.
        """
        waited = 0.0
        while True:
            stored, seq = None, place
            for seq in range(place, after, -1):
                if (stored := self._load(seq, again=seq in self._late)) is not None:
                    break
            tried = range(seq if stored is None else seq + 1, place + 1)
            unknown = set(tried) - told.records.keys() - self._passed
            if not unknown or self._late.isdisjoint(tried):
                return stored
            if waited >= PATIENCE:
                self._passed |= unknown
                return stored
            step = min(1.0, max(0.02, waited / 2))
            self._wait(step)
            waited += step

    def _load(self, seq: int, *, again: bool = False) -> Stored | None:
        if seq in self._bad and seq not in self._torn and not again:
            return None
        try:
            stored = decode(self.store.get(self.prefix + JOURNAL + key_of(seq)), seq, self.fold.kinds)
        except NotFound:
            self._bad[seq] = "missing"
        except LaterFormat as error:
            self._bad[seq] = str(error)
            self._refuse(f"record {seq}: {error}")
        except BadRecord as error:
            if seq not in self._bad:
                log.warning("%s%s%s can't be read: %s", self.prefix, JOURNAL, key_of(seq), error)
            self._bad[seq] = str(error)
            self._late.add(seq)
        else:
            self._bad.pop(seq, None)
            self._late.discard(seq)
            return stored
        return None

    def _refuse(self, reason: str) -> None:
        if not self.later:
            self.later = reason
            log.warning("%s%s is read as far as this release can, and not written: %s", self.prefix, JOURNAL, reason)

    # --- writing ------------------------------------------------------------------------------

    def append(
        self, kind: str, data: dict[str, Any], *, valid: Callable[[S], bool] | None = None, decided: bool = False
    ) -> Record | None:
        """Write the next record.

        Args:
            kind: one of the fold's kinds.
            data: what happened, plain JSON.
            valid: asked with the newest state before each try, the first included: when it says no,
                the record is not written.
            decided: whether what is written took its time to decide, on the state as it was read: in a crowd others
                write in that time again and again. Else only the time of a try tells how long to leave to others.

        Returns:
            The record as it stands in the journal, or None when it was no longer valid.

        Raises:
            Contended: others won a thousand races in a row.
            LaterRelease: a later release writes here.
            StorageError: the store refuses.
        """
        assert kind in self.fold.kinds, kind
        identity = uuid.uuid4().hex[:16]
        if not decided:
            self._pace.reading()
        for _ in range(1000):
            if self.later:
                raise LaterRelease(
                    f"{self.store.url}/{self.prefix} is written by a later release of this product, and {RELEASE} must "
                    f"not write beside it: {self.later}. Upgrade this installation."
                )
            if not self._waited_for_torn():
                continue
            if valid is not None and not valid(self.state):
                return None
            seq = max([self.state.seq, *self._torn]) + 1
            record = Record(seq, identity, round(self.clock(), 3), kind, data)
            pace = self._pace.won()
            repeats = self._repeats
            stored, packed = repeats.object(record, pace)
            if self.store.create(self.prefix + JOURNAL + key_of(seq), encode(stored, packed)):
                self._pace.settled(pace)
                self._passed_torn()
                self._apply(record)
                repeats.wrote(stored, packed)
                if is_due(record, len(packed), repeats.spent, len(repeats.tail), repeats.weight):
                    self._try_snapshot()
                for writer in self.writers:
                    writer(record)
                return record
            self._pace.lost()
            self._wait(self._pace.wait())
            self.refresh()
        raise Contended(f"{self.store.url}/{self.prefix}: lost the race for the next record a thousand times")

    def write_snapshot(self) -> None:
        """Write the state as it is now, in place of the last snapshot; before it the segments that it stands on.

        Raises:
            StorageError: the store refuses or is away. The snapshot before stands, and the next call makes up for it.
        """
        names: tuple[str, ...] = ()
        if isinstance(self.state, Segmented):
            self.state.seal()
            bodies = self.state.segments()
            names = tuple(bodies)
            fresh = {name: body for name, body in bodies.items() if name not in self._segments}
            write_segments(self.store, self.prefix, fresh)
            self._segments.update(fresh)
        body = encode_snapshot(Snapshot(self.state.encode(), self.state.seq, self.clock(), self._pace.span, names))
        self.store.put(self.prefix + SNAPSHOT, body)
        self._repeats = Repeats(self.state.seq, len(body), segmented=bool(names))

    def _waited_for_torn(self) -> bool:
        """Whether the newest places can be gone past: they can be read, or were waited for long enough."""
        if all(waited >= PATIENCE for waited in self._torn.values()):
            return True
        step = min(1.0, max(0.02, max(self._torn.values()) / 2))
        self._wait(step)
        self._torn = {seq: waited + step for seq, waited in self._torn.items()}
        self.refresh()
        return False

    def _passed_torn(self) -> None:
        for seq in self._torn:
            reason = self._bad.get(seq, "torn")
            log.warning("%s%s%s is void: %s", self.prefix, JOURNAL, key_of(seq), reason)
        torn, self._torn = list(self._torn), {}
        for seq in torn:
            self.state.skip(seq, self._bad.setdefault(seq, "torn"))

    def _apply(self, record: Record) -> None:
        self._repeats.tail.append(record)
        problem = self.state.apply(record)
        if problem:
            log.warning("%s%s%s is skipped: %s", self.prefix, JOURNAL, key_of(record.seq), problem)
        for observer in self.observers:
            observer(record)

    def _try_snapshot(self) -> None:
        try:
            self.write_snapshot()
        except StorageError as error:  # the record stands; the next writer makes up for the snapshot
            log.warning("%s%s was not written: %s", self.prefix, SNAPSHOT, error)

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)
