"""From places of data to rows to learn from and rows to judge by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.training import columns as column_types
from automl_core.training.columns import Columns
from automl_core.training.config import Config
from automl_core.training.problems import TrainingError, nearest, say
from automl_core.training.split import split

if TYPE_CHECKING:
    import pyarrow as pa

FEW = 20
"""Different whole numbers up to which they are taken for classes, where nobody says what they are."""

ROLES = ("target", "id", "group", "time", "weight")
"""Columns that are never features."""

TASKS = ("classification", "regression")


@dataclass(frozen=True)
class Part:
    """Rows of one role.

    Attributes:
        table: all their columns.
        truth: (n,) classification: position of the class, -1 where it was not learned; regression: the number.
        labels: (n,) the target as text, letter for letter; empty for regression.
        weights: (n,) above 0; all 1 without ``columns.weight``.
        ids: (n,) what ``columns.id`` says, or the row's number in its data set, from 0.
    """

    table: pa.Table
    truth: NDArray[Any]
    labels: list[str]
    weights: NDArray[np.float64]
    ids: list[Any]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Data:
    """What a program trains and judges with.

    Attributes:
        task: ``classification`` or ``regression``.
        target: the target's column.
        train: the rows to learn from.
        valid: the rows to judge by.
        classes: the classes, in the one order that everything keeps; empty for regression.
    """

    task: str
    target: str
    train: Part
    valid: Part
    classes: tuple[str, ...]

    def columns(self, config: Config) -> Columns:
        """The features: ``columns.features``, or all that have no other role; learned from the rows to learn from."""
        named = config.column_list("features")
        others = {config.column(role) for role in ROLES}
        if named is not None and (twice := [name for name in named if name in others]):
            raise TrainingError(f"columns.features names {twice[0]!r}, which has another role")
        names = named if named is not None else [name for name in self.train.table.column_names if name not in others]
        categorical = [name for name in config.column_list("categorical") or [] if name in names]
        return Columns.learn(self.train.table, names, categorical)


def load(config: Config, *, task: str = "auto", valid_fraction: float = 0.2, split_seed: int = 0) -> Data:
    """Read ``data.train`` and ``data.valid``, or divide ``data.train`` where there is no other.

    Rows without a target are left out, and so are those whose weight is 0: nothing is learned from them, no scale and
    no category either, and nothing is judged by them.

    Raises:
        TrainingError: the data or what is said of their columns don't do.
    """
    if task not in ("auto", *TASKS):
        raise TrainingError(f"task must be auto, {' or '.join(TASKS)}; it is {task!r}")
    target = config.column("target")
    if target is None:
        raise TrainingError(f"{config.source}: columns.target is missing: the column to predict")
    train_place, valid_place = config.need("train"), config.place("valid")
    table = read(train_place, text=target)
    if target not in table.column_names:
        raise TrainingError(f"{train_place}: there is no column {target!r}{nearest(target, table.column_names)}")
    known = task if task in TASKS else kind_of(table.column(target))
    train = _part(config, table, target, known, train_place)
    if valid_place is not None:
        other = read(valid_place, text=target)
        if target not in other.column_names:
            raise TrainingError(f"{valid_place}: there is no column {target!r}{nearest(target, other.column_names)}")
        parts = train, _part(config, other, target, known, valid_place)
    else:
        parts = _divided(config, train, known, valid_fraction, split_seed)
    if not len(parts[0]) or not len(parts[1]):
        raise TrainingError(f"{train_place}: no row is left to {'judge by' if len(parts[0]) else 'learn from'}")
    if known == "regression":
        return Data(known, target, *parts, ())
    classes = tuple(sorted(set(parts[0].labels)))
    if len(classes) < 2:
        raise TrainingError(f"{train_place}: column {target!r} has only one class, {classes[0]!r}: nothing to learn")
    return Data(known, target, _coded(parts[0], classes), _coded(parts[1], classes), classes)


def read(place: str, *, text: str | None = None) -> pa.Table:
    """Read a table.

    Args:
        place: a file, a folder or a pattern; see docs/data.md.
        text: a column that stays text, letter for letter, where the format itself has no types (CSV).

    Raises:
        TrainingError: it can't be read.
    """
    from automl_core.data import read_table
    from automl_core.data.access import DataError

    try:
        try:
            return read_table(place, types={text: "string"} if text else None)
        except DataError:  # of a column that is not there the caller says more
            if text is None or text in (table := read_table(place)).column_names:
                raise
            return table
    except DataError as error:
        raise TrainingError(str(error)) from None


def kind_of(values: pa.ChunkedArray) -> str:
    """What a target is, where nobody says: ``classification`` or ``regression``.

    Text is a class, unless all of it are numbers; so are numbers with leading zeros, booleans, and at most `FEW`
    different whole numbers. All else is regression.
    """
    import pyarrow as pa

    if pa.types.is_boolean(values.type):
        return "classification"
    if not column_types.is_text(values.type):
        if pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
            return "regression"
        return "classification" if len(values.unique()) <= FEW else "regression"
    seen = {text.strip() for text in values.unique().to_pylist() if text is not None} - {""}
    if not all(_is_number(text) for text in seen):
        return "classification"
    digits = [text.lstrip("+-") for text in seen]
    if any(len(text) > 1 and text.startswith("0") and text[1].isdigit() for text in digits):
        return "classification"
    return "classification" if len(seen) <= FEW and all(text.isdigit() for text in digits) else "regression"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _part(config: Config, table: pa.Table, target: str, task: str, place: str) -> Part:
    """The rows of a table that count, with everything that is known of each."""
    weights = _weights(config, table, place)
    ids = _ids(config, table)
    labels: list[str | None] = []
    truth: NDArray[Any] = np.zeros(table.num_rows)
    if task == "classification":
        labels = column_types.texts(table.column(target)).to_pylist()
        has = np.array([label is not None and label != "" for label in labels], dtype=bool)
    else:
        truth = _numbers(table.column(target), target)
        has = ~np.isnan(truth)
    if not has.all():
        say(f"{place}: {int((~has).sum())} of {len(has)} rows have no {target!r}: left out")
    weighed = weights > 0
    if not weighed[has].all():
        say(f"{place}: {int((~weighed & has).sum())} rows have weight 0: left out")
    kept = np.flatnonzero(has & weighed)
    return Part(
        table.take(kept), truth[kept], [str(labels[row]) for row in kept] if labels else [], weights[kept],
        [ids[row] for row in kept],
    )  # fmt: skip


def _numbers(values: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    import pyarrow.compute as pc

    if column_types.is_text(values.type):
        stripped = pc.utf8_trim_whitespace(column_types.texts(values))
        values = pc.if_else(pc.equal(stripped, ""), None, stripped)
    return column_types.numbers(values, name)


def _weights(config: Config, table: pa.Table, place: str) -> NDArray[np.float64]:
    name = config.column("weight")
    if name is None:
        return np.ones(table.num_rows)
    if name not in table.column_names:
        raise TrainingError(f"{place}: there is no column {name!r}{nearest(name, table.column_names)}")
    weights = column_types.numbers(table.column(name), name)
    wrong = np.flatnonzero(~(weights >= 0))
    if len(wrong):
        raise TrainingError(
            f"{place}: column {name!r} must have a weight of 0 or more in each row; row {wrong[0]} (from 0) has "
            f"{table.column(name)[int(wrong[0])].as_py()!r}"
        )
    return weights


def _ids(config: Config, table: pa.Table) -> list[Any]:
    name = config.column("id")
    if name is None or name not in table.column_names:
        return list(range(table.num_rows))
    return list(table.column(name).to_pylist())


def _divided(config: Config, whole: Part, task: str, fraction: float, seed: int) -> tuple[Part, Part]:
    def column(role: str, convert: Callable[[pa.ChunkedArray, str], NDArray[Any]]) -> NDArray[Any] | None:
        name = config.column(role)
        if name is None:
            return None
        if name not in whole.table.column_names:
            raise TrainingError(f"columns.{role}: there is no column {name!r}{nearest(name, whole.table.column_names)}")
        return convert(whole.table.column(name), name)

    rows = split(
        len(whole),
        fraction,
        seed,
        classes=np.array(whole.labels) if task == "classification" else None,
        groups=column("group", lambda values, _: np.array(column_types.texts(values).to_pylist(), dtype=str)),
        times=column("time", column_types.numbers),
    )
    return _taken(whole, rows[0]), _taken(whole, rows[1])


def _taken(part: Part, rows: NDArray[np.int64]) -> Part:
    labels = [part.labels[row] for row in rows] if part.labels else []
    return Part(part.table.take(rows), part.truth[rows], labels, part.weights[rows], [part.ids[row] for row in rows])


def _coded(part: Part, classes: tuple[str, ...]) -> Part:
    position = {name: index for index, name in enumerate(classes)}
    codes = np.array([position.get(label, -1) for label in part.labels], dtype=np.int64)
    if (codes < 0).any():
        unknown = sorted(set(part.labels) - set(classes))
        told = ", ".join(unknown[:5])
        say(f"{int((codes < 0).sum())} rows to judge by are of classes that none to learn from has: {told}")
    return Part(part.table, codes, part.labels, part.weights, part.ids)
