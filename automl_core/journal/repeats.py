"""What a record repeats of those before it, so that who reads the newest one knows all since the snapshot.

As long as few records have been written since the snapshot each repeats all of them: whoever reads the newest has read
all. Where there are more, only some do (the whole ones), and each of the others repeats those since the last whole one,
which it names: a second object to read. With n records since the snapshot and a whole one every m, a record repeats
some m/2 + n/m others instead of n; that is least at m = √(2n), so what is written grows with the root of what a record
that repeats all would have.

The whole record is itself among those that are repeated. So each record but the newest stands in two objects at least,
and none is lost with one.
"""

from __future__ import annotations

from automl_core.journal.records import Record, Stored, pack
from automl_core.journal.snapshots import LEAST_INTERVAL

NEAR = 16
"""Records after a snapshot up to which all are repeated, where it stands on segments: who reads it reads several
objects more anyway. Where there are none that is so up to `LEAST_INTERVAL`: a short history is written as ever.
"""


class Repeats:
    """The records since the last snapshot that is known here, and what the next record has of them.

    Attributes:
        base: place of the last record in that snapshot, 0 where there is none.
        weight: bytes of that snapshot, 0 where they are not known.
        spent: bytes of the copies in all objects since then, as far as that is known.
        tail: the records after ``base``.
    """

    def __init__(self, base: int = 0, weight: int = 0, *, segmented: bool = False) -> None:
        """Begin behind a snapshot.

        Args:
            base, weight: see there.
            segmented: whether it stands on segments.
        """
        self.base, self.weight, self.spent = base, weight, 0
        self._near = NEAR if segmented else LEAST_INTERVAL
        self.tail: list[Record] = []
        self._whole = 0  # the newest record whose object has all since `base`, or since an earlier snapshot

    def heard(self, base: int, weight: int) -> None:
        """A writer knew a snapshot; it counts if it is later than the one that is known here."""
        if base > self.base:
            self.base, self.weight = base, weight

    def took(self, newest: Stored) -> None:
        """What the newest record tells was read; `tail` has it and all before it."""
        self.heard(newest.base, newest.weight)
        self.tail = [record for record in self.tail if record.seq > self.base]
        self.spent = newest.spent if newest.base == self.base else 0
        whole = newest.via or newest.record.seq
        self._whole = whole if any(record.seq == whole for record in self.tail) else 0

    def object(self, record: Record, pace: float) -> tuple[Stored, bytes]:
        """What the object of the next record has, and its copies packed."""
        via, tail = self._next()
        packed = pack(tail)
        spent = self.spent + len(packed) if len(self.tail) > self._near else 0
        return Stored(record, self.base, tail, self.weight, pace, via, spent), packed

    def wrote(self, stored: Stored, packed: bytes) -> None:
        """The next record was written as `object` had it, and `tail` has it."""
        spent = self.spent + len(packed)
        self.took(stored)
        self.spent = spent

    def _next(self) -> tuple[int, tuple[Record, ...]]:
        if len(self.tail) <= self._near or not self._whole:
            return 0, tuple(self.tail)
        near = tuple(record for record in self.tail if record.seq >= self._whole)
        if len(near) ** 2 >= 2 * len(self.tail):
            return 0, tuple(self.tail)
        return self._whole, near

    @property
    def held(self) -> set[int]:
        """The places of the records that are held."""
        return {record.seq for record in self.tail}


class Told:
    """What the newest record tells, with the objects that it stands on: each record, and which places are void.

    Attributes:
        records: by their places.
    """

    def __init__(self) -> None:
        self.records: dict[int, Record] = {}
        self._from = 0  # of the places after this one and before the newest, those that have no record are void

    def take(self, stored: Stored) -> None:
        """Take in an object: the newest, then the one that came before its copies, and so on."""
        for record in (*stored.tail, stored.record):
            self.records.setdefault(record.seq, record)
        self._from = stored.via - 1 if stored.via else stored.base

    def after(self, place: int) -> list[Record]:
        """The records after a place, in order."""
        return [self.records[seq] for seq in sorted(self.records) if seq > place]

    def contradict(self, held: set[int]) -> bool:
        """Whether a record that is held is void: its place was unreadable to the writer of the one after it."""
        newest = max(self.records)
        return any(self._from < seq < newest for seq in held - self.records.keys())
