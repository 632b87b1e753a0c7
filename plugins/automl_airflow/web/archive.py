"""A folder of a run as one zip file that is made while it is sent: nowhere does it lie as a whole.

How much goes into one is bounded, and so is how many are made at once: each takes a thread for every piece of it.
What is left out for its size is named in a file at the archive's end, so that nobody takes a part for the whole.
"""

from __future__ import annotations

import os
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from automl_airflow.threads import Threads
from automl_core.storage.base import NotFound, ObjectStore, StorageError

MOST_BYTES = 8 << 30
"""Bytes of files in one archive, before they are compressed."""

MOST_FILES = 10_000

MOST_AT_ONCE = 4
"""Archives that a process makes at once."""

MOST_OF_ONE = 2
"""Archives of one user at once."""

LONGEST = 3600.0
"""Seconds after which an archive is broken off: whoever reads that slowly holds a place of the few."""

LEFT_OUT = "LEFT_OUT.txt"

_PIECE = 1 << 18
_TEXT = (".json", ".yaml", ".yml", ".txt", ".csv", ".md", ".log", ".py")
_SMALL = 8 << 20
"""Texts up to this size are compressed; weights hardly shrink, and would take a core for minutes."""

_EPOCH = (1980, 1, 1, 0, 0, 0)


class TooMany(RuntimeError):
    """As many archives are being made as are made at once. The message says of whom."""


class Places:
    """The places of those who are sent an archive. Belongs to one event loop."""

    def __init__(self) -> None:
        self._users: Counter[str] = Counter()

    def admit(self, user: str) -> None:
        """See that one more is not one too many.

        Raises:
            TooMany: it is.
        """
        if self._users[user] >= MOST_OF_ONE:
            raise TooMany(f"{user} is being sent {MOST_OF_ONE} archives already: wait for one to end")
        if self._users.total() >= MOST_AT_ONCE:
            raise TooMany(f"{MOST_AT_ONCE} archives are being made already: try again in a moment")

    @contextmanager
    def one(self, user: str) -> Iterator[None]:
        """Take a place for as long as the context lasts."""
        self._users[user] += 1
        try:
            yield
        finally:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]

    @property
    def taken(self) -> int:
        """How many are being made."""
        return self._users.total()


class _Pipe:
    """What a zip file is written into: bytes that are waiting to be sent. Never told to seek."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._at = 0

    def write(self, data: bytes) -> int:
        self._waiting += data
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        data = bytes(self._waiting)
        self._waiting.clear()
        return data


async def stream(
    places: Places, user: str, store: ObjectStore, files: Sequence[tuple[str, str, Path | None]], threads: Threads
) -> AsyncIterator[bytes]:
    """The pieces of an archive.

    Args:
        places: where a place is taken while it lasts.
        user: who is sent it.
        store: where the files lie.
        files: name in the archive, key in the store, and the file itself where the store is a local folder.
        threads: those of the store, for each piece.
    """
    with places.one(user):
        pieces = zipped(store, files)
        try:
            while (piece := await threads.call(next, pieces, None)) is not None:
                yield piece
        finally:
            with suppress(ValueError):  # a piece is being read still: it is closed when that thread lets go of it
                pieces.close()


def zipped(store: ObjectStore, files: Sequence[tuple[str, str, Path | None]]) -> Generator[bytes, None, None]:
    """The same, in the thread that asks; see `stream`."""
    pipe, left_out, total, until = _Pipe(), [], 0, time.monotonic() + LONGEST
    with zipfile.ZipFile(pipe, "w", allowZip64=True) as archive:  # type: ignore[call-overload]  # writes, tells, flushes
        for count, (name, key, path) in enumerate(files):
            if count >= MOST_FILES:
                left_out.append(f"{len(files) - count} more files, from {name} on: an archive holds {MOST_FILES}")
                break
            if time.monotonic() > until:
                raise StorageError("the archive was read too slowly")
            try:
                with _opened(store, key, path) as (file, size):
                    if total + size > MOST_BYTES:
                        left_out.append(f"{name}: {size} bytes; an archive holds {MOST_BYTES}")
                        continue
                    total += size
                    info = zipfile.ZipInfo(name, _EPOCH)
                    info.file_size, info.external_attr = size, 0o644 << 16
                    info.compress_type = _compression(name, size)
                    with archive.open(info, "w", force_zip64=size > 1 << 31) as inside:
                        left = size  # a log may grow meanwhile: what was announced is sent
                        while left and (data := file.read(min(_PIECE, left))):
                            inside.write(data)
                            left -= len(data)
                            if waiting := pipe.take():
                                yield waiting
            except (NotFound, FileNotFoundError):
                left_out.append(f"{name}: it was removed meanwhile")
        if left_out:
            archive.writestr(zipfile.ZipInfo(LEFT_OUT, _EPOCH), "\n".join(left_out) + "\n")
    if waiting := pipe.take():
        yield waiting


def _compression(name: str, size: int) -> int:
    worth = name.lower().endswith(_TEXT) and size <= _SMALL
    return zipfile.ZIP_DEFLATED if worth else zipfile.ZIP_STORED


@contextmanager
def _opened(store: ObjectStore, key: str, path: Path | None) -> Iterator[tuple[IO[bytes], int]]:
    """A file and its size; one of a bucket is brought here for as long as it is read, one at a time."""
    if path is not None:
        with path.open("rb") as file:
            yield file, os.fstat(file.fileno()).st_size
        return
    handle, temporary = tempfile.mkstemp(prefix="automl-archive-")
    os.close(handle)
    try:
        store.download_file(key, Path(temporary))
        with open(temporary, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size
    finally:
        os.unlink(temporary)
