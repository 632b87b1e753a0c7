"""Fingerprints: what was really there when a run began, and whether it still is.

How the digest of a data set is made, by where it lies:

* **bucket**: of names, sizes and ETags; one listing. The same bytes uploaded again in parts of another size have
  another ETag.
* **folder of the machine**: of names and contents (SHA-256) up to 256 MiB in all; beyond that of names, sizes and times
  of the last change. A copy that keeps the contents is the same data.
* **table or partition**: of the last change of its data, its size and its columns, as MaxCompute states them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from automl_core.data.access import Access, DataError
from automl_core.data.listing import Listing, formats_in, list_place
from automl_core.spec.places import DataPlace, Format

READ_WHOLE = 256 << 20
"""Bytes of a local data set up to which its contents are read for the fingerprint."""

_CHUNK = 1 << 20
_TOLD = 3


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a data set was at some moment.

    Attributes:
        place: where it lies, dates filled in.
        kind: ``file``, ``folder``, ``pattern``, ``table`` or ``partition``.
        digest: the same as long as the data are; 32 hexadecimal digits.
        by: what the digest is made of: ``etag``, ``content``, ``mtime`` or ``table``.
        format: of its files, where that is known.
        files: how many; None for tables.
        bytes: of all files; of a table what MaxCompute states.
        modified: when the newest file, or the table, was changed; seconds since 1970.
        rows: None where counting them would be dear.
        columns: (name, type) in their order; None where that is not known.
        quick: digest of names, sizes and times, for data in folders: as long as it is the same, nothing is read.
    """

    place: str
    kind: str
    digest: str
    by: str
    format: str | None = None
    files: int | None = None
    bytes: int | None = None
    modified: float | None = None
    rows: int | None = None
    columns: tuple[tuple[str, str], ...] | None = None
    quick: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, without what is not known."""
        body = {name: value for name, value in asdict(self).items() if value not in (None, "")}
        return body | ({"columns": [list(each) for each in self.columns]} if self.columns is not None else {})


def take(
    place: DataPlace, home: Path, access: Access, connection: str | None = None, format: Format | None = None,
    *, details: bool = True,
) -> Fingerprint:  # fmt: skip
    """The fingerprint of a place as it is now.

    Args:
        place: of a data set.
        home: AUTOML_HOME.
        access: opens it.
        connection: with its keys.
        format: where the file states one.
        details: whether rows and columns are looked for, which costs a little more.

    Raises:
        DataError: there is nothing, or it can't be read.
        StorageError: where it lies can't be asked now.
    """
    if place.is_table:
        from automl_core.data.odps_tables import table_fingerprint

        return table_fingerprint(place, access, connection)
    listing = list_place(place, home, access, connection)
    return of_listing(place, listing, format, details=details)


def of_listing(
    place: DataPlace, listing: Listing, format: Format | None = None, *, details: bool = True
) -> Fingerprint:
    """The fingerprint of files that were listed (see `take`)."""
    stated = format or formats_in(listing)
    rows, columns = _details(listing, stated) if details else (None, None)
    by, digest = _digest(listing)
    newest = max(file.modified for file in listing.files) / 1e9
    return Fingerprint(
        place=place.text, kind=listing.kind, digest=digest, by=by, format=stated, files=len(listing.files),
        bytes=listing.size, modified=round(newest, 3), rows=rows, columns=columns,
        quick="" if listing.in_bucket else quick_digest(listing),
    )  # fmt: skip


def _digest(listing: Listing) -> tuple[str, str]:
    if listing.in_bucket:
        return "etag", digest_of([[file.name, file.size, file.etag or file.modified] for file in listing.files])
    if listing.size > READ_WHOLE:
        return "mtime", quick_digest(listing)
    return "content", digest_of([[file.name, file.size, content_of(listing.key(file))] for file in listing.files])


def quick_digest(listing: Listing) -> str:
    """Digest of names, sizes and times of the last change."""
    return digest_of([[file.name, file.size, file.modified] for file in listing.files])


def digest_of(value: Any) -> str:
    """32 hexadecimal digits of the SHA-256 of plain JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def content_of(path: str) -> str:
    """SHA-256 of a file's bytes.

    Raises:
        DataError: it can't be read.
    """
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    return digest.hexdigest()


def _details(listing: Listing, format: Format | None) -> tuple[int | None, tuple[tuple[str, str], ...] | None]:
    """Rows and columns, where they are cheap to have and pyarrow is installed."""
    if format is None:
        return None, None
    from automl_core.data.details import rows_and_columns

    return rows_and_columns(listing, format)


def same_as_recorded(recorded: Mapping[str, Any], listing: Listing) -> bool:
    """Whether files on this machine are still those of a fingerprint, by their sizes and times alone."""
    return not listing.in_bucket and bool(recorded.get("quick")) and recorded["quick"] == quick_digest(listing)


def difference(recorded: Mapping[str, Any], now: Fingerprint) -> str:
    """What has changed, for people; empty where nothing has.

    Args:
        recorded: a fingerprint as the journal has it.
        now: of the same data set.
    """
    if not recorded.get("digest") or recorded["digest"] == now.digest:
        return ""
    if recorded.get("by") != now.by:  # it was read in one way and in another: only what both have can be compared
        before = (recorded.get("files"), recorded.get("bytes"))
        if before == (now.files, now.bytes):
            return ""
    return f"it was {told(recorded)}, and is {told(now.to_json())}"


def told(fingerprint: Mapping[str, Any]) -> str:
    """A fingerprint in a few words: ``3 files, 1.2 MB, 20,000 rows, 12 columns, changed 2026-11-01 … (1a2b3c4d)``."""
    from datetime import UTC, datetime

    words = []
    if fingerprint.get("files") is not None:
        words.append(f"{fingerprint['files']:,} file{'' if fingerprint['files'] == 1 else 's'}")
    if fingerprint.get("kind") in ("table", "partition"):
        words.append(str(fingerprint["kind"]))
    if fingerprint.get("bytes") is not None:
        words.append(size_text(fingerprint["bytes"]))
    if fingerprint.get("rows") is not None:
        words.append(f"{fingerprint['rows']:,} rows")
    if fingerprint.get("columns") is not None:
        words.append(f"{len(fingerprint['columns']):,} column{'' if len(fingerprint['columns']) == 1 else 's'}")
    if fingerprint.get("modified"):
        moment = datetime.fromtimestamp(float(fingerprint["modified"]), UTC)
        words.append(f"changed {moment:%Y-%m-%d %H:%M} UTC")
    return f"{', '.join(words)} ({str(fingerprint.get('digest', ''))[:8]})"


def size_text(size: float) -> str:
    """Bytes for people: ``12 kB``, ``3.4 GB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
