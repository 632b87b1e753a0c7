"""What the models of a round say of the items, kept as an object: of items that they have not learned from."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.annotation.project.layout import round_prefix
from automl_core.annotation.rounds.mapping import NotUsable
from automl_core.annotation.rounds.models import Models, RoundModel
from automl_core.annotation.rounds.predictions import DIRECT, HELD_OUT, LEARNED, Predictions, keep
from automl_core.annotation.rounds.programs import run_program
from automl_core.annotation.rounds.reach import Reach
from automl_core.annotation.rounds.sets import TRAIN
from automl_core.annotation.rounds.shape import Shape
from automl_core.annotation.rounds.working import scored
from automl_core.storage.base import NotFound, ObjectStore

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import DataSetVersion, Project


@dataclass(frozen=True)
class Predicted:
    """What came of it.

    Attributes:
        key: of the object with the predictions; None where no model said anything (a cold start).
        models: names of those that did.
        items: that are predicted.
        held_out: labelled items whose prediction is by a fold that had not learned from them.
        notes: for people.
    """

    key: str | None
    models: tuple[str, ...] = ()
    items: int = 0
    held_out: int = 0
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "key": self.key, "models": list(self.models), "items": self.items, "held_out": self.held_out,
            "notes": list(self.notes),
        }  # fmt: skip

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Predicted:
        """What `to_json` gave."""
        return cls(body["key"], tuple(body["models"]), body["items"], body["held_out"], tuple(body["notes"]))


def predict(
    project: Project, file: AnnotationFile, number: int, models: Models, reach: Reach, folder: Path
) -> Predicted:
    """Ask the models about all items that are not retired.

    A model answers directly of items that it has not learned from. Of those in its data set version it counts what its
    experiment said fold by fold, where that was published; else what it says of them proves nothing (`LEARNED`).

    Args:
        project: it, as it was last read.
        file: of it.
        number: of the round.
        models: of it (`find_models`).
        reach: runs programs.
        folder: for files, on this machine.

    Raises:
        NotDone: scoring came to nothing.
        StorageError: the store is away.
    """
    notes = list(models.notes)
    table, used = predictions_of(project, file, _wanted(project), models.found, reach, folder, notes)
    if table is None or not used:
        return Predicted(None, notes=(*notes, "no model says anything yet"))
    key = keep(project.store, round_prefix(project.prefix, number), table)
    return Predicted(
        key, tuple(each.name for each in used), len(table), int((table.how == HELD_OUT).any(axis=0).sum()),
        tuple(notes),
    )  # fmt: skip


def _wanted(project: Project) -> list[int]:
    return [each for each in range(project.state.count) if each not in project.state.retired]


def predictions_of(
    project: Project, file: AnnotationFile, numbers: Sequence[int], models: Sequence[RoundModel], reach: Reach,
    folder: Path, notes: list[str],
) -> tuple[Predictions | None, list[RoundModel]]:  # fmt: skip
    """Predictions of some items by the models that can be used; why others can't is added to the notes."""
    if not models or not numbers:
        return None, []
    state, catalog = project.state, project.catalog
    ids = catalog.ids_of(numbers)
    contents = catalog.contents(ids)
    shape = Shape.of(project, file)
    folders = [each for each in models if each.folder is not None]
    rows = {each.set: _rows(project.store, state.sets[each.set]) for each in folders if each.set}
    by_folder = iter(
        scored(
            [_told(each, rows.get(each.set or 0), shape) for each in folders], contents, columns=shape.columns,
            classes=file.labels.classes, reach=reach, folder=folder,
        )
        if folders
        else ()
    )  # fmt: skip
    outputs, how, used = [], [], []
    for each in models:
        if each.folder is None:
            program = next(one for one in file.models if one.command is not None and one.title == each.labeller)
            try:
                given, said = run_program(program, file, ids, contents, reach, folder / "programs" / each.labeller)
            except NotUsable as error:
                notes.append(str(error))
                continue
            notes += said
            outputs.append(given.astype(np.float32))
            how.append(np.full(len(ids), DIRECT, dtype=np.int8))
            used.append(each)
            continue
        found = next(by_folder)
        notes += found["notes"]
        if "refused" in found:
            notes.append(found["refused"])
            continue
        table, came = _parted(each, found, ids, numbers, state.sets, notes)
        outputs.append(table)
        how.append(came)
        used.append(each)
    if not used:
        return None, []
    made = Predictions(
        np.asarray(numbers, dtype=np.int64), np.stack(outputs), np.stack(how), tuple(file.labels.classes),
        tuple(each.to_json() for each in used),
    )  # fmt: skip
    return made, used


def _told(model: RoundModel, rows: _Rows | None, shape: Shape) -> dict[str, Any]:
    told: dict[str, Any] = {"name": model.name, "folder": str(model.folder), "family": model.family}
    if rows is not None:
        told |= {
            "held_out": [str(each) for each in model.held_out], "rows": rows.labels,
            "texts": {name: rows.columns[name] for name in shape.columns if name in rows.columns},
        }  # fmt: skip
    return told


def _parted(
    model: RoundModel, found: Mapping[str, Any], ids: Sequence[str], numbers: Sequence[int],
    sets: Mapping[int, DataSetVersion], notes: list[str],
) -> tuple[Any, Any]:  # fmt: skip
    """What a model says, and how that came about; of items that it has learned from what its folds said counts."""
    table = np.array(found["outputs"], dtype=np.float32)
    learned = np.isin(np.asarray(numbers), sets[model.set].numbers) if model.set else np.zeros(len(ids), dtype=np.bool_)
    how = np.where(learned, LEARNED, DIRECT).astype(np.int8)
    held = found.get("held") or {}
    for row in np.flatnonzero(learned).tolist():
        if (line := held.get(ids[row])) is not None:
            table[row], how[row] = line, HELD_OUT
    if learned.any() and not held and found.get("not_held"):
        notes.append(
            f"{model.name}: {found['not_held']}, so what it says of labels that it learned from proves nothing"
        )
    return table, how


@dataclass(frozen=True)
class _Rows:
    """A data set version as its rows lie: (item, label) of each, and its columns."""

    labels: list[tuple[str, str]]
    columns: dict[str, list[Any]]


def _rows(store: ObjectStore, version: DataSetVersion) -> _Rows:
    try:
        text = store.get(version.prefix + TRAIN).decode("utf-8")
    except NotFound:
        return _Rows([], {})
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    columns = {name: [line[name] for line in lines] for name in (lines[0] if lines else ())}
    return _Rows([(line["item"], line["label"]) for line in lines], columns)
