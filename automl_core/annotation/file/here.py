"""What of a project's items can be seen from this machine: how many rows there are, and which columns they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.data.access import FromEnvironment
from automl_core.data.details import rows_and_columns
from automl_core.data.listing import formats_in, list_place
from automl_core.data.rows import rows_of
from automl_core.spec.datasets import place_of
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.errors import Path as Where
from automl_core.spec.errors import Problem, did_you_mean
from automl_core.spec.placeholders import placeholders
from automl_core.spec.places import BadPlace, DataPlace, Format
from automl_core.storage.base import StorageError

MOST_NAMED = 40
"""Columns of data that a warning lists."""


@dataclass(frozen=True, slots=True)
class Here:
    """One place of items.

    Attributes:
        place: as the file has it.
        rows: None where they are not known on this machine.
        columns: those of its first file; None where they are not known.
        problem: why nothing can be read; empty where nothing is wrong, or it lies elsewhere.
    """

    place: str
    rows: int | None = None
    columns: tuple[str, ...] | None = None
    problem: str = ""


def items_here(file: AnnotationFile, home: Path, bundle: Path | None = None) -> list[Here]:
    """Each place of items as this machine sees it. Only its own folders are looked into, and each file is read once.

    Args:
        file: the project's.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from.
    """
    found = []
    for each in file.data_sets:
        if any(name in RUN_DATES for name, _ in placeholders(each.place)):
            found.append(Here(each.place))  # another place each day
            continue
        try:
            place = place_of(each, {}, str(bundle or home))
            if place.scheme == "file":
                found.append(_look(each.place, place, each.format, home))
            else:
                found.append(Here(each.place))
        except (BadPlace, StorageError) as error:
            found.append(Here(each.place, problem=str(error)))
    return found


def _look(text: str, place: DataPlace, stated: Format | None, home: Path) -> Here:
    access = FromEnvironment()
    listing = list_place(place, home, access)
    format = stated or formats_in(listing)
    if format is None:
        return Here(text, problem="the names of the files don't say what they are: CSV, Parquet or JSON lines")
    rows, columns = rows_and_columns(listing, format)
    if rows is None:
        rows = rows_of(place, home, access, format)
    names = tuple(name for name, _ in columns) if columns is not None else None
    if names is None and format == "jsonl" and listing.files:
        names = _first_line(listing.key(listing.files[0]))
    return Here(text, rows, names)


def _first_line(path: str) -> tuple[str, ...] | None:
    """The names in a file's first line; None where that is no object, or the file is compressed."""
    import json

    try:
        with open(path, encoding="utf-8-sig") as lines:
            body = json.loads(next(line for line in lines if line.strip()))
    except (OSError, ValueError, StopIteration):
        return None
    return tuple(map(str, body)) if isinstance(body, dict) else None


def column_warnings(file: AnnotationFile, found: list[Here]) -> Iterator[Problem]:
    """Columns that the file names and no place has; nothing where those of a place aren't known here.

    Args:
        file: the project's.
        found: its places.
    """
    if any(each.columns is None for each in found):
        return
    known = tuple(dict.fromkeys(name for each in found for name in each.columns or ()))
    for where, column in named_columns(file):
        if column not in known:
            yield Problem(
                f"the data have no column {column!r}", where, found=column, suggestion=did_you_mean(column, known),
                allowed=known if len(known) <= MOST_NAMED else (), severity="warning",
            )  # fmt: skip


def named_columns(file: AnnotationFile) -> Iterator[tuple[Where, str]]:
    """Every column that a file names, each with its field."""
    items = file.items
    for field in ("columns", "show"):
        for index, column in enumerate(getattr(items, field) or ()):
            yield ("items", field, index), column
    for field in ("address", "key", "label", "gold"):
        column = getattr(items, field)
        if column is not None:
            yield ("items", field), column
