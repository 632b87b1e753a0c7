"""The dialects that are written, what each has its own word for, and what each allows.

MaxCompute's limits are those of its documentation ("SQL limitations", updated 2026-03-28): a statement has at most 2
MB of text and a plan of at most 1 MB ("The Size of Plan is too large"), a table 1,200 columns, a name 128 bytes of
letters, digits and underscores. A plan can't be seen from here, so statements stay far below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.hive import Hive
from sqlglot.generator import Generator as AnyGenerator

from automl_core.modelfile.sql.script import NotInSql


class MaxCompute(Hive):
    """MaxCompute's dialect: Hive's, as far as a scoring statement goes."""


class Ansi(Dialect):
    """SQL as the standard has it (ISO/IEC 9075-2), so that most engines take it."""

    class Generator(AnyGenerator):
        """Types by the standard's names."""

        TYPE_MAPPING: ClassVar = {
            **AnyGenerator.TYPE_MAPPING,
            exp.DataType.Type.DOUBLE: "DOUBLE PRECISION",
            exp.DataType.Type.FLOAT: "REAL",
        }


@dataclass(frozen=True)
class Target:
    """A dialect, and what it allows.

    Attributes:
        name: ``maxcompute``, ``ansi`` or ``duckdb``.
        dialect: sqlglot's class of it.
        most_bytes: of a statement, unless the caller says otherwise; None: no limit.
        most_columns: of a table.
        narrow: names have letters, digits and underscores alone.
        settings: what a statement needs to be told.
    """

    name: str
    dialect: type[Dialect]
    most_bytes: int | None = None
    most_columns: int = 1_000_000
    narrow: bool = False
    settings: tuple[tuple[str, str], ...] = ()

    def write(self, node: exp.Expr) -> str:
        """An expression as text."""
        return node.sql(self.dialect, comments=False, copy=False)

    def quoted(self, name: str) -> str:
        """A name as it stands in a statement."""
        return self.write(exp.to_identifier(name, quoted=True))

    def table(self, name: str) -> str:
        """A table's name, its project or schema before a point, quoted.

        Raises:
            ValueError: it is no name of a table.
        """
        try:
            found = exp.to_table(name, dialect=self.dialect)
        except Exception as error:
            raise ValueError(f"{name!r} is no name of a table: {error}") from None
        parts = [part.name for part in found.parts if isinstance(part, exp.Identifier)]
        if len(parts) != len(found.parts) or not all(parts) or found.args.get("alias"):
            raise ValueError(
                f"{name!r} is no name of a table (allowed: orders, project.orders, quoted where it must be)"
            )
        if self.narrow and not all(re.fullmatch(r"\w{1,128}", part) for part in parts):
            raise ValueError(f"{name!r}: names in {self.name} are letters, digits and underscores, 128 at most")
        return ".".join(map(self.quoted, parts))


TARGETS = {
    "maxcompute": Target(
        "maxcompute", MaxCompute, most_bytes=250_000, most_columns=1_200, narrow=True,
        settings=(
            ("odps.sql.type.system.odps2", "true"),  # FLOAT, TIMESTAMP, DATE
            ("odps.sql.udf.strict.mode", "true"),  # a text that is no number ends the job, as it ends the numpy scorer
            ("odps.sql.timezone", "UTC"),
        ),
    ),
    "ansi": Target("ansi", Ansi),
    "duckdb": Target("duckdb", DuckDB),
}  # fmt: skip


def target_of(dialect: str) -> Target:
    """A dialect by its name.

    Raises:
        ValueError: it is not known.
    """
    if dialect not in TARGETS:
        raise ValueError(f"there is no dialect {dialect!r} (allowed: {', '.join(TARGETS)})")
    return TARGETS[dialect]


def output_names(names: Iterable[str], target: Target) -> list[str]:
    """Names of columns as a dialect can have them, none twice however it is written.

    Args:
        names: as they should be.
        target: MaxCompute has letters, digits and underscores alone: all else becomes an underscore.
    """
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        plain = re.sub(r"[^0-9A-Za-z_]", "_", name)[:120] if target.narrow else name
        unique, number = plain, 2
        while unique.lower() in taken:
            unique, number = f"{plain}_{number}", number + 1
        taken.add(unique.lower())
        found.append(unique)
    return found


_TYPES: tuple[tuple[str, str], ...] = (
    (r"(tiny|small|medium|big|huge|u|ubig|uhuge|usmall|utiny)?int(eger)?\d*|long", "integer"),
    (r"float4?|real", "float"),
    (r"double( precision)?|float8|number", "number"),
    (r"(decimal|numeric)(\(.*\))?", "decimal"),
    (r"bool(ean)?", "boolean"),
    (r"date", "date"),
    (r"timestamp_ns", "timestamp_ns"),
    (r"datetime|timestamp.*|timestamptz", "timestamp"),
    (r"string|text|varchar.*|char.*|nvarchar.*", "string"),
)


def column_type(column: str, type_: str) -> str:
    """What a column of a table is, by the name of its type in any of the dialects.

    Args:
        column: its name, for people.
        type_: ``bigint``, ``decimal(10,2)``, ``timestamp with time zone``, …

    Raises:
        NotInSql: a type that holds neither a number, a text, a truth nor a time.
    """
    plain = " ".join(type_.strip().lower().split())
    for pattern, found in _TYPES:
        if re.fullmatch(pattern, plain):
            return found
    raise NotInSql(
        f"column {column!r} has the type {type_}, which no model reads (allowed: numbers, decimals, booleans, texts, "
        "dates, times)"
    )
