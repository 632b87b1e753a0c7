"""Which series each row belongs to: by one column, or by several together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from automl_core.forecasting.finding import SeriesFinding, listed
from automl_core.forecasting.panel import SeriesError
from automl_core.forecasting.times import rows_named

ALONE = "series"
"""The name of a table's only series, where no column tells series apart."""


@dataclass(frozen=True)
class Keys:
    """Rows' series.

    Attributes:
        codes: (N,) positions in `names`.
        names: of the series, in the order of their values: numbers by size, texts by letters.
        values: (S,) of their values in the key columns, as texts.
        findings: what is odd about them.
    """

    codes: NDArray[np.int64]
    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    findings: tuple[SeriesFinding, ...] = ()


def read_keys(table: pa.Table, columns: Sequence[str]) -> Keys:
    """The series of a table's rows.

    Args:
        table: the rows.
        columns: whose values tell series apart; none: there is one series.

    Raises:
        SeriesError: rows without a value in one of them.
    """
    if not columns:
        return Keys(np.zeros(table.num_rows, dtype=np.int64), (ALONE,), ((),))
    ranks, texts = [], []
    for name in columns:
        codes, values = _ranked(table.column(name), name)
        ranks.append(codes)
        texts.append(values)
    together = ranks[0]
    for more, values in zip(ranks[1:], texts[1:], strict=True):
        together = together * len(values) + more
        _, together = np.unique(together, return_inverse=True)  # small numbers again: no product grows too large
    count = int(together.max()) + 1 if len(together) else 0
    row = np.zeros(count, dtype=np.int64)
    row[together] = np.arange(len(together))
    found = [tuple(values[rank[at]] for rank, values in zip(ranks, texts, strict=True)) for at in row.tolist()]
    names = [one[0] if len(one) == 1 else " / ".join(one) for one in found]
    if len(columns) > 1 and any(" / " in part for one in found for part in one):
        names = [json.dumps(one, ensure_ascii=False) for one in found]
    return Keys(together.astype(np.int64), tuple(names), tuple(found), _alike(names))


def _ranked(column: pa.ChunkedArray, name: str) -> tuple[NDArray[np.int64], list[str]]:
    """Positions of a column's values among its sorted ones, and these as texts."""
    if isinstance(column.type, pa.DictionaryType):
        column = column.cast(column.type.value_type)
    if column.null_count:
        empty = np.flatnonzero(pc.is_null(column).to_numpy(zero_copy_only=False))
        raise SeriesError(
            f"{name}: {rows_named(empty)} {'has' if len(empty) == 1 else 'have'} no value, so no series; give one, "
            "or leave the rows out"
        )
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], column.type).dictionary_encode()
    values = encoded.dictionary.to_pylist()
    order = sorted(range(len(values)), key=values.__getitem__)
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    return rank[encoded.indices.to_numpy()], [_text(values[at]) for at in order]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _alike(names: Sequence[str]) -> tuple[SeriesFinding, ...]:
    plain = [" ".join(name.casefold().split()) for name in names]
    many = {each for each, count in Counter(plain).items() if count > 1}
    alike = [name for name, each in zip(names, plain, strict=True) if each in many]
    if not alike:
        return ()
    return (
        SeriesFinding(
            "names_alike", "doubtful",
            f"{len(alike)} series have names that differ by spaces or capitals alone: {listed(map(repr, alike))}",
            "each is a series of its own", "write them alike where they are one", tuple(alike[:20]),
            {"series": len(alike)},
        ),
    )  # fmt: skip
