"""A version that this product has not written, scored by the program of its model's file: the one that evaluates it.

The program is asked once for an interval, about all of its rows, by the protocol of evaluations
(`automl_core.models.evaluation.asking`); what is kept of the rows stands beside its predictions as it does beside ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.data.access import Access, DataError
from automl_core.data.listing import list_place
from automl_core.models.batch.order import Order
from automl_core.models.batch.places import taken
from automl_core.models.batch.writing import CantWrite
from automl_core.spec.places import format_of, parse_place

if TYPE_CHECKING:
    from automl_core.models.evaluation.options import Program
    from automl_core.models.evaluation.rows import Rows

NAME = "the program that scores it (evaluate.program)"

SCORES, PROBABILITY = "score_", "probability_"
"""Columns of a class's probability: as programs leave them, and as batch scoring writes them."""

PIECE = 50_000
"""Rows that are written at a time."""


def told(program: Program, target: str | None, key: str | None) -> dict[str, Any]:
    """What an order says of a program, as plain JSON.

    Args:
        program: of the model's file.
        target: column that it is not given, where the rows have it.
        key: column that may stand in its predictions as ``id``.
    """
    return {"program": asdict(program), "target": target, "key": key}


def predicted(order: Order, access: Access, folder: Path) -> tuple[Rows, Rows]:
    """An interval's rows, and what the program says of them: ``prediction``, with ``proba`` a column for each class.

    Args:
        order: with a program.
        access: opens buckets and tables.
        folder: of the version.

    Returns:
        (n) rows, and (n) predictions in their order. Of no rows the program is not asked: there are no probabilities.

    Raises:
        CantScore: others have ended it; worth another try.
        CantWrite: it failed, or what it left can't be written.
        DataError: the rows can't be read.
        StorageError: a store is away.
    """
    from automl_core.models.batch.scoring import CantScore
    from automl_core.models.evaluation.asking import Ended, predictions_of
    from automl_core.models.evaluation.options import NotEvaluated
    from automl_core.models.evaluation.rows import Rows

    asked = order.program
    assert asked is not None
    try:
        rows = Rows.of(_whole(order, access))
        if rows.n == 0:
            return rows, Rows(0, {"prediction": []})
        found = predictions_of(
            _program(asked["program"]), folder, rows, NAME, target=asked["target"], key=asked["key"], say=print
        )  # fmt: skip
    except Ended as error:
        raise CantScore("later", str(error)) from error
    except NotEvaluated as error:
        raise CantWrite(str(error)) from error
    return rows, Rows(found.n, _written(found, proba=order.proba))


def pieces_of(found: Rows) -> Iterator[tuple[int, dict[str, Any]]]:
    """Predictions some rows at a time: how many, and their columns; once, of none, where there are none."""
    for begin in range(0, max(found.n, 1), PIECE):
        yield part_of(found, begin, min(found.n, begin + PIECE))


def part_of(found: Rows, begin: int, end: int) -> tuple[int, dict[str, Any]]:
    """Some of the predictions: how many, and their columns."""
    import numpy as np

    return end - begin, found.take(np.arange(begin, end)).columns


def _written(found: Rows, *, proba: bool) -> dict[str, Any]:
    """The columns that are written, of those that the program left."""
    columns = {"prediction": found.columns["prediction"]}
    if not proba:
        return columns
    scores = [name for name in found.columns if name.startswith(SCORES) and name != SCORES]
    if not scores:
        raise CantWrite(f"deploy.proba: {NAME} left no column score_CLASS; there are: {', '.join(found.columns)}")
    from automl_core.modelfile.scoring.sources import UnreadableValue

    for name in scores:
        try:
            numbers = found.column(name).numbers()
        except UnreadableValue as error:
            raise CantWrite(f"{NAME}: {name} has {error.value!r} in row {error.row}, which is no number") from None
        columns[PROBABILITY + name.removeprefix(SCORES)] = numbers
    return columns


def _program(body: Mapping[str, Any]) -> Program:
    from automl_core.models.evaluation.options import Program

    command = body["command"]
    return Program(**{**body, "command": command if isinstance(command, str) else tuple(command)})


def _whole(order: Order, access: Access) -> Any:
    """All rows, with the types that an evaluation would give them: the program reads what it has read then."""
    where = parse_place(order.data.text)
    if where.is_table:
        from automl_core.data.odps_tables import read_odps

        return read_odps(where, access, None, order.data.connection)
    from automl_core.data.combining import combined, with_folders
    from automl_core.data.reading import read_file

    listing, parts = list_place(where, Path(order.home), access, order.data.connection), []
    for file in listing.files:
        with taken(listing, file, order.data.format) as rows:  # type: ignore[arg-type]
            kind, compression = format_of(rows.path.name)
            assert kind is not None  # `taken` gives it a name that says it
            try:
                part = read_file(str(rows.path), kind, compression, None, {})
            except DataError as error:
                raise DataError(str(error).replace(str(rows.path), rows.name)) from error
        if part is not None:
            parts.append(with_folders(part, file.name, None))
    if not parts:
        raise DataError(f"{order.data.text}: there is nothing in it, not even names of columns")
    return combined(parts, None, {})
