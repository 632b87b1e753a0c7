"""Parquet files, opened and read in one way by all that read rows of them: what their writers meant by a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

INT96 = "us"
"""Unit of times that Spark, Hive and Impala have written as INT96. PyArrow's own choice is nanoseconds, which reach
from 1677 to 2262: the last day of 9999, a usual open end, becomes one of 1816 there, without a word."""


def opened(source: Any, **options: Any) -> parquet.ParquetFile:
    """A file, whose times are what they were written as.

    Args:
        source: a path, or what is open.
        options: of `pyarrow.parquet.ParquetFile`.
    """
    from pyarrow import parquet

    return parquet.ParquetFile(source, coerce_int96_timestamp_unit=INT96, **options)


def plain(table: pa.Table) -> pa.Table:
    """A table without extension types: UUID and JSON, as DuckDB writes them, are text, others what is stored of them.

    Hardly anything can be done with columns of these types in PyArrow: no different values, no comparison, no cast.
    """
    for place, name in enumerate(table.column_names):
        column = table.column(place)
        if hasattr(column.type, "storage_type"):
            table = table.set_column(place, name, _stored(column))
    return table


def plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """As `plain`, of a piece of a table."""
    import pyarrow as pa

    if not any(hasattr(field.type, "storage_type") for field in batch.schema):
        return batch
    table = plain(pa.Table.from_batches([batch]))
    arrays = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema that `plain` gives a table of this one."""
    return plain(schema.empty_table()).schema


def _stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    stored = column.cast(column.type.storage_type)
    if column.type.extension_name == "arrow.uuid":
        texts = [None if value is None else str(UUID(bytes=value)) for value in stored.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return stored.cast(pa.bool_()) if column.type.extension_name == "arrow.bool8" else stored
