"""Data set versions: the labels of a round as a table, written once, and the newest one under a name that stays.

A version lies in ``sets/NUMBER-DIGEST/``: ``train.csv`` to learn from, and ``stratum.csv``, which nothing ever learns
from. ``newest/`` repeats the last one: experiments name it as their data, and the fingerprint that their run records
is that of the version.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.annotation.items import Packed, pack
from automl_core.annotation.project import DataSetVersion, Source
from automl_core.annotation.project.layout import NEWEST, SETS
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.mapping import OF_SETS
from automl_core.annotation.rounds.shape import Shape
from automl_core.storage.base import NotFound, ObjectStore

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project, ProjectState
    from automl_core.journal import Person

TRAIN, STRATUM = "train.csv", "stratum.csv"
LABEL, WEIGHT, ITEM, SOURCE = "label", "weight", "item", "source"
"""Columns of a data set version beside those of the items."""


class NoSet(ValueError):
    """A data set version can't be made. The message says what is to be mended."""


class TooFewLabels(NoSet):
    """There is nothing to train on yet: labels of two classes are missing. Another round may bring them."""


@dataclass(frozen=True)
class Row:
    """One item of a data set version."""

    number: int
    label: str
    weight: float
    source: Source


def rows_of(state: ProjectState, answers: Answers) -> list[Row]:
    """What is learned from, by number.

    Labels of people and imported ones count by how sure several answers are of them, 1 where one has answered. Labels
    of models are there where nobody has looked; all of them together weigh no more than all others, since a model that
    learns mostly from what it said before learns its own mistakes.
    """
    known = answers.trainable(state)
    by_models = {
        number: taken.label
        for number, taken in state.taken.items()
        if number not in answers.known and number not in answers.skipped and not answers.stratum[number]
        and number not in state.retired and number not in answers.gold
    }  # fmt: skip
    whole = sum(each.sure for each in known.values())
    share = min(1.0, whole / len(by_models)) if by_models else 1.0
    rows = [Row(number, each.label, each.sure, each.source) for number, each in known.items()]
    rows += [Row(number, label, round(share, 4), Source.MODELS) for number, label in by_models.items()]
    return sorted(rows, key=lambda row: row.number)


def write_set(project: Project, file: AnnotationFile, number: int, by: Person) -> DataSetVersion:
    """Write what a round's models learn from, unless it is there already.

    Args:
        project: it.
        file: of it.
        number: of the round.
        by: whose act.

    Returns:
        The version; the newest one where nothing has changed since. Of a round that another one came after it is what
        it learned from, and `newest/` stays: labels of today would make another round of it.

    Raises:
        TooFewLabels: no label, or labels of one class alone; or that round, which is over, had none.
        NoSet: items have a column that a data set version needs itself.
        StorageError: the store is away.
    """
    project.refresh()
    state = project.state
    if number < len(state.rounds):
        return _of_round(state, number)
    answers = Answers.of(project, file)
    shape = Shape.of(project, file)
    taken = sorted(OF_SETS.intersection(shape.columns))
    if taken:
        own = ", ".join(sorted(OF_SETS))
        raise NoSet(
            f"items have the column {taken[0]!r}, which a data set version has for itself ({own}): give it another name"
            " in the data, or leave it out of items.columns"
        )
    rows = rows_of(state, answers)
    if len({row.label for row in rows}) < 2:
        found = ", ".join(sorted({row.label for row in rows})) or "none"
        held = sum(1 for each in answers.known if answers.stratum[each])
        raise TooFewLabels(
            f"labels of two classes are needed to train, and of those that may be learned from there are {len(rows)} "
            f"(classes: {found}); {held} more are of the random stratum, which is held out"
        )
    train, stratum = _train(project, shape, rows), _stratum(project, shape, answers)
    digest = hashlib.sha256(train + b"\0" + stratum).hexdigest()[:12]
    newest = state.newest_set
    if newest is not None and newest.prefix.endswith(f"-{digest}/"):
        _publish(project, train, stratum)  # whoever recorded it may have died before it was the newest
        return newest
    count = len(state.sets) + 1
    prefix = f"{project.prefix}{SETS}{count}-{digest}/"
    for name, data in ((TRAIN, train), (STRATUM, stratum)):
        _once(project.store, prefix + name, data)
    _publish(project, train, stratum)
    by_source = {str(each): sum(row.source is each for row in rows) for each in Source}
    version = DataSetVersion(
        count, prefix, fingerprint_of(project.store, f"{project.prefix}{NEWEST}{TRAIN}", train), len(rows),
        pack(row.number for row in rows), {name: many for name, many in by_source.items() if many},
        decided_of(state, rows),
    )  # fmt: skip
    project.wrote_set(number, version, by)
    return project.state.sets[count]


def _of_round(state: ProjectState, number: int) -> DataSetVersion:
    """What a round that is over has learned from."""
    found = [each for each in state.sets.values() if each.round <= number]
    if not found:
        raise TooFewLabels(f"round {number} had no data set, and round {len(state.rounds)} has begun since")
    return found[-1]


def decided_of(state: ProjectState, rows: Iterable[Row]) -> dict[str, Packed]:
    """Label → items whose answers differ (`DataSetVersion.decided`)."""
    found: dict[str, list[int]] = {}
    for row in rows:
        if row.source is Source.MODELS:
            continue
        said = {vote.label for vote in state.answers(row.number) if vote.source is row.source and not vote.skipped}
        if len(said) > 1:
            found.setdefault(row.label, []).append(row.number)
    return {label: pack(numbers) for label, numbers in sorted(found.items())}


def digests(state: ProjectState) -> dict[str, int]:
    """Fingerprint of a data set version → its number; of equal ones the newest."""
    return {each.fingerprint: each.number for each in state.sets.values()}


def fingerprint_of(store: ObjectStore, key: str, data: bytes) -> str:
    """The digest that `automl_core.data` records for an object, when an experiment reads it.

    Args:
        store: where it lies.
        key: of it.
        data: its bytes.
    """
    from automl_core.data.fingerprint import of_listing
    from automl_core.data.listing import DataFile, Listing, list_place
    from automl_core.spec.places import parse_place

    if store.url.startswith("file://"):
        place = parse_place(f"{store.url.rstrip('/')}/{key}")
        from automl_core.data.access import FromEnvironment

        return of_listing(place, list_place(place, Path.cwd(), FromEnvironment()), details=False).digest
    folder, _, name = key.rpartition("/")
    entry = next(each for each in store.entries(key, limit=1) if each.key == key)
    listed = DataFile(name, entry.size, int(entry.modified * 1e9), entry.etag)
    place = parse_place(f"s3://bucket/{key}")  # its text is no part of the digest
    return of_listing(place, Listing("file", folder, (listed,), store, True), details=False).digest


def _publish(project: Project, train: bytes, stratum: bytes) -> None:
    """Make a version the newest. What is there already stays: some stores call the same bytes otherwise each time."""
    for name, data in ((STRATUM, stratum), (TRAIN, train)):
        key = f"{project.prefix}{NEWEST}{name}"
        try:
            there: bytes | None = project.store.get(key)
        except NotFound:
            there = None
        if there != data:
            project.store.put(key, data)


def _once(store: ObjectStore, key: str, data: bytes) -> None:
    if not store.list(key, limit=1):
        store.create(key, data)


def _train(project: Project, shape: Shape, rows: Sequence[Row]) -> bytes:
    ids = project.catalog.ids_of(row.number for row in rows)
    lines = [
        {**content, LABEL: row.label, WEIGHT: f"{row.weight:g}", ITEM: id, SOURCE: str(row.source)}
        for row, id, content in zip(rows, ids, project.catalog.contents(ids), strict=True)
    ]
    return _csv([*shape.columns, LABEL, WEIGHT, ITEM, SOURCE], lines)


def _stratum(project: Project, shape: Shape, answers: Answers) -> bytes:
    """Items of the random stratum that people have answered; without a label where they could not tell."""
    numbers = answers.sample.numbers
    ids = project.catalog.ids_of(numbers)
    lines = [
        {**content, LABEL: answers.sample.labels.get(number, ""), ITEM: id}
        for number, id, content in zip(numbers, ids, project.catalog.contents(ids), strict=True)
    ]
    return _csv([*shape.columns, LABEL, ITEM], lines)


def _csv(columns: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(columns), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in line.items()} for line in lines)
    return file.getvalue().encode("utf-8", "surrogatepass")


def _cell(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value
