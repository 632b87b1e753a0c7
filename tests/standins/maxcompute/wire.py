"""Rows on the tunnel: records as protobuf with a CRC32C each and one over all, or Arrow's batches in checked chunks.

The codecs are pyodps' own. Times are in UTC here, whatever the machine's zone is: a service has one of its own.
"""

from __future__ import annotations

import io
import zlib
from typing import Any

from odps.config import option_context
from odps.errors import ChecksumError
from odps.models import Record, TableSchema
from odps.tunnel.io.reader import TunnelRecordReader
from odps.tunnel.io.types import odps_schema_to_arrow_schema
from odps.tunnel.io.writer import BaseArrowWriter, BaseRecordWriter
from odps.tunnel.pb.errors import DecodeError

from tests.standins.maxcompute.errors import ServiceError
from tests.standins.maxcompute.odps_types import Column


def schema_of(columns: list[Column]) -> TableSchema:
    return TableSchema.from_lists([column.name for column in columns], [column.type for column in columns])


def encode(columns: list[Column], rows: list[tuple[Any, ...]]) -> bytes:
    """Rows as a download sends them."""
    out = io.BytesIO()
    schema = schema_of(columns)
    with option_context(UTC):
        writer = BaseRecordWriter(schema, out)
        for row in rows:
            writer.write(Record(schema=schema, values=list(row)))
        writer.close()
    return out.getvalue()


def encode_arrow(columns: list[Column], rows: list[tuple[Any, ...]]) -> bytes:
    """Rows as a download of Arrow sends them: batches without a schema, which the client knows."""
    import pyarrow as pa

    out = io.BytesIO()
    schema = schema_of(columns)
    types = odps_schema_to_arrow_schema(schema)
    with option_context(UTC):
        writer = BaseArrowWriter(schema, out)
        for start in range(0, len(rows), BATCH):
            piece = rows[start : start + BATCH]
            arrays = [pa.array([row[place] for row in piece], field.type) for place, field in enumerate(types)]
            writer.write(pa.RecordBatch.from_arrays(arrays, schema=types))
        writer.close()
    return out.getvalue()


BATCH = 4096
"""Rows of a batch of Arrow."""

UTC = {"local_timezone": False}


def decode(columns: list[Column], body: bytes, encoding: str) -> list[list[Any]]:
    """The rows of an uploaded block.

    Args:
        encoding: Its Content-Encoding: ``deflate`` or nothing.

    Raises:
        ServiceError: A checksum that doesn't match, a torn block, a compression that isn't supported.
    """
    if encoding == "deflate":
        body = zlib.decompress(body)
    elif encoding not in ("", "identity"):
        raise ServiceError("InvalidArgument", f"Content-Encoding {encoding} is not supported.")
    stream: io.BytesIO | None = io.BytesIO(body)

    def once(*_: Any, **__: Any) -> io.BytesIO | None:
        nonlocal stream
        given, stream = stream, None
        if given is None:
            raise ServiceError("DataCorrupted", "The block's checksum or framing is wrong.")
        return given

    schema = schema_of(columns)
    try:
        with option_context(UTC):
            reader = TunnelRecordReader(schema, once)
            return [list(record.values) for record in reader]
    except (ChecksumError, DecodeError, OSError) as error:
        raise ServiceError("DataCorrupted", f"The block can't be read: {error}") from None


def compress(body: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """The body in an encoding that the client takes, and the header that names it."""
    if "deflate" in accepted:
        return zlib.compress(body), {"Content-Encoding": "deflate"}
    return body, {}
