"""The grammar of places of data: files, folders and patterns in folders and buckets, tables of MaxCompute.

Nothing here looks whether a place exists: `automl_core.data` does.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Scheme: TypeAlias = Literal["file", "s3", "oss", "odps"]
Format: TypeAlias = Literal["csv", "tsv", "parquet", "jsonl"]
Compression: TypeAlias = Literal["gz", "bz2", "xz", "zst"]

BUCKETS: tuple[Scheme, ...] = ("s3", "oss")

FORMATS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
}  # fmt: skip
"""Ending of a file's name, in small letters → its format."""

COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gz", ".gzip": "gz", ".bz2": "bz2", ".xz": "xz", ".zst": "zst", ".zstd": "zst"
}  # fmt: skip
"""Ending behind that of the format → how the file is compressed."""

_ALLOWED = (
    "allowed: a path (data/train.csv, data/, data/*.parquet), file://…, s3://bucket/key, oss://bucket/key, "
    "odps://project/table or odps://project/table/ds=20261101"
)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PARTITION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=[^/,'\"=]+")
_WILD = re.compile(r"[*?\[]")


class BadPlace(ValueError):
    """A text that is no place of data. The message says why, and what is allowed."""


@dataclass(frozen=True, slots=True)
class DataPlace:
    """Where data lie.

    Attributes:
        text: as it was written.
        scheme: how it is reached; a path without a scheme is a file's.
        root: of a bucket its name, of a table its project; empty for paths.
        path: the path or key, which may be a folder or have ``*``, ``?`` and ``[…]`` in it; of a table its name.
        partition: of a table, such as ``ds=20261101/region=eu``, with ``*`` and ``?`` for several (``ds=202611*``);
            empty for all of it.
    """

    text: str
    scheme: Scheme
    root: str
    path: str
    partition: str = ""

    @property
    def is_table(self) -> bool:
        """Whether it is a table of MaxCompute."""
        return self.scheme == "odps"

    @property
    def in_bucket(self) -> bool:
        """Whether it lies in a bucket."""
        return self.scheme in BUCKETS

    @property
    def is_pattern(self) -> bool:
        """Whether its path stands for all files that it matches."""
        return not self.is_table and _WILD.search(self.path) is not None

    @property
    def has_many(self) -> bool:
        """Whether its partition stands for all partitions that it matches."""
        return self.is_table and _WILD.search(self.partition) is not None

    @property
    def table(self) -> str:
        """``project.table``, as SQL names it."""
        return f"{self.root}.{self.path}"

    @property
    def fixed(self) -> str:
        """The folder in which all that a pattern matches lies, without a '/' at its end; empty for the top."""
        parts = self.path.split("/")
        first = next((index for index, part in enumerate(parts) if _WILD.search(part)), len(parts))
        return "/".join(parts[:first])


def parse_place(text: str) -> DataPlace:
    """Read the text of a place.

    Args:
        text: with everything in it that ``${…}`` stands for.

    Raises:
        BadPlace: it is none.
    """
    if not text.strip():
        raise BadPlace(f"no place is named; {_ALLOWED}")
    if "\0" in text or "\n" in text:
        raise BadPlace("a place is one line of text")
    scheme, separator, rest = text.partition("://")
    if not separator:
        return DataPlace(text, "file", "", text)
    if scheme == "file":
        if not rest:
            raise BadPlace(f"file:// names no file or folder; {_ALLOWED}")
        return DataPlace(text, "file", "", rest)
    if scheme in ("s3a", "s3n"):
        secret = "@" in rest and ("@" in rest.partition("/")[0] or ":" in rest.partition("/")[0])
        raise BadPlace(f"{scheme}:// is Hadoop's; write s3://{'bucket/key' if secret else rest}")
    if scheme not in ("s3", "oss", "odps"):
        raise BadPlace(f"{scheme}:// is not known; {_ALLOWED}")
    root, _, path = rest.partition("/")
    if "@" in root or (":" in root and "@" in path):  # not repeated: a secret, which may have '/' in it, as AWS' have
        raise BadPlace(f"{scheme}://… holds credentials; name an Airflow connection with `connection` instead")
    return _table(text, root, path) if scheme == "odps" else _objects(text, scheme, root, path)


def _objects(text: str, scheme: str, bucket: str, path: str) -> DataPlace:
    if not _BUCKET.fullmatch(bucket):
        raise BadPlace(f"{bucket!r} is not the name of a bucket; allowed: {scheme}://bucket/key")
    if not path.strip("/"):
        raise BadPlace(
            f"{text} is a whole bucket; name a file, a folder or a pattern in it ({scheme}://{bucket}/*.csv)"
        )
    if path.startswith("/") or "//" in path:
        raise BadPlace(f"{text} has '//' in its key, which nothing of this product writes; remove one '/'")
    return DataPlace(text, "s3" if scheme == "s3" else "oss", bucket, path)


def _table(text: str, project: str, path: str) -> DataPlace:
    table, _, partition = path.strip("/").partition("/")
    if table == "tables" and partition:  # as PAI writes it: odps://project/tables/name
        table, _, partition = partition.partition("/")
    for what, name in (("project", project), ("table", table)):
        if not _IDENTIFIER.fullmatch(name):
            raise BadPlace(
                f"{name!r} is not the name of a {what}; allowed: odps://project/table or "
                "odps://project/table/ds=20261101/region=eu"
            )
    parts = [part for part in re.split(r"[/,]", partition) if part]
    wrong = next((part for part in parts if not _PARTITION.fullmatch(part)), None)
    if wrong is not None:
        raise BadPlace(f"{wrong!r} is no partition; allowed: name=value, such as ds=20261101, several with '/' between")
    return DataPlace(text, "odps", project, table, "/".join(parts))


def format_of(name: str) -> tuple[Format | None, Compression | None]:
    """The format that a file's name states, and how the file is compressed; None for what is not known.

    Args:
        name: of the file, with or without its folders.
    """
    stem, compression = name.rpartition("/")[2].lower(), None
    for ending, kind in COMPRESSIONS.items():
        if stem.endswith(ending):
            stem, compression = stem.removesuffix(ending), kind
            break
    for ending, format_ in FORMATS.items():
        if stem.endswith(ending):
            return format_, compression
    return None, compression


def overlap(one: DataPlace, other: DataPlace) -> bool:
    """Whether two places are the same, or one lies in the other; of a pattern only what it matches by name.

    Args:
        one, other: places.
    """
    if (one.scheme, one.root.lower() if one.is_table else one.root) != (
        other.scheme, other.root.lower() if other.is_table else other.root,
    ):  # fmt: skip
        return False
    if one.is_table:
        return one.path.lower() == other.path.lower()
    paths = [posixpath.normpath(place.path) for place in (one, other)]
    if one.is_pattern or other.is_pattern:
        from fnmatch import fnmatchcase

        pattern, plain = paths if one.is_pattern else reversed(paths)
        return fnmatchcase(plain, pattern)
    return any(low == high or low.startswith(high.rstrip("/") + "/") for low, high in (paths, paths[::-1]))


def regex_of(pattern: str) -> str:
    """A pattern as a regular expression: ``*`` and ``?`` stay within a folder, ``**/`` is any number of folders."""
    result, index = "", 0
    while index < len(pattern):
        rest = pattern[index:]
        closing = pattern.find("]", index + 2)
        if rest.startswith("**/"):
            result, index = result + "(?:[^/]+/)*", index + 3
        elif rest.startswith("**"):
            result, index = result + ".*", index + 2
        elif rest[0] == "*":
            result, index = result + "[^/]*", index + 1
        elif rest[0] == "?":
            result, index = result + "[^/]", index + 1
        elif rest[0] == "[" and closing > 0:
            inside = pattern[index + 1 : closing].replace("\\", "\\\\")
            inside = f"^{inside[1:]}" if inside.startswith("!") else inside.replace("^", "\\^", 1)
            result, index = result + f"(?!/)[{inside}]", closing + 1
        else:
            result, index = result + re.escape(rest[0]), index + 1
    return result
