"""What lies at the places of a file → items, imported labels and gold labels of the project."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from automl_core.annotation.items import BadItem, content_of, item_id
from automl_core.annotation.project import Label, Source
from automl_core.annotation.rounds.reach import Reach
from automl_core.data.access import DataError

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project
    from automl_core.journal import Person
    from automl_core.spec.datasets import DataSet

NAMED = 3
"""Rows with a fault that are told one by one."""

CHUNK = 5_000
"""Rows that become items at once."""

GOLD: Final = "gold"


@dataclass
class Collected:
    """What came of a look at the data.

    Attributes:
        rows: that were read.
        new, known, retired: items, see `Project.add_items`.
        labels, changed: imported ones that are new, and that are others than before.
        gold: items whose answer is known.
        faults: rows that are no item, or whose label is no class: how many.
        notes: for people.
    """

    rows: int = 0
    new: int = 0
    known: int = 0
    retired: int = 0
    labels: int = 0
    changed: int = 0
    gold: int = 0
    faults: int = 0
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return dict(vars(self))


def collect(project: Project, file: AnnotationFile, reach: Reach, by: Person) -> Collected:
    """Read the places of a file, and take in what is new: rows, files, labels.

    A row that can't be an item is left out and told, never the others. Doing it again adds nothing; what a killed
    process had added is known to the next one.

    Args:
        project: it.
        file: of it.
        reach: opens the data.
        by: whose act.

    Raises:
        DataError: a place holds nothing, can't be read, or lacks a column that the file names.
        StorageError: a place, or the project's own store, is away.
    """
    done = Collected()
    said: dict[tuple[str, str], Label] = {}
    for data_set in file.data_sets:
        rows_there = _rows(data_set, file, reach)
        if file.items.key is not None:
            rows_there = _current(rows_there, _last(_rows(data_set, file, reach), file.items.key), file, done)
        for rows in _chunks(rows_there):
            for each in _take_in(project, file, data_set.place, rows, by, done):
                said[each.item, each.author] = each  # of several rows the last one's: said once, whatever was before
    if said:
        labels = list(said.values())
        found = project.label(labels, by)
        done.labels, done.changed = done.labels + found.new, done.changed + found.changed
        for place, why in found.refused:
            _fault(done, f"a label of {labels[place].author}: {why}")
    told = done.faults - NAMED
    if told > 0:
        done.notes.append(f"{told:,} more rows with such a fault")
    return done


def _rows(data_set: DataSet, file: AnnotationFile, reach: Reach) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of a place; files a piece at a time."""
    from automl_core.data.listing import list_place
    from automl_core.data.parts import read_parts
    from automl_core.spec.datasets import place_of

    place = place_of(data_set, reach.dates, str(reach.folder or reach.home))
    number = 0
    if place.is_table:
        from automl_core.data.odps_tables import read_odps

        table = read_odps(place, reach.access, None, data_set.connection)
        _check_columns(file, table.column_names, place.text)
        pieces: Iterable[tuple[str, Any]] = [("", table)]
    else:
        listing = list_place(place, reach.home, reach.access, data_set.connection)
        pieces = (
            (each.name, part.table)
            for each, part in read_parts(place, listing, reach.home, format=data_set.format, say=reach.say)
        )
    before = ""
    for name, table in pieces:
        _check_columns(file, table.column_names, f"{place.text} {name}".strip())
        number = number if name == before else 0
        before = name
        for batch in table.to_batches(CHUNK):
            for row in batch.to_pylist():
                number += 1
                yield f"{name or place.text} row {number}", row


def _check_columns(file: AnnotationFile, there: Sequence[str], where: str) -> None:
    items = file.items
    named = [*(items.columns or ()), *(items.show or ()), *items.apart]
    missing = next((each for each in named if each not in there), None)
    if missing is not None:
        near = get_close_matches(missing, there, 1)
        meant = f"; the nearest is {near[0]!r}" if near else ""
        raise DataError(f"{where} has no column {missing!r} (it has {', '.join(there)}){meant}")


def _chunks(rows: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    held: list[tuple[str, dict[str, Any]]] = []
    for each in rows:
        held.append(each)
        if len(held) == CHUNK:
            yield held
            held = []
    if held:
        yield held


def _last(rows: Iterator[tuple[str, dict[str, Any]]], column: str) -> dict[str, int]:
    """Key → place of its last row, of those keys that several rows have."""
    found: dict[str, int] = {}
    several: set[str] = set()
    for place, (_, row) in enumerate(rows):
        if key := _text(_plain(row.get(column))):
            several.update((key,) if key in found else ())
            found[key] = place
    return {key: found[key] for key in several}


def _current(
    rows: Iterator[tuple[str, dict[str, Any]]], last: Mapping[str, int], file: AnnotationFile, done: Collected
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows, without those whose key a later row has for something else.

    Rows are taken in a piece at a time: each look would take the earlier one for an edit, and set the later one aside
    with its task, only to bring it back with the next piece.
    """
    held: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for place, (where, row) in enumerate(rows):
        key = _text(_plain(row.get(str(file.items.key))))
        if place < last.get(key, 0):
            held.setdefault(key, []).append((where, row))
            continue
        for earlier, before in held.pop(key, ()):
            if _content(file, before) == _content(file, row):
                yield earlier, before
                continue
            done.rows += 1
            _fault(done, f"{earlier}: key {key!r:.80} stands for something else in {where}, which counts")
        yield where, row
    for rest in held.values():  # the files have changed meanwhile
        yield from rest


def _content(file: AnnotationFile, row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row that make an item."""
    columns = file.items.columns or [name for name in row if name not in file.items.apart]
    return {name: _plain(row.get(name)) for name in columns}


def _take_in(
    project: Project, file: AnnotationFile, source: str, rows: Sequence[tuple[str, Mapping[str, Any]]], by: Person,
    done: Collected,
) -> list[Label]:  # fmt: skip
    """Take in items. Returns the labels that came with them."""
    items = file.items
    contents: list[dict[str, Any]] = []
    beside: list[dict[str, Any]] = []
    keys: list[str] = []
    labels: list[Label] = []
    for where, row in rows:
        done.rows += 1
        plain = {name: _plain(value) for name, value in row.items()}
        try:
            content = content_of(_content(file, row))
        except BadItem as error:
            _fault(done, f"{where}: {error}")
            continue
        contents.append(content)
        beside.append({name: plain.get(name) for name in items.show or () if name not in content})
        if items.key is not None:
            keys.append(_text(plain.get(items.key)))
        labels += _labels(file, source, where, item_id(content), plain, done)
    added = project.add_items(
        contents, by, source=source, keys=keys if items.key is not None else None,
        beside=beside if any(beside) else None,
    )  # fmt: skip
    for _, why in added.refused:
        _fault(done, f"{source}: {why}")
    done.new, done.known, done.retired = done.new + added.new, done.known + added.known, done.retired + added.retired
    return labels


def _labels(
    file: AnnotationFile, source: str, where: str, item: str, row: Mapping[str, Any], done: Collected
) -> Iterator[Label]:
    for column, kind in ((file.items.label, ""), (file.items.gold, GOLD)):
        if column is None:
            continue
        given = _text(row.get(column))
        if not given:
            continue
        if given not in file.labels.classes:
            near = get_close_matches(given, file.labels.classes, 1)
            meant = f"; did it mean {near[0]!r}?" if near else ""
            _fault(done, f"{where}, {column}: {given!r} is no class (allowed: {', '.join(file.labels.classes)}){meant}")
            continue
        done.gold += kind == GOLD
        author = f"{source} ({column})"
        yield Label(item=item, label=given, author=author, source=Source.IMPORTED, kind=kind, where="data", time=None)


def _fault(done: Collected, words: str) -> None:
    done.faults += 1
    if done.faults <= NAMED:
        done.notes.append(words)


def _plain(value: Any) -> Any:
    """A value of a table as JSON has it."""
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() if not isinstance(value, bool) else str(value).lower()
