"""What of a state never changes again is written once: in segments, which the snapshots after it name.

A snapshot repeats the whole state. Where a fold says that a part of it is settled, that part goes into objects of its
own below ``journal-segments/``: immutable, named by the digest of their bytes. A snapshot then has the names of the
segments that it stands on, and the rest of the state. A segment is written before the first snapshot that names it, by
whoever writes that snapshot. So two writers that seal the same write the same object, two that seal otherwise write
two, and one that dies between the two leaves an object that nobody names. None is ever removed while the journal lives:
a slow writer may put an older snapshot in place of a newer one, and that one has to stand too.

Like a snapshot a segment is only a shortcut. Where one is lost or damaged, the snapshots that name it are none, and the
chain of records leads back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, Self, runtime_checkable

from automl_core.storage.base import NotFound, ObjectStore

SEGMENTS = "journal-segments/"
"""Folder of the segments below that of the journal."""

_READERS = 8
"""Threads that read segments at once: a request takes 20 ms on S3 whatever it reads."""


@runtime_checkable
class Segmented(Protocol):
    """A fold (`automl_core.journal.fold.Fold`) that can set a part of itself apart for good."""

    def seal(self) -> None:
        """Set apart what is settled, where there is enough of it. The state says the same before and after."""

    def segments(self) -> Mapping[str, bytes]:
        """What is set apart: the names that `name_of` gives → bytes, in the order in which `decode_with` wants them."""

    @classmethod
    def decode_with(cls, data: bytes, segments: Mapping[str, bytes]) -> Self:
        """Read what `Fold.encode` wrote when the state had these segments.

        Raises:
            LaterFormat: it, or a segment, is of a later release.
            ValueError: it is no such state.
        """


class LostSegment(ValueError):
    """A segment that a snapshot names is not there, or is not what it was. The message says which."""


def name_of(body: bytes) -> str:
    """The name of a segment: 32 hexadecimal digits of the SHA-256 of its bytes."""
    return hashlib.sha256(body).hexdigest()[:32]


def read_segments(store: ObjectStore, prefix: str, names: Sequence[str]) -> dict[str, bytes]:
    """The segments that a snapshot names, in its order; several are read at once.

    Args:
        store: where the journal lies.
        prefix: its folder, ending with '/'.
        names: of the segments.

    Raises:
        LostSegment: one is missing or damaged.
        StorageError: the store is away.
    """

    def read(name: str) -> bytes:
        try:
            body = store.get(prefix + SEGMENTS + name)
        except NotFound:
            raise LostSegment(f"its segment {SEGMENTS}{name} is missing") from None
        if name_of(body) != name:
            raise LostSegment(f"its segment {SEGMENTS}{name} is damaged: {len(body)} bytes that are not what it names")
        return body

    return dict(zip(names, _each(read, names), strict=True))


def write_segments(store: ObjectStore, prefix: str, bodies: Mapping[str, bytes]) -> None:
    """Write segments; who writes one that is there writes the same.

    Raises:
        StorageError: the store refuses or is away. Some may be written.
    """
    for name, body in bodies.items():
        store.put(prefix + SEGMENTS + name, body)


def _each(read: Callable[[str], bytes], names: Sequence[str]) -> list[bytes]:
    if len(names) < 2:
        return [read(name) for name in names]
    with ThreadPoolExecutor(min(_READERS, len(names)), thread_name_prefix="automl-segments") as pool:
        return list(pool.map(read, names))
