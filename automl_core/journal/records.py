"""One record of a journal: what happened, when, in which order; and the object that it is stored in.

A record is plain JSON with a format version. ``decode`` accepts any bytes and either gives a
record or says in words why the bytes are none, so a torn or foreign object never stops a reader.

Formats: 1 was one JSON object, with earlier records repeated in it. 2 is a line of JSON, which says what happened, by
which release, and what the next writer needs to know of the snapshot and of the crowd; and behind it, packed (zlib),
the earlier records. 3 may repeat only the newest of them and name the object that has the others (``via``), and counts
the bytes of the copies (``spent``); a record soon after a snapshot, which needs neither, is written as 2, and older
releases read it. Whatever comes later must begin with a line of JSON that has its ``version``.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from automl_core.release import RELEASE

FORMAT_VERSION = 3
"""The latest version that this code reads, and writes where a record needs it."""

_PLAIN = 2
"""Version of a record that repeats all since the snapshot and counts no bytes."""

_MOST_TAIL = 256_000_000
"""Bytes of repeated records that are unpacked at most: a foreign object must not fill the memory."""

_KEY = re.compile(r"(\d{10})\.json")


class BadRecord(ValueError):
    """Bytes that are no record of this journal. The message says why."""


class LaterFormat(BadRecord):
    """A record that a later release wrote: whole, but not for this release to read. The message says by which."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event.

    Attributes:
        seq: its place in the order, from 1.
        id: unique text, so that a writer recognises its own record after a lost answer; empty in a repeated record.
        time: seconds since 1970 by the writer's clock.
        kind: what kind of event; the fold says which there are.
        data: what happened, plain JSON.
    """

    seq: int
    id: str
    time: float
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of the journal: a record, and the ones since the last snapshot its writer knew.

    The copies make reading cheap (the newest object, and at most one that it names, tell all since the snapshot), and
    they decide: a place after ``base`` that is not among them was void to the writer, so it is void to every reader of
    this object.

    Attributes:
        base: sequence number of that snapshot, 0 when there was none.
        tail: the records after ``base`` and before this one; where ``via`` is given, those from ``via`` on, that record
            too, so that none stands in one object alone.
        weight: bytes of that snapshot, 0 where the writer did not know.
        pace: seconds over which the writer had spread its tries when it won this place; see `automl_core.journal.pace`.
        via: place of the record whose object tells what lies between ``base`` and itself; 0 where ``tail`` has all.
        spent: bytes of the copies in all objects since that snapshot, as far as the writer knew, its own among them;
            0 where it didn't count. `decode` then takes it that each has repeated all before it.
    """

    record: Record
    base: int = 0
    tail: tuple[Record, ...] = ()
    weight: int = 0
    pace: float = 0.0
    via: int = 0
    spent: int = 0

    @property
    def before(self) -> int:
        """The place whose object tells what came before the copies; 0 where there is none."""
        return self.via or self.base


def key_of(seq: int) -> str:
    """File name of a place in the order."""
    return f"{seq:010d}.json"


def seq_of(name: str) -> int | None:
    """Place in the order of a file name, None when the name is not one of ours."""
    match = _KEY.fullmatch(name)
    return int(match[1]) if match else None


def pack(records: Sequence[Record]) -> bytes:
    """The bytes of repeated records; their ids, which only their own writers need, are not repeated."""
    if not records:
        return b""
    return zlib.compress(_json([[each.seq, each.time, each.kind, each.data] for each in records]), 6)


def encode(stored: Stored, packed: bytes | None = None) -> bytes:
    """The bytes of an object of the journal.

    Args:
        stored: what it has.
        packed: its ``tail``, where the caller has packed that.
    """
    record, version = stored.record, FORMAT_VERSION if stored.via or stored.spent else _PLAIN
    body: dict[str, Any] = {
        "version": version, "release": RELEASE, "seq": record.seq, "id": record.id, "time": record.time,
        "kind": record.kind, "data": record.data, "base": stored.base,
    }  # fmt: skip
    if stored.via:
        body["via"] = stored.via
    if stored.weight:
        body["weight"] = stored.weight
    if stored.spent:
        body["spent"] = stored.spent
    if stored.pace:
        body["pace"] = round(stored.pace, 3)
    if packed is None:
        packed = pack(stored.tail)
    if not packed:
        return _json(body)
    return _json(body | {"tail": len(packed)}) + b"\n" + packed


def decode(data: bytes, seq: int, kinds: Collection[str] | None = None) -> Stored:
    """Read an object of the journal.

    Args:
        data: its bytes.
        seq: the place that its name states.
        kinds: the kinds of record that the reader can apply; any, when left out.

    Raises:
        LaterFormat: it is of a later format, or tells something of a kind that is not known.
        BadRecord: it is torn, foreign, or names another place.
    """
    line, _, packed = data.partition(b"\n")
    try:
        body = json.loads(line if packed else data)
    except ValueError as error:
        raise BadRecord(f"not JSON ({error})") from None
    if not isinstance(body, dict):
        raise BadRecord("not a JSON object")
    version, by = body.get("version"), f" (written by release {body['release']})" if body.get("release") else ""
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadRecord("no format version")
    if version > FORMAT_VERSION:
        raise LaterFormat(f"format version {version} is later than {FORMAT_VERSION}, the latest this release reads{by}")
    record = _record(*(body.get(name) for name in ("seq", "id", "time", "kind", "data")))
    if record.seq != seq:
        raise BadRecord(f"names itself {record.seq}")
    base, weight, via, spent = (body.get(name, 0) for name in ("base", "weight", "via", "spent"))
    pace = body.get("pace", 0.0)
    if not all(isinstance(each, int) for each in (base, weight, via, spent)) or not isinstance(pace, int | float):
        raise BadRecord("base, weight, via, spent or pace is malformed")
    if via and not base < via < seq:
        raise BadRecord(f"via {via} does not lie between its base {base} and itself")
    earlier = _tail_v1(body.get("tail", [])) if version == 1 else _unpack(packed, body.get("tail", 0))
    for each in (*earlier, record):
        if kinds is not None and each.kind not in kinds:
            raise LaterFormat(f"kind {each.kind!r} is not known to this release{by}")
    if via and not any(each.seq == via for each in earlier):
        raise BadRecord(f"record {via}, from which on it repeats, is not among those that it repeats")
    return Stored(record, base, earlier, weight, float(pace), via, spent or len(packed) * (len(earlier) + 1) // 2)


def _unpack(packed: bytes, length: Any) -> tuple[Record, ...]:
    """The repeated records, see `pack`."""
    if len(packed) != length:
        raise BadRecord(f"{len(packed)} bytes of repeated records where {length!r:.20} are stated")
    if not packed:
        return ()
    unpacker = zlib.decompressobj()
    try:
        rows = json.loads(unpacker.decompress(packed, _MOST_TAIL))
        records = tuple(_record(seq, "", time, kind, data) for seq, time, kind, data in rows)
    except (ValueError, TypeError, zlib.error) as error:
        raise BadRecord(f"the records that it repeats are malformed: {error}") from None
    if not unpacker.eof:
        raise BadRecord("the records that it repeats are cut off, or too many")
    return records


def _tail_v1(tail: Any) -> tuple[Record, ...]:
    if not isinstance(tail, list) or not all(isinstance(item, dict) for item in tail):
        raise BadRecord("tail is malformed")
    return tuple(_record(*(item.get(name) for name in ("seq", "id", "time", "kind", "data"))) for item in tail)


def _record(seq: Any, identity: Any, time: Any, kind: Any, data: Any) -> Record:
    if not isinstance(seq, int) or isinstance(seq, bool) or not isinstance(identity, str):
        raise BadRecord("no sequence number or id")
    if not isinstance(time, int | float) or not isinstance(kind, str) or not isinstance(data, dict):
        raise BadRecord("no time, kind or data")
    return Record(seq, identity, float(time), kind, data)


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
