"""The texts of DESC and SHOW, as MaxCompute prints them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from tests.standins.maxcompute.catalog import Table
from tests.standins.maxcompute.engine import Engine

_LINE = "+------------------------------------------------------------------------------------+"
_WIDTH = len(_LINE) - 2


def _row(text: str) -> str:
    return f"| {text}".ljust(_WIDTH + 1) + "|"


def _columns(title: str, rows: Iterable[tuple[str, str, str]]) -> list[str]:
    lines = [_row(title), _LINE]
    lines += [_row(f"{name:<15} | {kind:<10} | {'':<5} | {comment}") for name, kind, comment in rows]
    return [*lines, _LINE]


def table_text(engine: Engine, table: Table) -> str:
    """What DESC prints of a table."""
    created, modified = (datetime.fromtimestamp(at) for at in (table.created, table.modified))
    lines = [
        _LINE,
        _row(f"Owner: {table.owner} | Project: {table.project}"),
        _row(f"TableComment: {table.comment}"),
        _LINE,
        _row(f"CreateTime:               {created:%Y-%m-%d %H:%M:%S}"),
        _row(f"LastModifiedTime:         {modified:%Y-%m-%d %H:%M:%S}"),
        *([_row(f"Lifecycle:                {table.lifecycle}")] if table.lifecycle >= 0 else []),
        _LINE,
        _row(
            f"InternalTable: {'NO' if table.view_text else 'YES'}      | Size: {engine.size(table.project, table.name)}"
        ),
        _LINE,
        *_columns("Native Columns:", [("Field", "Type", "Comment")]),
        *_columns("", [(column.name, column.type, column.comment) for column in table.columns])[2:],
    ]
    if table.partitions:
        lines += _columns("Partition Columns:", [(c.name, c.type, c.comment) for c in table.partitions])
    return "\n".join(lines) + "\n"


def tables_text(tables: Iterable[Table], owner: str, pattern: str | None) -> str:
    """What SHOW TABLES prints: a line ``ALIYUN$owner:table`` each; ``*`` and ``%`` stand for any signs."""
    wanted = re.compile(".*".join(map(re.escape, re.split(r"[*%]", pattern)))) if pattern else re.compile(".*")
    names = [table.name for table in tables if wanted.fullmatch(table.name)]
    return "".join(f"ALIYUN${owner}:{name}\n" for name in names)


def partitions_text(table: Table) -> str:
    """What SHOW PARTITIONS prints: a line ``ds=a/hour=1`` each."""
    return "".join(f"{table.spec_text(values)}\n" for values in sorted(table.specs))
