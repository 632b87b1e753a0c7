"""What is remembered of a column beside its type: that its dates were texts, or that its times are instants in UTC.

It stands in the metadata of the column's field, under `KEY`. Who learns a schema reads there that a CSV wrote dates as
texts (`automl_core.modelfile.scoring.sources`), so that SQL of the model reads texts where training did; who reads
series, that DATETIMEs of MaxCompute are instants, so that a zone's clock can be put on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

KEY, TEXT, INSTANT = b"automl.written", b"text", b"instant"


def as_text(field: pa.Field) -> pa.Field:
    """A field whose values were texts: of times that is remembered.

    A number of a CSV is one in whatever database the file is loaded into; a date is a DATE here and a STRING there.
    """
    import pyarrow as pa

    return field.with_metadata({KEY: TEXT}) if pa.types.is_temporal(field.type) else field


def as_instant(field: pa.Field) -> pa.Field:
    """A field of times without a zone that are moments in UTC."""
    return field.with_metadata({KEY: INSTANT})


def is_instant(field: pa.Field) -> bool:
    """Whether a field's times are moments in UTC: its type says so, or where they came from."""
    return bool(getattr(field.type, "tz", None)) or (field.metadata or {}).get(KEY) == INSTANT


def in_utc(column: Any) -> Any:
    """A column of times that are moments (an array of pyarrow, in pieces or not) in a type that says so."""
    import pyarrow as pa

    kind = column.type
    return column.cast(pa.timestamp(kind.unit, "UTC")) if pa.types.is_timestamp(kind) and kind.tz is None else column


def by_name(batch: pa.RecordBatch, moments: bool) -> dict[str, Any]:
    """The columns of a piece of a table by their names.

    Args:
        batch: the piece.
        moments: whether times that are moments say so in their type, for whoever has another clock than UTC's.
    """
    return {
        field.name: in_utc(column) if moments and is_instant(field) else column
        for field, column in zip(batch.schema, batch.columns, strict=True)
    }
