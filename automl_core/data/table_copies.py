"""Tables of MaxCompute on this machine: read once through the tunnel, into a Parquet file that all trainings share.

A training has no keys: a worker's environment is not its own. So the worker, which has the connection's, brings the
table as it brings files of buckets, and tells the training where it lies; whoever reads the table by its address
(`automl_core.data.read_table`) finds the copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from automl_core.data.access import Access, DataError
from automl_core.data.cache import LOOKED, Cache, Changing, Held, Unwanted
from automl_core.data.fingerprint import digest_of
from automl_core.data.listing import DataFile, Listing
from automl_core.data.odps_tables import open_rows, table_fingerprint
from automl_core.spec.datanames import TABLES
from automl_core.spec.places import DataPlace

if TYPE_CHECKING:
    from automl_core.storage.base import ObjectStore

FILE = "rows.parquet"

_POLL = 0.2


def copy_of(place: DataPlace) -> Path | None:
    """Where this machine has the rows of a table for this training; None where nobody has brought them."""
    try:
        found = json.loads(os.environ.get(TABLES) or "{}").get(address(place))
    except (ValueError, AttributeError):
        return None
    return Path(found) if found and Path(found).is_file() else None


def address(place: DataPlace) -> str:
    """A table's address, the same however it was written."""
    return f"odps://{place.root}/{place.path}" + (f"/{place.partition}" if place.partition else "")


def hold(
    cache: Cache, place: DataPlace, access: Access, connection: str | None, *,
    say: Callable[[str], None] = lambda _: None, wanted: Callable[[], bool] = lambda: True,
) -> Held:  # fmt: skip
    """The rows of a table as a file of this machine. To be released when it is no longer used.

    Args:
        cache: of this machine.
        place: of the table.
        access: makes the client.
        connection: with the keys.
        say: is told of waiting and reading.
        wanted: whether anybody still waits for it.

    Raises:
        DataError: it can't be read, or there is no room.
        Changing: it was written to meanwhile.
        StorageUnavailable: MaxCompute can't be asked now.
        Unwanted: nobody waits any more.
    """
    digest = table_fingerprint(place, access, connection).digest
    known = cache.root / LOOKED / digest_of([address(place), digest])
    held = _known(cache, place, digest, known)
    if held is not None:
        return held
    with _alone(known, place, say, wanted):
        held = _known(cache, place, digest, known)
        if held is not None:
            return held
        part = known.with_suffix(f".{os.getpid()}.part")
        try:
            _read(place, access, connection, part, say, wanted)
            if table_fingerprint(place, access, connection).digest != digest:
                raise Changing(f"{place.text} was written to while it was read; the next try reads it again")
            size = part.stat().st_size
            listing = _listing(size, part)
            held = cache.hold(place, listing, digest, wanted=wanted)
            known.write_text(json.dumps(size), encoding="utf-8")
            return held
        except OSError as error:
            raise DataError(f"{place.text} can't be brought to {cache.root}: {error.strerror or error}") from None
        finally:
            part.unlink(missing_ok=True)


class _Moved:
    """A store of one file, which is moved to where it is wanted."""

    url = "file"

    def __init__(self, path: Path) -> None:
        self._path = path

    def download_file(self, _: str, target: Path) -> None:
        shutil.move(self._path, target)


def _listing(size: int, part: Path | None = None) -> Listing:
    store = cast("ObjectStore", _Moved(part)) if part is not None else None
    return Listing("file", "", (DataFile(FILE, size, 0),), store)


def _known(cache: Cache, place: DataPlace, digest: str, known: Path) -> Held | None:
    try:
        size = int(json.loads(known.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return cache.hold_known(place, _listing(size), digest)


@contextmanager
def _alone(known: Path, place: DataPlace, say: Callable[[str], None], wanted: Callable[[], bool]) -> Iterator[None]:
    """One reader of a table a machine; the kernel gives the lock back when it dies."""
    try:
        known.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(known.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise DataError(f"the cache of data {known.parent} can't be written to ({error.strerror})") from None
    said = False
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    said = True
                    say(f"{place.text}: waiting for another training on this machine that reads it")
                if not wanted():
                    raise Unwanted(f"{place.text}: nobody waits for it any more") from None
                time.sleep(_POLL)
        for left in known.parent.glob(f"{known.name}.*.part"):  # of a reader that was killed
            with contextlib.suppress(OSError):
                left.unlink()
        yield
    finally:
        os.close(lock)


def _read(
    place: DataPlace, access: Access, connection: str | None, part: Path, say: Callable[[str], None],
    wanted: Callable[[], bool],
) -> None:  # fmt: skip
    from automl_core.extras import needed_by

    with needed_by(f"{place.text}", "tables"):
        from pyarrow import parquet
    began, rows = time.monotonic(), 0
    with open_rows(place, access, connection) as opened, parquet.ParquetWriter(part, opened.schema) as writer:
        say(f"{place.text}: reading {opened.count:,} rows through the tunnel")
        for piece in opened.read():
            if not wanted():
                raise Unwanted(f"{place.text}: nobody waits for it any more")
            writer.write_batch(piece)
            rows += piece.num_rows
    say(f"{place.text}: {rows:,} rows read in {time.monotonic() - began:.1f} s")
