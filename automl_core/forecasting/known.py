"""Columns that are known ahead, as numbers: texts become positions among the column's sorted values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from automl_core.data.text_types import typed
from automl_core.forecasting.finding import SeriesFinding, listed
from automl_core.forecasting.panel import Floats, KnownColumn, Panel, SeriesError
from automl_core.forecasting.times import rows_named
from automl_core.modelfile.scoring.series.rows import LARGEST


def read_numbers(column: pa.ChunkedArray, name: str) -> Floats:
    """A column of numbers (N,), NaN where a value is missing.

    Raises:
        SeriesError: a value is no number, infinite, or above `LARGEST` either way; names rows.
    """
    column = _plain(column)
    kind = column.type
    if pa.types.is_string(kind):
        texts = column
        single = [typed(pa.chunked_array([[each]])).type for each in pc.unique(texts).to_pylist()[:1000]]
        odd = [each for each, one in zip(pc.unique(texts).to_pylist(), single, strict=False) if pa.types.is_string(one)]
        at = pc.is_in(texts, value_set=pa.array(odd, pa.string())).to_numpy(zero_copy_only=False)
        hint = "; write a point where decimals begin" if any("," in str(each) for each in odd) else ""
        example = f", such as {odd[0]!r}" if odd else ""
        wrong = np.flatnonzero(at)
        raise SeriesError(f"{name}: {rows_named(wrong)}: no numbers{example}{hint}", wrong)
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        column = column.cast(pa.int8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise SeriesError(f"{name}: a column of {kind} has no numbers")
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        raise SeriesError(f"{name}: {rows_named(infinite)}: infinite; give a number, or leave the value out", infinite)
    large = np.flatnonzero(np.abs(values) > LARGEST)
    if len(large):
        raise SeriesError(
            f"{name}: {rows_named(large)}: {values[large[0]]:g} is too large to reckon with (allowed: up to "
            f"{LARGEST:g}); give the right number, or leave the value out", large,
        )  # fmt: skip
    return values


def read_known(
    table: pa.Table, names: Sequence[str], like: Panel | None
) -> tuple[Floats, tuple[KnownColumn, ...], list[SeriesFinding]]:
    """The known columns of a table.

    Args:
        table: the rows.
        names: of the columns.
        like: the panel whose categories hold.

    Returns:
        (N, k) numbers, the columns, and what was found.

    Raises:
        SeriesError: a column is neither of numbers nor of categories, or of another kind than the model learned.
    """
    before = {column.name: column for column in like.known} if like is not None else {}
    values = np.empty((table.num_rows, len(names)))
    columns, findings = [], []
    for position, name in enumerate(names):
        column = _plain(table.column(name))
        learned = before.get(name)
        category = pa.types.is_string(column.type)
        if learned is not None and learned.kind == "category":
            column, category = table.column(name).cast(pa.string()), True
        elif learned is not None and category:
            raise SeriesError(f"{name}: the model learned numbers of it; found texts")
        if pa.types.is_temporal(column.type):
            raise SeriesError(f"{name}: dates and times are no known column; give what follows from them as a number")
        if not category:
            values[:, position] = read_numbers(column, name)
            columns.append(KnownColumn(name, "number"))
            continue
        values[:, position], found, more = _categories(column, name, learned)
        columns.append(found)
        findings.extend(more)
    return values, tuple(columns), findings


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.DictionaryType):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    return typed(column) if pa.types.is_string(column.type) else column


def _categories(
    column: pa.ChunkedArray, name: str, learned: KnownColumn | None
) -> tuple[Floats, KnownColumn, list[SeriesFinding]]:
    """Texts as positions. An empty cell of a row that is there says "none of these", so it is a category: ''."""
    empty, findings = column.null_count, []
    column = pc.fill_null(column, "")
    texts = sorted(str(each) for each in pc.unique(column).to_pylist())
    known = learned or KnownColumn(name, "category", tuple(texts))
    place = {text: float(at) for at, text in enumerate(known.categories)}
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    numbers = np.array([place.get(str(each), np.nan) for each in encoded.dictionary.to_pylist()], dtype=np.float64)
    found = numbers[encoded.indices.to_numpy()] if len(column) else np.empty(0)
    if empty and learned is None:
        findings.append(
            SeriesFinding(
                "known_empty", "certain", f"{name}: {empty:,} cells are empty", "they are a category of their own",
                "", numbers={"rows": empty},
            )
        )  # fmt: skip
    unseen = [text for text in texts if text not in place]
    if unseen:
        findings.append(
            SeriesFinding(
                "known_unseen", "certain",
                f"{name}: values that the model has not seen: {listed(map(repr, unseen))}",
                "they count as unknown", "fit again where they matter", numbers={"values": len(unseen)},
            )
        )  # fmt: skip
    return found, known, findings
