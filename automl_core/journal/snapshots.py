"""Snapshots of a journal's state: where they lie, what stands in them, and when the next one is due.

Formats: 1 was the state alone, as plain JSON. 2 is packed JSON of the state with what the next writer needs to know. 3
names besides the segments on which the state stands (`automl_core.journal.segments`): a release that knows only 2 says
that it is later, and reads the records. A state that stands on no segment is written as 2, which older releases read.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass

import msgspec

from automl_core.journal.records import LaterFormat, Record
from automl_core.release import RELEASE
from automl_core.structs import known

SNAPSHOT = "journal-snapshot.json.gz"
SNAPSHOT_V1 = "journal-snapshot.json"
SNAPSHOTS = (SNAPSHOT, SNAPSHOT_V1)
"""Where a snapshot may lie: that of today's format, and that of the first."""

SNAPSHOT_VERSION = 3
"""Version of the snapshots that this code reads and, where they stand on segments, writes."""

_WHOLE = 2
"""Version of a snapshot that stands on no segment."""

LEAST_INTERVAL = 32
"""Records between two snapshots at least; how many at most follows from what both cost (`is_due`)."""

MOST_INTERVAL = 512
"""Records between two snapshots at most: one listing and a short fold."""

_HEIR = 8
"""Records after which another writer writes a snapshot that is due, where its own writer died."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state, and what the next writer needs to know.

    Attributes:
        state: as the fold encodes it.
        seq: the last record in it.
        time: when it was written, seconds since 1970.
        pace: see `automl_core.journal.pace`.
        segments: names of those on which the state stands, in its order.
    """

    state: bytes
    seq: int
    time: float
    pace: float = 0.0
    segments: tuple[str, ...] = ()


class _Body(msgspec.Struct, omit_defaults=True):
    version: int
    release: str
    seq: int
    time: float
    pace: float
    state: msgspec.Raw
    segments: tuple[str, ...] = ()


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The bytes of a snapshot: packed JSON; the same state gives the same bytes."""
    time, pace = round(snapshot.time, 3), round(snapshot.pace, 3)
    version, state = SNAPSHOT_VERSION if snapshot.segments else _WHOLE, msgspec.Raw(snapshot.state)
    body = _Body(version, RELEASE, snapshot.seq, time, pace, state, snapshot.segments)
    return gzip.compress(msgspec.json.encode(body), 6, mtime=0)


def decode_snapshot(data: bytes) -> Snapshot:
    """Read a snapshot of any format so far.

    Raises:
        LaterFormat: a later release has written it.
        ValueError: it is torn, or none.
    """
    if not data.startswith(b"\x1f\x8b"):  # the first format: the state alone, as plain JSON
        return Snapshot(data, 0, 0.0)
    try:
        body = msgspec.json.decode(gzip.decompress(data), type=_Body)
    except (zlib.error, EOFError, OSError) as error:
        raise ValueError(f"can't be unpacked ({error})") from None
    if body.version > SNAPSHOT_VERSION:
        raise LaterFormat(f"written by release {body.release} in the later format {body.version}")
    return Snapshot(bytes(body.state), body.seq, body.time, body.pace, body.segments)


def is_due(record: Record, repeated: int, spent: int, count: int, weight: int) -> bool:
    """Whether to write a snapshot once a record is written.

    The cheapest moment is when the copies since the last one have cost so much that one record more costs as much as
    it takes off the snapshot's share. As long as each record repeats all before it, copies grow with the square of
    their number, and that is when they have cost as much as a snapshot: with s bytes a snapshot and r bytes a record,
    s/n + r n/2 is least at n = √(2s/r). From there on they grow with its power 1.5 (`automl_core.journal.repeats`), and
    s/n + a √n is least where they have cost twice as much.

    Args:
        record: the one that was written.
        repeated: bytes of the copies in its object.
        spent: bytes of the copies in all objects since the last snapshot, this one among them.
        count: records since the last snapshot, it included.
        weight: bytes of the last snapshot, 0 where there was none.
    """
    own = len(zlib.compress(msgspec.json.encode(record.data)))
    if 2 * own >= weight:
        return True  # the first record: what carries as much as the state itself is not repeated in each later one
    if count <= LEAST_INTERVAL:
        return count == LEAST_INTERVAL and spent >= weight
    over = spent >= 2 * weight or count >= MOST_INTERVAL
    first = count == MOST_INTERVAL or spent - repeated < 2 * weight <= spent
    # One writer writes it: those after it may not have heard of it yet. Had it died, another does a little later.
    return over and (first or (count - LEAST_INTERVAL) % _HEIR == 0)


known(_Body)
