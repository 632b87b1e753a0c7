"""The two ends of batch scoring: files that are read, one after the other, and the one that is written whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from automl_core.data.access import Access, DataError, absolute
from automl_core.data.listing import DataFile, Listing
from automl_core.models.batch.intervals import Interval
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.datasets import DataSet, filled, place_of
from automl_core.spec.dates import missing
from automl_core.spec.placeholders import placeholders
from automl_core.spec.places import BadPlace, DataPlace, Format, format_of, parse_place

_READ = "csv, parquet and jsonl; csv and jsonl also as .gz"
_ENDINGS: dict[Format, str] = {"csv": ".csv", "parquet": ".parquet", "jsonl": ".jsonl"}


def place_in(text: str, interval: Interval, bundle: str = "") -> DataPlace:
    """A place of the file with the dates of an interval.

    Args:
        text: as the file has it.
        interval: whose dates.
        bundle: folder of the DAG bundle.

    Raises:
        BadPlace: it names a date that the interval hasn't, or is none.
    """
    return place_of(DataSet(place=text), interval.dates, bundle)


def text_in(text: str, interval: Interval, bundle: str = "") -> str:
    """The same as text, for a place that is written.

    Raises:
        BadPlace: it names a date that the interval hasn't.
    """
    values = {**interval.dates, BUNDLE_DIR: bundle or "."}
    lacking = next((name for name, _ in placeholders(text) if name not in values), None)
    if lacking is not None:
        raise BadPlace(missing(lacking))
    return filled(text, values)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file of rows on this machine.

    Attributes:
        path: with an ending that says its format.
        name: as the place has it, for messages.
    """

    path: Path
    name: str


@contextmanager
def taken(listing: Listing, file: DataFile, format: Format | None = None) -> Iterator[Taken]:
    """One file of a listing on this machine; one of a bucket is fetched for as long as it is read.

    Args:
        listing: of the place.
        file: one of its files.
        format: where the file's name doesn't say it.

    Raises:
        DataError: it is of a format that isn't read here.
        StorageError: it can't be fetched.
    """
    key = listing.key(file)
    stated, packed = format_of(file.name)
    kind = format or stated
    if kind not in _ENDINGS or packed not in (None, "gz") or (kind == "parquet" and packed is not None):
        raise DataError(f"{key}: its name doesn't say a format that is scored here; allowed: {_READ}")
    ending = _ENDINGS[kind] + (".gz" if packed == "gz" else "")
    with tempfile.TemporaryDirectory(prefix="automl-rows-") as folder:
        path = Path(folder) / f"rows{ending}"
        if listing.store is not None:
            listing.store.download_file(key, path)
        else:
            path.symlink_to(Path(key).absolute())
        yield Taken(path, key)


def publish(source: Path, out: str, home: Path, access: Access, connection: str | None = None) -> str:
    """Put a file at its place in one step: a reader finds the old bytes or the new ones.

    Args:
        source: the file, whole.
        out: place of the file, dates filled in (see `writing.file_name`).
        home: AUTOML_HOME.
        access: opens a bucket.
        connection: with its keys.

    Returns:
        SHA-256 of its bytes.

    Raises:
        StorageError: it can't be written there.
    """
    digest = digest_of(source)
    place = parse_place(out)
    if place.in_bucket:
        access.store(f"{place.scheme}://{place.root}", connection).upload_file(source, place.path)
        return digest
    target = absolute(place, home)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.{digest[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(source, unfinished)
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"out: {out} can't be written: {error.strerror or error}") from None
    return digest


def digest_at(out: str, home: Path, access: Access, connection: str | None = None) -> str | None:
    """SHA-256 of what lies at a place of predictions; None where there is nothing.

    Raises:
        StorageError: the place can't be asked now.
    """
    from automl_core.storage import NotFound

    place = parse_place(out)
    if not place.in_bucket:
        path = absolute(place, home)
        return digest_of(path) if path.is_file() else None
    with tempfile.TemporaryDirectory(prefix="automl-out-") as folder:
        path = Path(folder) / "out"
        try:
            access.store(f"{place.scheme}://{place.root}", connection).download_file(place.path, path)
        except NotFound:
            return None
        return digest_of(path)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
