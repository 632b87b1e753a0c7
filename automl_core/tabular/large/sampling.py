"""A sample of rows in one pass, and counts of all rows on the way.

Each row draws a number, and those with the smallest are the sample: every set of rows is as likely as any other,
however many rows come (Vitter 1985 has the faster way; reading is what costs here). Rows of rare classes are kept
beyond that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.texts import text_of
from automl_core.tabular.large.pieces import Pieces
from automl_core.training.problems import TrainingError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

RARE = 50
"""Rows of each class that a sample has, if there are as many."""

CLASSES = 200
"""Different values of a target up to which it may be one of classes."""


@dataclass
class Counts:
    """What was counted in all rows.

    Attributes:
        rows: in all.
        missing: column → rows without a value.
        classes: value of the target → rows; empty where it has too many.
    """

    rows: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """Rows that stand for all.

    Attributes:
        table: the rows, in the data's order.
        positions: (n,) which rows of all these are.
        counts: of all rows.
    """

    table: pa.Table
    positions: NDArray[np.int64]
    counts: Counts


def sample(source: Any, rows: int, seed: int, target: str) -> Sample:
    """Draw a sample.

    Args:
        source: the place of files, or `Pieces`.
        rows: how many, at most.
        seed: same seed, same files: same rows.
        target: the column to predict; rows without it are passed over.

    Raises:
        TrainingError: there is no such column, or no row with a target.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    pieces = source if isinstance(source, Pieces) else Pieces.of(source)
    names = pieces.names()
    if target not in names:
        raise TrainingError(f"target: the rows have no column {target!r}{nearest(target, names)}")
    random = np.random.default_rng(seed)
    counts = Counts(missing=dict.fromkeys(names, 0))
    held = _Held(rows)
    rare: dict[str, _Held] | None = {}
    for batch in pieces.read():
        start, counts.rows = counts.rows, counts.rows + batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            counts.missing[name] += column.null_count + _nans(column)
        keys = random.random(batch.num_rows)
        truth = batch.column(batch.schema.names.index(target))
        known = np.asarray(pc.invert(pc.is_null(truth, nan_is_null=True)))
        places = start + np.arange(batch.num_rows)
        held.add(batch, keys, places, known)
        if rare is not None:
            rare = _by_class(rare, counts.classes, batch, truth, keys, places, known)
    if rare is None:
        counts.classes = {}
    parts = [held.table()] + [each.table() for each in (rare or {}).values()]
    if not sum(len(positions) for _, positions in parts):
        raise TrainingError(f"target: the column {target!r} has no value in any of {counts.rows:,} rows")
    positions, first = np.unique(np.concatenate([each for _, each in parts]), return_index=True)
    table = pa.concat_tables([each for each, _ in parts]).take(first).combine_chunks()
    return Sample(table, positions.astype(np.int64), counts)


class _Held:
    """The rows with the smallest numbers so far."""

    def __init__(self, most: int) -> None:
        self.most, self.limit = most, 1.0
        self._parts: list[Any] = []
        self._keys: list[NDArray[np.float64]] = []
        self._places: list[NDArray[np.int64]] = []
        self._count = 0

    def add(self, batch: Any, keys: NDArray[np.float64], places: NDArray[np.int64], known: NDArray[np.bool_]) -> None:
        import pyarrow as pa

        taken = np.flatnonzero(known & (keys < self.limit))
        if not len(taken):
            if not self._parts:
                self._parts, self._keys, self._places = [pa.table(batch.slice(0, 0))], [keys[:0]], [places[:0]]
            return
        self._parts.append(pa.Table.from_batches([batch.take(pa.array(taken))]))
        self._keys.append(keys[taken])
        self._places.append(places[taken])
        self._count += len(taken)
        if self._count > 1.5 * self.most + 1000:
            self._prune()

    def _prune(self) -> None:
        import pyarrow as pa

        keys, places = np.concatenate(self._keys), np.concatenate(self._places)
        kept = np.argpartition(keys, min(self.most, len(keys)) - 1)[: self.most] if len(keys) > self.most else None
        if kept is None:
            return
        kept.sort()
        table = pa.concat_tables(self._parts).take(pa.array(kept)).combine_chunks()
        self._parts, self._keys, self._places = [table], [keys[kept]], [places[kept]]
        self._count, self.limit = len(kept), float(keys[kept].max())

    def table(self) -> tuple[Any, NDArray[np.int64]]:
        import pyarrow as pa

        self._prune()
        if not self._parts:
            return pa.table({}), np.empty(0, np.int64)
        return pa.concat_tables(self._parts), np.concatenate(self._places)


def _nans(column: Any) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    return int(pc.sum(pc.is_nan(column)).as_py() or 0) if pa.types.is_floating(column.type) else 0


def _by_class(
    rare: dict[str, _Held], classes: dict[str, int], batch: Any, truth: Any, keys: NDArray[np.float64],
    places: NDArray[np.int64], known: NDArray[np.bool_],
) -> dict[str, _Held] | None:  # fmt: skip
    """Count classes, and hold some rows of each; None where there are too many for classes."""
    coded = truth.dictionary_encode() if not hasattr(truth, "dictionary") else truth
    values = coded.dictionary.to_pylist()
    if len(values) > CLASSES:
        return None
    codes = np.asarray(coded.indices.fill_null(-1))
    for code, value in enumerate(values):
        name = text_of(value)
        if name is None:
            continue
        mine = known & (codes == code)
        classes[name] = classes.get(name, 0) + int(mine.sum())
        holder = rare.setdefault(name, _Held(RARE))
        if mine.any():
            holder.add(batch, keys, places, mine)
    return rare if len(rare) <= CLASSES else None
