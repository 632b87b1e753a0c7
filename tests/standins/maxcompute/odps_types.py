"""MaxCompute's types and DuckDB's, and the columns made of them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from odps.types import validate_data_type

from tests.standins.maxcompute.errors import semantic_error

_SIMPLE = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "json": "VARCHAR",
    "binary": "BLOB",
    "datetime": "TIMESTAMP",
    "timestamp": "TIMESTAMP",
    "timestamp_ntz": "TIMESTAMP",
    "date": "DATE",
}
_FROM_DUCKDB = {
    "TINYINT": "bigint",
    "SMALLINT": "bigint",
    "INTEGER": "bigint",
    "BIGINT": "bigint",
    "HUGEINT": "bigint",
    "UTINYINT": "bigint",
    "USMALLINT": "bigint",
    "UINTEGER": "bigint",
    "UBIGINT": "bigint",
    "FLOAT": "double",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "VARCHAR": "string",
    "BLOB": "binary",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "TIMESTAMP_NS": "datetime",
    "DATE": "date",
    "NULL": "string",
}
_MAX_DECIMAL = 38


@dataclass(frozen=True)
class Column:
    """A column of a table or of a result.

    Attributes:
        type: MaxCompute's name of the type, e.g. ``bigint`` or ``array<string>``.
    """

    name: str
    type: str
    comment: str = ""
    nullable: bool = True

    def to_json(self) -> dict[str, Any]:
        """As it stands in the schema of a table or a tunnel session."""
        return {"name": self.name, "type": self.type, "comment": self.comment, "isNullable": self.nullable}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def normal_type(text: str, at: tuple[int, int]) -> str:
    """The type in MaxCompute's own spelling.

    Raises:
        SqlError: There is no such type.
    """
    try:
        return str(validate_data_type(text)).lower()
    except (ValueError, TypeError, KeyError, AttributeError):
        raise semantic_error(f"type {text} is not defined", at) from None


def to_duckdb(odps_type: str) -> str:
    """DuckDB's type that holds the values of one of MaxCompute's."""
    if odps_type in _SIMPLE:
        return _SIMPLE[odps_type]
    name, _, rest = odps_type.partition("<")
    if rest:
        inner = _split(rest[:-1])
        if name == "array":
            return f"{to_duckdb(inner[0])}[]"
        if name == "map":
            return f"MAP({to_duckdb(inner[0])}, {to_duckdb(inner[1])})"
        fields = [field.partition(":") for field in inner]
        return "STRUCT(" + ", ".join(f'"{field.strip("`")}" {to_duckdb(kind)}' for field, _, kind in fields) + ")"
    if name.startswith("decimal"):
        sizes = re.findall(r"\d+", name)
        precision, scale = (int(sizes[0]), int(sizes[1]) if len(sizes) > 1 else 0) if sizes else (_MAX_DECIMAL, 18)
        return f"DECIMAL({min(precision, _MAX_DECIMAL)},{scale})"
    return "VARCHAR"  # varchar(n), char(n)


def from_duckdb(duckdb_type: Any) -> str:
    """MaxCompute's type of what a query returned.

    Args:
        duckdb_type: The type of a column of a DuckDB result.
    """
    kind = duckdb_type.id
    if kind == "list" or kind == "array":
        return f"array<{from_duckdb(dict(duckdb_type.children)['child'])}>"
    if kind == "map":
        children = dict(duckdb_type.children)
        return f"map<{from_duckdb(children['key'])},{from_duckdb(children['value'])}>"
    if kind == "struct":
        return "struct<" + ",".join(f"{name}:{from_duckdb(child)}" for name, child in duckdb_type.children) + ">"
    if kind == "decimal":
        children = dict(duckdb_type.children)
        return f"decimal({children['precision']},{children['scale']})"
    return _FROM_DUCKDB.get(str(duckdb_type).strip('"'), "string")


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for i, char in enumerate(text):
        depth += (char in "<(") - (char in ">)")
        if char == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]
