"""Files of buckets on this machine: fetched once, shared by all trainings that run here, bounded in size.

A data set has a folder of its own, named by its place and its fingerprint's digest. Whoever uses it holds a shared lock
on it, whoever fetches or removes it an exclusive one; the kernel gives locks back when a process dies. Files come into
a folder under another name, which is renamed when all are there: a fetcher that was killed leaves nothing that looks
whole, and the next one begins anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl_core.data.access import DataError
from automl_core.data.fingerprint import digest_of, size_text
from automl_core.data.listing import DataFile, Listing
from automl_core.spec.places import DataPlace
from automl_core.storage.base import StorageError

FOLDER_VARIABLE, SIZE_VARIABLE = "AUTOML_DATA_CACHE", "AUTOML_DATA_CACHE_SIZE"
DEFAULT_SIZE = 50 * 10**9
"""Bytes that the cache may have."""

FRESH = 60.0
"""Seconds for which a listing of a bucket holds for all trainings of a machine: a client costs each 0.6 s of a core."""

LOOKED = "looked"
"""Folder of notes beside the data sets' own: nothing in it is removed to make room."""

_DATA, _PART, _READY, _LOCK = "data", "part", "ready.json", "lock"
_MOST_REMEMBERED = 1_000
_THREADS = 8
_POLL = 0.2
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


class Unwanted(DataError):
    """Nobody waits for the data any more."""


class Changing(DataError):
    """The data are being changed just now: another try may find them at rest."""


@dataclass(slots=True)
class Held:
    """Files of a data set that are in use.

    Attributes:
        path: of the file, or of the folder with the files.
        fetched: whether this very call has fetched them.
    """

    path: Path
    fetched: bool = False
    _lock: int = field(default=-1, repr=False)

    def release(self) -> None:
        """Say that they are no longer in use; more than once does no harm."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class Cache:
    """The files of buckets that this machine has.

    Attributes:
        root: its folder.
        size: bytes that it may have. What is in use is never removed, so it may have more for a while.
    """

    def __init__(self, root: Path, size: int = DEFAULT_SIZE) -> None:
        """Nothing is made before it is needed."""
        self.root, self.size = root, size

    @classmethod
    def of(cls, home: Path, environ: Any = os.environ) -> Cache:
        """The cache of this machine: AUTOML_DATA_CACHE, else below AUTOML_HOME, else the folder for temporary files.

        Args:
            home: AUTOML_HOME.
            environ: the process's environment.

        Raises:
            DataError: AUTOML_DATA_CACHE_SIZE is no size.
        """
        given = environ.get(FOLDER_VARIABLE)
        root = Path(given).expanduser() if given else home.absolute() / ".automl-cache"
        if not given and not _can_be_written(root):
            root = Path(tempfile.gettempdir()) / f"automl-cache-{os.getuid()}"
        return cls(root, size_of(environ.get(SIZE_VARIABLE, "")) or DEFAULT_SIZE)

    def hold(
        self, place: DataPlace, listing: Listing, digest: str, *, say: Callable[[str], None] = lambda _: None,
        wanted: Callable[[], bool] = lambda: True, unchanged: Callable[[], bool] = lambda: True,
    ) -> Held:  # fmt: skip
        """The files of a data set, fetched where they are not here yet. To be released when they are no longer used.

        Args:
            place: of the data set, in a bucket.
            listing: what lies there.
            digest: of its fingerprint.
            say: is told of waiting and fetching.
            wanted: whether anybody still waits for it.
            unchanged: whether what was listed is still there; asked when all is fetched.

        Raises:
            StorageError: they can't be fetched, or there is no room.
            Changing: they were changed meanwhile.
            Unwanted: nobody waits any more.
        """
        entry = self._entry(place, digest)
        said = False
        while True:
            lock = self._locked(entry, fcntl.LOCK_SH)
            if lock is not None:
                if _is_whole(entry, listing):
                    os.utime(entry / _READY)
                    return Held(_path_in(entry, listing), _lock=lock)
                os.close(lock)
                lock = self._locked(entry, fcntl.LOCK_EX)
            if lock is None:
                if not said:
                    said = True
                    say(f"{place.text}: waiting for another training on this machine that fetches it")
                if not wanted():
                    raise Unwanted(f"{place.text}: nobody waits for it any more")
                time.sleep(_POLL)
                continue
            try:
                if not _is_whole(entry, listing):
                    self._fetch(entry, place, listing, say, wanted, unchanged)
                fcntl.flock(lock, fcntl.LOCK_SH)  # not at once: whoever removes may come between, and is looked for
                if _is_whole(entry, listing) and _is_the_one(lock, entry):
                    return Held(_path_in(entry, listing), fetched=True, _lock=lock)
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)

    def _entry(self, place: DataPlace, digest: str) -> Path:
        return self.root / digest_of([place.scheme, place.root, place.path, digest])

    def hold_known(self, place: DataPlace, listing: Listing, digest: str) -> Held | None:
        """The files of a data set where they are here already and nobody fetches or removes them; nothing is asked."""
        entry = self._entry(place, digest)
        if not _is_whole(entry, listing):
            return None
        lock = self._locked(entry, fcntl.LOCK_SH)
        if lock is None or not _is_whole(entry, listing):
            if lock is not None:
                os.close(lock)
            return None
        os.utime(entry / _READY)
        return Held(_path_in(entry, listing), _lock=lock)

    def remember(self, place: DataPlace, listing: Listing) -> None:
        """Note what was listed just now: other trainings of this machine need not ask again for `FRESH` seconds."""
        if len(listing.files) > _MOST_REMEMBERED:
            return
        body = [listing.kind, listing.base, [[f.name, f.size, f.modified, f.etag] for f in listing.files]]
        path = self._looked(place)
        with contextlib.suppress(OSError):  # it only saves a request
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
            temporary.write_text(json.dumps(body), encoding="utf-8")
            os.replace(temporary, path)

    def remembered(self, place: DataPlace) -> Listing | None:
        """What somebody on this machine has listed a moment ago, without a store; None where nobody has."""
        path = self._looked(place)
        try:
            if not 0 <= time.time() - path.stat().st_mtime < FRESH:
                return None
            kind, base, files = json.loads(path.read_text(encoding="utf-8"))
            return Listing(kind, base, tuple(DataFile(*each) for each in files), in_bucket=True)
        except (OSError, ValueError, TypeError):
            return None

    def _looked(self, place: DataPlace) -> Path:
        return self.root / LOOKED / f"{digest_of([place.scheme, place.root, place.path])}.json"

    def _locked(self, entry: Path, kind: int) -> int | None:
        """A lock on a data set's folder, which is made; None where somebody else has one that excludes it."""
        while True:
            try:
                entry.mkdir(parents=True, exist_ok=True)
                lock = os.open(entry / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
            except FileNotFoundError:  # removed in between
                continue
            except OSError as error:
                raise DataError(
                    f"the cache of data {self.root} can't be written to ({error.strerror}): set {FOLDER_VARIABLE} to a "
                    "folder that can"
                ) from None
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            if _is_the_one(lock, entry):
                return lock
            os.close(lock)

    def _fetch(
        self, entry: Path, place: DataPlace, listing: Listing, say: Callable[[str], None],
        wanted: Callable[[], bool], unchanged: Callable[[], bool],
    ) -> None:  # fmt: skip
        _clear(entry)
        self.make_room(listing.size, entry)
        say(f"{place.text}: fetching {len(listing.files):,} files, {size_text(listing.size)}, into {self.root}")
        part, began = entry / _PART, time.monotonic()
        try:
            with ThreadPoolExecutor(_THREADS, thread_name_prefix="automl-fetch") as pool:
                jobs = [pool.submit(self._fetch_one, part, listing, file, wanted) for file in listing.files]
                try:
                    for job in jobs:
                        job.result()
                except BaseException:
                    pool.shutdown(wait=True, cancel_futures=True)
                    raise
            if not unchanged():
                raise Changing(f"{place.text} was changed while it was fetched; it is fetched again by the next try")
            os.replace(part, entry / _DATA)
            body = {"place": place.text, "bytes": listing.size, "files": len(listing.files), "fetched": time.time()}
            temporary = entry / f"{_READY}.part"
            temporary.write_text(json.dumps(body), encoding="utf-8")
            os.replace(temporary, entry / _READY)
        except OSError as error:
            _clear(entry)
            raise DataError(f"{place.text} can't be brought to {self.root}: {error.strerror or error}") from None
        except StorageError:
            _clear(entry)
            raise
        say(f"{place.text}: fetched in {time.monotonic() - began:.1f} s")

    @staticmethod
    def _fetch_one(part: Path, listing: Listing, file: DataFile, wanted: Callable[[], bool]) -> None:
        if not wanted():
            raise Unwanted("nobody waits for the data any more")
        target = part / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        assert listing.store is not None
        listing.store.download_file(listing.key(file), target)
        size = target.stat().st_size
        if size != file.size:
            raise Changing(
                f"{listing.key(file)} in {listing.store.url} was changed while it was fetched: {size:,} bytes came, "
                f"{file.size:,} were listed"
            )
        target.chmod(0o444)  # all trainings of this machine read this one

    def make_room(self, size: int, keep: Path | None = None) -> list[str]:
        """Remove what was not used for the longest until so much more has room, and what killed fetchers have left.

        Args:
            size: bytes that will come.
            keep: a folder that stays whatever happens.

        Returns:
            What was removed: places.
        """
        known, left = [], 0
        for entry in self._entries():
            body = _ready(entry)
            if body is None:
                if entry != keep:
                    self._remove(entry)  # nobody holds it, or it is being fetched
                continue
            left += int(body.get("bytes", 0))
            known.append((_used(entry), entry, body))
        removed = []
        for _, entry, body in sorted(known, key=lambda each: each[0]):
            if left + size <= self.size:
                break
            if entry != keep and self._remove(entry):
                left -= int(body.get("bytes", 0))
                removed.append(str(body.get("place", "")))
        return removed

    def _entries(self) -> list[Path]:
        try:
            return sorted(path for path in self.root.iterdir() if path.is_dir() and path.name != LOOKED)
        except FileNotFoundError:
            return []

    def _remove(self, entry: Path) -> bool:
        """Remove a folder that nobody holds. Returns whether it is gone."""
        lock = self._locked(entry, fcntl.LOCK_EX)
        if lock is None:
            return False
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(entry / _READY)  # first: what is left by a kill doesn't look whole
            shutil.rmtree(entry, ignore_errors=True)
            return not entry.exists()
        finally:
            os.close(lock)


def size_of(text: str) -> int:
    """Bytes that a person writes: ``50GB``, ``200 MB``, a number of bytes; 0 for an empty text.

    Raises:
        DataError: it is none.
    """
    plain = text.replace(" ", "").upper().removesuffix("IB").strip()
    if not plain:
        return 0
    digits = plain.rstrip("KMGTB")
    unit = plain[len(digits) :]
    try:
        return int(float(digits) * _UNITS[unit if unit in _UNITS else f"{unit}B"])
    except (ValueError, KeyError):
        raise DataError(f"{SIZE_VARIABLE}={text!r} is no size; wanted is 50GB, 200MB or a number of bytes") from None


def _can_be_written(root: Path) -> bool:
    above = root if root.exists() else root.parent
    return os.access(above, os.W_OK | os.X_OK)


def _is_the_one(lock: int, entry: Path) -> bool:
    """Whether a lock is on the file that has its name now: somebody may have removed the folder and made it again."""
    try:
        named = os.stat(entry / _LOCK)
    except FileNotFoundError:
        return False
    held = os.fstat(lock)
    return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)


def _ready(entry: Path) -> dict[str, Any] | None:
    try:
        body = json.loads((entry / _READY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def _is_whole(entry: Path, listing: Listing) -> bool:
    """Whether all files are there, as large as they were listed: a machine that lost its power may have empty ones."""
    if _ready(entry) is None:
        return False
    try:
        return all((entry / _DATA / file.name).stat().st_size == file.size for file in listing.files)
    except OSError:
        return False


def _path_in(entry: Path, listing: Listing) -> Path:
    return entry / _DATA / listing.files[0].name if listing.kind == "file" else entry / _DATA


def _used(entry: Path) -> float:
    try:
        return (entry / _READY).stat().st_mtime
    except OSError:
        return 0.0


def _clear(entry: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(entry / _READY)
    for name in (_DATA, _PART):
        shutil.rmtree(entry / name, ignore_errors=True)
