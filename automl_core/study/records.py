"""One record of the journal: what happened, when, in which order.

A record is plain JSON with a format version. ``decode`` accepts any bytes and either gives a
record or says in words why the bytes are none, so a torn or foreign object never stops a reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

FORMAT_VERSION = 1
"""Version of the record format that this code writes. It reads every version up to this one."""

KINDS = frozenset(
    {"created", "bound", "attempt", "external", "lost", "ended", "closed", "stop", "cancel", "note", "edited"}
)
"""What a record can tell; see `automl_core.study.state` for what each one changes."""

_KEY = re.compile(r"(\d{10})\.json")


class BadRecord(ValueError):
    """Bytes that are no record of this journal. The message says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event.

    Attributes:
        seq: its place in the order, from 1.
        id: unique text, so that a writer recognises its own record after a lost answer.
        time: seconds since 1970 by the writer's clock.
        kind: one of `KINDS`.
        data: what happened, plain JSON.
    """

    seq: int
    id: str
    time: float
    kind: str
    data: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON."""
        return {
            "version": FORMAT_VERSION, "seq": self.seq, "id": self.id, "time": self.time,
            "kind": self.kind, "data": self.data,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of the journal: a record, and the ones since the last snapshot its writer knew.

    The copies make reading cheap (the newest object tells all since the snapshot); the truth about
    a place in the order is the object of that place.

    Attributes:
        base: sequence number of that snapshot, 0 when there was none.
        tail: the records after ``base`` and before this one that the writer could read.
    """

    record: Record
    base: int = 0
    tail: tuple[Record, ...] = ()


def key_of(seq: int) -> str:
    """File name of a place in the order."""
    return f"{seq:010d}.json"


def seq_of(name: str) -> int | None:
    """Place in the order of a file name, None when the name is not one of ours."""
    match = _KEY.fullmatch(name)
    return int(match[1]) if match else None


def encode(record: Record, base: int, tail: Sequence[Record]) -> bytes:
    """The bytes of an object of the journal."""
    body = record.to_json() | {"base": base, "tail": [r.to_json() for r in tail]}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def decode(data: bytes, seq: int) -> Stored:
    """Read an object of the journal.

    Args:
        data: its bytes.
        seq: the place that its name states.

    Raises:
        BadRecord: it is torn, foreign, of a later format, or names another place.
    """
    try:
        body = json.loads(data)
    except ValueError as error:
        raise BadRecord(f"not JSON ({error})") from None
    if not isinstance(body, dict):
        raise BadRecord("not a JSON object")
    record = _record(body)
    if record.seq != seq:
        raise BadRecord(f"names itself {record.seq}")
    base, tail = body.get("base", 0), body.get("tail", [])
    if not isinstance(base, int) or not isinstance(tail, list):
        raise BadRecord("base or tail is malformed")
    return Stored(record, base, tuple(_record(item) for item in tail))


def _record(body: Any) -> Record:
    if not isinstance(body, dict):
        raise BadRecord("not a JSON object")
    version = body.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadRecord("no format version")
    if version > FORMAT_VERSION:
        raise BadRecord(f"format version {version} is later than {FORMAT_VERSION}, the latest this release reads")
    seq, identity, time, kind, data = (body.get(name) for name in ("seq", "id", "time", "kind", "data"))
    if not isinstance(seq, int) or isinstance(seq, bool) or not isinstance(identity, str):
        raise BadRecord("no sequence number or id")
    if not isinstance(time, int | float) or not isinstance(data, dict):
        raise BadRecord("no time or data")
    if kind not in KINDS:
        raise BadRecord(f"kind {kind!r} is not known")
    return Record(seq, identity, float(time), str(kind), data)
