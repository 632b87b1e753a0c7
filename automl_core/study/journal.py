"""The journal: one order of events on nothing but an object store with create-only writes.

Each event is an object ``journal/<number>.json`` that is created only if absent. Whoever loses
the race for a number reads on and tries again, so there is one order, no lock, no server and
no database. A snapshot of the state every so many records keeps reading short, and every object
repeats the records since the last snapshot: to catch up costs one listing and one read, however
many processes wrote in between.
"""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from automl_core.storage.base import NotFound, ObjectStore, StorageError
from automl_core.study.records import BadRecord, Record, Stored, decode, encode, key_of, seq_of
from automl_core.study.state import State

log = logging.getLogger(__name__)

SNAPSHOT_INTERVAL = 32
"""Records between two snapshots."""

JOURNAL = "journal/"
SNAPSHOT = "journal-snapshot.json"


class Contended(RuntimeError):
    """Others kept winning the race for the next record for longer than the patience of the caller."""


class Journal:
    """Reads and writes one experiment's journal, and holds the state folded from it.

    Not shared between threads: each thread opens its own.
    """

    def __init__(
        self,
        store: ObjectStore,
        prefix: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open the journal of one experiment; reads nothing yet.

        Args:
            store: where it lies.
            prefix: the experiment's folder in the store, ending with '/'.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries.
        """
        self.store = store
        self.prefix = prefix
        self.clock = clock
        self.state = State()
        self.observers: list[Callable[[Record], None]] = []
        """Told each record that is read or written after the snapshot, once the state has it."""
        self.writers: list[Callable[[Record], None]] = []
        """Told each record that was written here, once the state has it."""
        self.base = 0
        self._sleep = sleep
        self._tail: list[Record] = []  # what is known after `base`
        self._bad: dict[int, str] = {}  # places that hold no record
        self._foreign: set[str] = set()
        self._snapshot_read = False
        self._jitter = random.Random(uuid.uuid4().int)

    def refresh(self) -> State:
        """Read whatever is new and return the state. Costs one listing, and one read when there is news."""
        if not self._snapshot_read:
            self._read_snapshot()
        fresh = self._new_places()
        records: dict[int, Record] = {}
        wanted_after = self.state.seq
        for seq in reversed(fresh):
            if seq in records or seq <= wanted_after:
                continue
            stored = self._load(seq)
            if stored is None:
                continue
            self._collect(stored, records, wanted_after)
        for seq in sorted(records):
            self._apply(records[seq])
        self._tail = [record for record in self._tail if record.seq > self.base]
        for seq, reason in self._bad.items():
            if seq <= self.state.seq:
                self.state.skip(seq, reason)
        return self.state

    def append(self, kind: str, data: dict[str, Any], *, valid: Callable[[State], bool] | None = None) -> Record | None:
        """Write the next record.

        Args:
            kind: one of `records.KINDS`.
            data: what happened, plain JSON.
            valid: asked with the newest state before each try, the first included: when it says no,
                the record is not written.

        Returns:
            The record as it stands in the journal, or None when it was no longer valid.

        Raises:
            Contended: others won a thousand races in a row.
            StorageError: the store refuses.
        """
        identity = uuid.uuid4().hex
        for attempt in range(1000):
            if valid is not None and not valid(self.state):
                return None
            seq = self.state.seq + 1
            while seq in self._bad:
                seq += 1
            record = Record(seq, identity, round(self.clock(), 3), kind, data)
            if self.store.create(self.prefix + JOURNAL + key_of(seq), encode(record, self.base, self._tail)):
                self._apply(record)
                self._maybe_snapshot()
                for writer in self.writers:
                    writer(record)
                return record
            if attempt:
                # grows with the number of lost races, up to a tenth of a second on average
                self._sleep(self._jitter.uniform(0, min(0.2, 0.002 * 2 ** min(attempt, 7))))
            self.refresh()
        raise Contended(f"{self.store.url}/{self.prefix}: lost the race for the next record a thousand times")

    def records(self) -> Iterator[Record]:
        """Every record from the first one, in order, one read each; bad ones are left out."""
        for name in self.store.list(self.prefix + JOURNAL):
            seq = seq_of(name.removeprefix(self.prefix + JOURNAL))
            stored = self._load(seq) if seq is not None else None
            if stored is not None:
                yield stored.record

    @property
    def unreadable(self) -> Mapping[int, str]:
        """Places that hold no record this release can use, and why, as far as the journal was read."""
        return self._bad

    def write_snapshot(self) -> None:
        """Write the state as it is now, in place of the last snapshot."""
        self.store.put(self.prefix + SNAPSHOT, self.state.encode())
        self.base = self.state.seq
        self._tail = []

    def _read_snapshot(self) -> None:
        self._snapshot_read = True
        try:
            self.state = State.decode(self.store.get(self.prefix + SNAPSHOT))
        except NotFound:
            return
        except ValueError as error:
            # a snapshot is only a shortcut: without it everything is read from the first record
            log.warning("%s%s is unreadable and ignored: %s", self.prefix, SNAPSHOT, error)
            self.state = State()
        self.base = self.state.seq

    def _new_places(self) -> list[int]:
        folder = self.prefix + JOURNAL
        places = []
        for key in self.store.list(folder, start_after=folder + key_of(self.state.seq)):
            name = key.removeprefix(folder)
            seq = seq_of(name)
            if seq is None:
                if name not in self._foreign:
                    self._foreign.add(name)
                    log.warning("%s is no record of this journal and is ignored", key)
            else:
                places.append(seq)
        return places

    def _collect(self, stored: Stored, records: dict[int, Record], after: int) -> None:
        """Take a stored record with its tail, and what lies between ``after`` and the start of the tail."""
        self.base = max(self.base, stored.base)  # its writer knew a snapshot there
        while True:
            for record in (*stored.tail, stored.record):
                if record.seq > after:
                    records.setdefault(record.seq, record)
            if stored.base <= after or stored.base in records:
                return
            earlier = self._load(stored.base)
            if earlier is None:
                return  # the caller goes on through the listing, place by place
            stored = earlier

    def _load(self, seq: int) -> Stored | None:
        if seq in self._bad:
            return None
        key = self.prefix + JOURNAL + key_of(seq)
        reason = ""
        for wait in (0.0, 0.02, 0.1):  # on a store without links a record may be seen half written
            if wait:
                self._sleep(wait)
            try:
                return decode(self.store.get(key), seq)
            except NotFound:
                reason = "missing"
            except BadRecord as error:
                reason = str(error)
        log.warning("%s is skipped: %s", key, reason)
        self._bad[seq] = reason
        return None

    def _apply(self, record: Record) -> None:
        self._bad.pop(record.seq, None)
        self._tail.append(record)
        problem = self.state.apply(record)
        if problem:
            log.warning("%s%s%s is skipped: %s", self.prefix, JOURNAL, key_of(record.seq), problem)
        for observer in self.observers:
            observer(record)

    def _maybe_snapshot(self) -> None:
        # a record that carries much (every combination of a grid) is not repeated in each later one
        if self.state.seq - self.base >= SNAPSHOT_INTERVAL or self._tail[-1].kind == "created":
            try:
                self.write_snapshot()
            except StorageError as error:  # the record stands; the next writer makes up for the snapshot
                log.warning("%s%s was not written: %s", self.prefix, SNAPSHOT, error)
