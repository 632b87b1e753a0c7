"""Models' folders → probabilities of items, in the classes of the file. Runs in a process of its own (`working`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.rounds.mapping import NotUsable, check_classes, check_columns, onto

Floats = NDArray[np.float64]

PIECE = 5_000
"""Items that are scored at once."""


def score(
    name: str, folder: Path, contents: Sequence[Mapping[str, Any]], *, columns: Sequence[str], classes: Sequence[str],
    family: str | None = None,
) -> tuple[Floats, list[str]]:  # fmt: skip
    """Probabilities of items by one model.

    Args:
        name: of the model, for messages.
        folder: of it.
        contents: of the items.
        columns: that items have.
        classes: of the file.
        family: takes the members of one family alone.

    Returns:
        (n, classes), NaN of items that it can't read; and what people should know.

    Raises:
        NotUsable: its folder can't be opened, it is of other classes or other columns.
    """
    scorer = _scorer(name, folder, family)
    if not scorer.classes:
        raise NotUsable(f"{name} predicts numbers: labels are classes")
    unknown = check_classes(name, scorer.classes, classes)
    needed = tuple(scorer.schema.names)
    check_columns(name, [each.name for each in scorer.schema if not each.optional], columns)
    notes = [f"{name} does not know {', '.join(unknown)}: nobody had labelled such an item for it"] if unknown else []
    found, unread = [np.empty((0, len(scorer.classes)))], 0
    first = ""
    for piece in _pieces(contents):
        outputs, failed, why = _outputs(scorer, needed, piece)
        found.append(outputs)
        unread, first = unread + failed, first or why
    if unread:
        notes.append(f"{name} can't read {unread} items, which stay without its prediction; the first: {first}")
    return onto(scorer.classes, classes, np.concatenate(found)), notes


def _pieces(contents: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    for start in range(0, len(contents), PIECE):
        yield contents[start : start + PIECE]


def _outputs(scorer: Any, needed: Sequence[str], piece: Sequence[Mapping[str, Any]]) -> tuple[Floats, int, str]:
    """(n, classes of the model); where one item can't be read, the others are all the same."""
    from automl_core.modelfile.scoring.values import SchemaError

    def rows(some: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        return {column: [each.get(column) for each in some] for column in needed}

    try:
        return np.asarray(scorer.outputs(rows(piece)), dtype=np.float64), 0, ""
    except SchemaError as error:
        if len(piece) == 1:
            return np.full((1, len(scorer.classes)), np.nan), 1, str(error)
    # halves until the one that can't be read stands alone: a bad item costs some dozen more calls, not thousands
    middle = len(piece) // 2
    one, first, why = _outputs(scorer, needed, piece[:middle])
    other, second, also = _outputs(scorer, needed, piece[middle:])
    return np.concatenate([one, other]), first + second, why or also


def _scorer(name: str, folder: Path, family: str | None) -> Any:
    from automl_core.modelfile.estimators import NotTrusted
    from automl_core.modelfile.model import BrokenModel, load
    from automl_core.modelfile.scoring.documents import LaterFormat

    try:
        model = load(folder)
        return model.scorer if family is None else of_family(name, folder, family)
    except (BrokenModel, LaterFormat, NotTrusted, ImportError, OSError) as error:
        raise NotUsable(f"{name}: {error}") from None


def of_family(name: str, folder: Path, family: str) -> Any:
    """A scorer of those members of a model that are of one family, weighted as they are among themselves.

    Calibration is left out: it was fitted to all members together.

    Raises:
        NotUsable: there is none, or only their training library scores them.
    """
    from automl_core.modelfile.scoring.documents import load
    from automl_core.modelfile.scoring.scorer import Scorer

    document = load(folder)
    members = [each for each in document["members"] if _family(each) == family]
    if not members:
        raise NotUsable(f"{name}: its members of the family {family} are scored by their training library alone")
    whole = sum(float(each.get("weight", 1.0)) for each in members) or 1.0
    weighed = [{**each, "weight": float(each.get("weight", 1.0)) / whole} for each in members]
    return Scorer({**document, "members": weighed, "calibration": None, "threshold": None})


def _family(member: Mapping[str, Any]) -> str:
    """The family of a member; empty where it has several, or numpy can't score it."""
    model = member["model"]
    if model["type"] == "mean":
        inner = {_family(each) for each in model["members"]}
        return inner.pop() if len(inner) == 1 else ""
    return "" if model["type"] == "estimator" else str(model["type"])


def held_out(
    files: Sequence[Path], rows: Sequence[tuple[str, str]], classes: Sequence[str], columns: Mapping[str, Sequence[Any]]
) -> tuple[dict[str, NDArray[np.float64]], str]:
    """What a model said of rows that it had not learned from, by the files that its experiment left.

    A file names rows by their number in the table, and repeats their truth and their texts: only where all of these are
    what the data set version has in that place is a row believed to be that item.

    Args:
        files: of predictions.
        rows: (item, label) of the data set version, in the order of its rows.
        classes: of the file.
        columns: of the data set version, in the same order; those of texts are compared.

    Returns:
        Item → (classes,) probabilities; and why there are none, empty where there are some.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, NDArray[np.float64]] = {}
    why = "its experiment publishes no predictions of rows that it held out"
    for path in files:
        try:
            table = pq.read_table(path)
        except (pa.ArrowInvalid, OSError) as error:
            why = f"predictions that it held out can't be read: {error}"
            continue
        scores = [name.removeprefix("score_") for name in table.column_names if name.startswith("score_")]
        if not {"id", "truth"} <= set(table.column_names) or not scores or set(scores) - set(classes):
            why = "its predictions of rows held out have no scores of the file's classes"
            continue
        numbers, truth = table["id"].to_pylist(), table["truth"].to_pylist()
        shown = [name for name in columns if name in table.column_names and pa.types.is_string(table[name].type)]
        if not _same(numbers, truth, rows, {name: (table[name].to_pylist(), columns[name]) for name in shown}):
            why = "its predictions of rows held out are of other rows than the data set version's"
            continue
        outputs = np.column_stack([table[f"score_{name}"].to_numpy() for name in scores]).astype(np.float64)
        mapped = onto(scores, classes, outputs)
        for number, line in zip(numbers, mapped, strict=True):
            found.setdefault(rows[int(number)][0], line)
    return found, "" if found else why


def _same(
    numbers: Sequence[Any], truth: Sequence[Any], rows: Sequence[tuple[str, str]],
    texts: Mapping[str, tuple[Sequence[Any], Sequence[Any]]],
) -> bool:  # fmt: skip
    for place, (number, label) in enumerate(zip(numbers, truth, strict=True)):
        if not isinstance(number, int) or not 0 <= number < len(rows) or rows[number][1] != label:
            return False
        for theirs, ours in texts.values():
            if (theirs[place] or "") != ("" if ours[number] is None else str(ours[number])):
                return False
    return True
