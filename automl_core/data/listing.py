"""The files of a place: one, those of a folder, those that a pattern matches. A listing, no reading."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from automl_core.data.access import Access, DataError, absolute
from automl_core.spec.places import DataPlace, Format, format_of, regex_of
from automl_core.storage.files import walk_files

if TYPE_CHECKING:
    from automl_core.storage.base import ObjectStore

Kind: TypeAlias = Literal["file", "folder", "pattern"]


class NothingThere(DataError):
    """A place at which no file lies (yet)."""


MOST_FILES = 100_000
"""Files that one data set may have: each attempt lists them."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a data set.

    Attributes:
        name: its path below the place's folder, with '/'; of a single file its own name.
        size: bytes.
        modified: nanoseconds since 1970.
        etag: what a bucket calls its content; empty in a folder.
    """

    name: str
    size: int
    modified: int
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies at a place.

    Attributes:
        kind: whether the place names one file, all of a folder, or what matches a pattern.
        base: path or key to which the files' names are relative, without a '/' at its end.
        files: in the order of their names.
        store: of the bucket; None for a folder of this machine, and where nobody has to be asked.
        in_bucket: whether it is of a bucket.
    """

    kind: Kind
    base: str
    files: tuple[DataFile, ...]
    store: ObjectStore | None = None
    in_bucket: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def key(self, file: DataFile) -> str:
        """Path or key of one of its files."""
        return f"{self.base}/{file.name}" if self.base else file.name


def list_place(place: DataPlace, home: Path, access: Access, connection: str | None = None) -> Listing:
    """The files of a place.

    Files and folders whose names begin with ``.`` or ``_`` are left out of folders and patterns: they are marks and
    logs of whoever wrote the data (``_SUCCESS``, ``.part-0.crc``, ``_delta_log/``).

    Args:
        place: no table.
        home: AUTOML_HOME.
        access: opens a bucket.
        connection: with its keys.

    Raises:
        NothingThere: no file lies there.
        DataError: there is too much, or it can't be read.
        StorageError: the bucket can't be asked.
    """
    found = _in_bucket(place, access, connection) if place.in_bucket else _in_folder(place, home)
    if not found.files:
        what = {"file": "no file", "folder": "no file in the folder", "pattern": "no file that matches"}[found.kind]
        raise NothingThere(f"{place.text}: there is {what}{_where(place, home)}")
    if len(found.files) > MOST_FILES:
        raise DataError(f"{place.text}: more than {MOST_FILES:,} files; name a part of them, or pack them in archives")
    return found


def _where(place: DataPlace, home: Path) -> str:
    return "" if place.in_bucket else f" {absolute(place, home)} on this machine"


def _in_folder(place: DataPlace, home: Path) -> Listing:
    path = absolute(place, home)
    try:
        if place.is_pattern and not path.exists():
            base = str(absolute(DataPlace(place.text, "file", "", place.fixed or "."), home))
            base = base if not place.path.startswith("/") or place.fixed else "/"
            matches = _matcher(place)
            return Listing("pattern", base, _files(base, matches))
        if path.is_dir():
            return Listing("folder", str(path), _files(str(path), _shown))
        if path.is_file():
            return Listing("file", str(path.parent), (_file(str(path), path.name),))
    except OSError as error:
        raise DataError(f"{place.text}: {path} can't be read: {error.strerror or error}") from None
    return Listing("file", str(path.parent), ())


def _files(base: str, wanted: object) -> tuple[DataFile, ...]:
    assert callable(wanted)
    found = []
    for name in walk_files(Path(base)):
        if wanted(name):
            found.append(_file(f"{base}/{name}", name))
            if len(found) > MOST_FILES:
                break
    return tuple(found)


def _file(path: str, name: str) -> DataFile:
    state = os.stat(path)
    return DataFile(name, state.st_size, state.st_mtime_ns)


def _in_bucket(place: DataPlace, access: Access, connection: str | None) -> Listing:
    store = access.store(f"{place.scheme}://{place.root}", connection)
    path = place.path.rstrip("/")
    if place.is_pattern:
        wanted, base = _matcher(place), place.fixed
        start = re.split(r"[*?\[]", place.path, maxsplit=1)[0]
        return Listing("pattern", base, _objects(store, start, base, wanted), store, True)
    if not place.path.endswith("/"):
        # the key itself sorts before all others that begin with it
        first = store.entries(path, limit=1)
        if first and first[0].key == path:
            folder, _, name = path.rpartition("/")
            entry = first[0]
            only = DataFile(name, entry.size, int(entry.modified * 1e9), entry.etag)
            return Listing("file", folder, (only,), store, True)
    files = _objects(store, f"{path}/", path, _shown)
    return Listing("folder" if files or place.path.endswith("/") else "file", path, files, store, True)


def _objects(store: ObjectStore, start: str, base: str, wanted: object) -> tuple[DataFile, ...]:
    assert callable(wanted)
    cut = len(base) + 1 if base else 0
    entries = store.entries(start, limit=MOST_FILES + 1)
    return tuple(
        DataFile(entry.key[cut:], entry.size, int(entry.modified * 1e9), entry.etag)
        for entry in entries
        if wanted(entry.key[cut:])
    )


def _shown(name: str) -> bool:
    """Whether a file is one of data, by its name below the folder."""
    return not any(part.startswith((".", "_")) for part in name.split("/"))


def _matcher(place: DataPlace) -> object:
    rest = place.path[len(place.fixed) :].lstrip("/")
    pattern = re.compile(regex_of(rest))
    hidden = any(part.startswith((".", "_")) for part in rest.split("/"))

    def wanted(name: str) -> bool:
        return pattern.fullmatch(name) is not None and (hidden or _shown(name))

    return wanted


def formats_in(listing: Listing) -> Format | None:
    """The format that all files state by their names; None where they state none, or several."""
    formats = {format_of(file.name)[0] for file in listing.files}
    return formats.pop() if len(formats) == 1 else None
