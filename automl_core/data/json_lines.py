"""JSON lines: an object a line, keys that are missing are missing values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl_core.data.access import DataError
from automl_core.data.combining import Part, as_type
from automl_core.data.csv_files import opened
from automl_core.spec.places import Compression

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS = {bool: "true or false", int: "numbers", float: "numbers", str: "text", list: "lists", dict: "objects"}


def read_json_lines(
    path: str, compression: Compression | None, columns: list[str] | None, types: Mapping[str, Any]
) -> Part | None:
    """A file of JSON lines.

    Args:
        path: of the file.
        compression: of the file.
        columns: those that are wanted; all when None.
        types: those that are stated.

    Raises:
        DataError: a line is no object, or a column has values of several kinds.
    """
    rows = _rows(path, compression)
    if not rows:
        return None
    import pyarrow as pa

    names = list(dict.fromkeys(name for _, row in rows for name in row))
    wanted = [name for name in names if columns is None or name in columns]
    made = {
        name: _column(name, [(line, row.get(name)) for line, row in rows], types.get(name), path) for name in wanted
    }
    table = pa.table(made) if made else pa.table({"": pa.nulls(len(rows))}).select([])
    return Part(path, "jsonl", table, open=True)


def _rows(path: str, compression: Compression | None) -> list[tuple[int, dict[str, Any]]]:
    with opened(path, compression) as file:
        content = file.read()
    try:
        text = bytes(content).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 at byte {error.start:,}") from None
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=lambda _: None)
        except ValueError as error:
            hint = "; it is one JSON document, and JSON lines are wanted" if number == 1 and line[:1] in "[{" else ""
            raise DataError(f"{path}, line {number:,} is no JSON: {getattr(error, 'msg', error)}{hint}") from None
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number:,} is no JSON object: one a line is wanted, {{…}}")
        found.append((number, row))
    return found


def _column(name: str, values: list[tuple[int, Any]], stated: Any, path: str) -> pa.Array:
    import pyarrow as pa

    if stated is not None:
        plain = [
            None if v is None else v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for _, v in values
        ]
        return as_type(pa.array(plain, pa.string()), stated, name)
    kinds: dict[str, int] = {}
    for line, value in values:
        if value is not None:
            kinds.setdefault(_KINDS[type(value)], line)
    if len(kinds) > 1:
        (first, _), (other, line) = list(kinds.items())[:2]
        raise DataError(
            f"{path}: the column {name!r} has {first} and, from line {line:,}, {other}; write one kind, or read it "
            f'with types={{"{name}": "string"}}'
        )
    plain = [value for _, value in values]
    if not kinds:
        return pa.nulls(len(plain))
    if "numbers" in kinds:
        return _numbers(plain)
    try:
        return pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{path}: the column {name!r} has values that don't fit together: {error}") from None


def _numbers(values: list[Any]) -> pa.Array:
    """Integers as they are, exact; with a fraction among them all are float64."""
    import pyarrow as pa

    if any(isinstance(value, float) for value in values):
        return pa.array([None if v is None or not math.isfinite(v) else float(v) for v in values], pa.float64())
    for kind in (pa.int64(), pa.uint64()):
        try:
            return pa.array(values, kind)
        except (OverflowError, pa.ArrowInvalid):
            continue
    return pa.array([None if v is None else str(v) for v in values], pa.string())
