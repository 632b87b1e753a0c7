"""Sessions of the tunnel: rows go up in blocks and down in ranges."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from odps.types import PartitionSpec

from tests.standins.maxcompute.catalog import PartitionValues, Table
from tests.standins.maxcompute.engine import Engine, Rows
from tests.standins.maxcompute.errors import ServiceError, no_such_partition
from tests.standins.maxcompute.odps_types import Column
from tests.standins.maxcompute.replies import MAX_ROWS
from tests.standins.maxcompute.wire import decode, encode, encode_arrow

_RANGE = re.compile(r"\((\d+),(\d+)\)")


@dataclass
class Upload:
    """Blocks on their way into a table; nothing is seen of them before the commit."""

    id: str
    table: Table
    values: PartitionValues | None
    overwrite: bool
    status: str = "NORMAL"
    blocks: dict[int, list[list[Any]]] = field(default_factory=dict)


@dataclass
class Download:
    """Rows as they were when the session began."""

    id: str
    columns: list[Column]
    rows: list[tuple[Any, ...]]
    schema: dict[str, Any]
    table: Table | None = None
    modified: float = 0.0


class Tunnel:
    """The sessions of a stand-in.

    Attributes:
        arrow: Whether it speaks Arrow; private clouds and older releases don't.
    """

    def __init__(self, engine: Engine) -> None:
        self.arrow = True
        self._engine = engine
        self._uploads: dict[str, Upload] = {}
        self._downloads: dict[str, Download] = {}
        self._lock = threading.Lock()

    # --- up

    def begin_upload(self, table: Table, query: Mapping[str, str]) -> str:
        values = self._partition(table, query, create=query.get("create_partition") == "true")
        upload = Upload(_new_id(), table, values, query.get("overwrite") == "true")
        with self._lock:
            self._uploads[upload.id] = upload
        return _upload_json(upload)

    def upload_state(self, upload_id: str) -> str:
        return _upload_json(self._upload(upload_id))

    def put_block(self, upload_id: str, block: str, body: bytes, encoding: str) -> None:
        """Keeps a block; one that comes again replaces what came before.

        Raises:
            ServiceError: The session is over, or the block is damaged.
        """
        upload = self._upload(upload_id)
        if upload.status != "NORMAL":
            raise ServiceError("InvalidStatus", f"Upload session {upload_id} is {upload.status}.", 409)
        rows = decode(upload.table.all_columns, body, encoding)
        width = len(upload.table.columns)
        upload.blocks[int(block)] = [row[:width] for row in rows]

    def commit(self, upload_id: str) -> str:
        upload = self._upload(upload_id)
        if upload.status == "NORMAL":
            blocks = [rows for _, rows in sorted(upload.blocks.items())]
            self._engine.append(upload.table, upload.values, blocks, upload.overwrite)
            upload.status = "CLOSED"
            upload.blocks = {block: [] for block in upload.blocks}
        return _upload_json(upload)

    def _upload(self, upload_id: str) -> Upload:
        try:
            return self._uploads[upload_id]
        except KeyError:
            raise ServiceError("NoSuchUpload", f"There is no upload session {upload_id}.", 404) from None

    # --- down

    def begin_download(self, table: Table, query: Mapping[str, str]) -> str:
        values = self._partition(table, query, create=False)
        columns = table.columns if values else table.all_columns
        if table.view_text:
            raise ServiceError("InvalidArgument", f"{table.project}.{table.name} is a view: tunnels read tables.")
        modified = table.modified
        rows = self._engine.read(table, values, columns)
        schema = table.schema_json()
        return self._keep(Download(_new_id(), columns, rows, schema, table, modified))

    def begin_result(self, result: Rows, limited: bool) -> str:
        """A session over the rows of a select; ``limited`` to what comes without the tunnel."""
        rows = result.rows[:MAX_ROWS] if limited else result.rows
        schema = {"columns": [column.to_json() for column in result.columns], "partitionKeys": []}
        return self._keep(Download(_new_id(), result.columns, rows, schema))

    def _keep(self, download: Download) -> str:
        with self._lock:
            self._downloads[download.id] = download
        return self.download_state(download.id)

    def download_state(self, download_id: str) -> str:
        download = self._download(download_id)
        return json.dumps(
            {
                "DownloadID": download.id,
                "Status": "NORMAL",
                "RecordCount": len(download.rows),
                "Schema": download.schema,
            }
        )

    def data(self, download_id: str, query: Mapping[str, str]) -> bytes:
        """The records of a range, of all columns or some.

        Raises:
            ServiceError: No such session, range or column; the table was written to since the session began; or
                Arrow is asked for, and isn't spoken.
        """
        download = self._download(download_id)
        if "arrow" in query and not self.arrow:
            raise ServiceError("MethodNotAllowed", "The Arrow tunnel is not supported.", 405)
        if download.table is not None and download.table.modified != download.modified:
            raise ServiceError("TableModified", "The specified table has been modified since the download initiated.")
        found = _RANGE.fullmatch(query.get("rowrange", ""))
        if not found:
            raise ServiceError("InvalidRowRange", f"rowrange={query.get('rowrange')} is not (start,count).")
        start, count = int(found.group(1)), int(found.group(2))
        rows = download.rows[start : start + count]
        columns = download.columns
        if wanted := [name for name in query.get("columns", "").split(",") if name]:
            places = {column.name.lower(): i for i, column in enumerate(columns)}
            if missing := [name for name in wanted if name.lower() not in places]:
                raise ServiceError("NoSuchColumn", f"There is no column {missing[0]}.")
            chosen = [places[name.lower()] for name in wanted]
            if "arrow" in query:
                chosen.sort()  # it sends columns in the table's order
            columns = [columns[i] for i in chosen]
            rows = [tuple(row[i] for i in chosen) for row in rows]
        return encode_arrow(columns, rows) if "arrow" in query else encode(columns, rows)

    def _download(self, download_id: str) -> Download:
        try:
            return self._downloads[download_id]
        except KeyError:
            raise ServiceError("NoSuchDownload", f"There is no download session {download_id}.", 404) from None

    # --- partitions

    def _partition(self, table: Table, query: Mapping[str, str], create: bool) -> PartitionValues | None:
        text = query.get("partition", "")
        if not text:
            if table.partitions and "uploads" in query:
                raise ServiceError("InvalidPartition", "A partitioned table is written by partition.")
            return None
        values = parse_partition(table, text)
        if values not in table.specs:
            if not create:
                raise no_such_partition(table.spec_text(values))
            table.specs[values] = table.modified
            self._engine.touch(table)
        return values


def parse_partition(table: Table, text: str) -> PartitionValues:
    """The values of ``ds=a,hour='1'`` (or with slashes) in the order of the table's partition columns.

    Raises:
        ServiceError: It names other columns than the table is partitioned by.
    """
    given = {name.lower(): value for name, value in PartitionSpec(text).kv.items()}
    names = [column.name for column in table.partitions]
    if set(given) != set(names):
        raise ServiceError("InvalidPartition", f"Partition {text} does not name the columns ({', '.join(names)}).")
    return tuple(given[name] for name in names)


def _upload_json(upload: Upload) -> str:
    return json.dumps(
        {
            "UploadID": upload.id,
            "Status": upload.status,
            "Schema": upload.table.schema_json(),
            "UploadedBlockList": [{"BlockID": block} for block in sorted(upload.blocks)],
            "MaxFieldSize": 8 * 1024 * 1024,
        }
    )


def _new_id() -> str:
    return secrets.token_hex(16)
