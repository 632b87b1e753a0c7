"""What is to be scored into what, and whether the two tables fit the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from automl_core.backends.maxcompute.client import Client
from automl_core.backends.maxcompute.tables import TableInfo, WrongPartition, describe, parts_of, quoted
from automl_core.spec.places import BadPlace, DataPlace, parse_place

if TYPE_CHECKING:
    from automl_core.modelfile.model import Model
    from automl_core.modelfile.sql.script import Output

NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean", "string", "varchar", "char")
"""Types that a column of numbers may have; texts are read as numbers, as those of a file are."""

TIMES = ("date", "datetime", "timestamp", "timestamp_ntz", "string", "varchar", "char")
"""Types that a column of times may have."""

TEXTS = (*NUMBERS, "date", "datetime", "timestamp", "timestamp_ntz")
"""Types that a category or a text may have."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class CantScore(ValueError):
    """A model, or tables, by which nothing can be scored. The message says which, why, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One table that a model scores into another.

    Attributes:
        rows: the table, or a partition of it.
        out: the table, or the partition of it, that gets a row for each: what was there is overwritten.
        keep: columns of the rows that are copied.
        proba: whether the probability of each class is written too.
        hints: settings of all statements.
        constants: further columns, each with the value that all its rows have: a text or a whole number.
    """

    rows: DataPlace
    out: DataPlace
    keep: tuple[str, ...] = ()
    proba: bool = False
    hints: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str | int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, rows: str, out: str, *, keep: tuple[str, ...] = (), proba: bool = False,
        hints: Mapping[str, str] | None = None, constants: Mapping[str, str | int] | None = None,
    ) -> Wanted:  # fmt: skip
        """Read the places.

        Raises:
            CantScore: one is no table of MaxCompute, or both are the same table.
        """
        read, write = (_place(text, what) for text, what in ((rows, "rows"), (out, "out")))
        if (read.root.lower(), read.path.lower()) == (write.root.lower(), write.path.lower()):
            raise CantScore(f"out: {out} is the table that is scored; write into another")
        return cls(read, write, tuple(dict.fromkeys(keep)), proba, dict(hints or {}), dict(constants or {}))


@dataclass(frozen=True, slots=True)
class Tables:
    """Both tables as they are, and what will be written.

    Attributes:
        rows: the table that is scored.
        parts: partition columns that choose its rows, with their values.
        out: the table of predictions; None where there is none yet.
        out_parts: the partition that is written.
    """

    rows: TableInfo
    parts: Mapping[str, str]
    out: TableInfo | None
    out_parts: Mapping[str, str]


def look(client: Client, model: Model, wanted: Wanted) -> Tables:
    """Look at both tables, and see that the rows' one fits the model.

    Raises:
        CantScore: it doesn't; all that is wrong with its columns is said at once.
        Busy, Refused: MaxCompute can't be asked, or doesn't let these keys look.
    """
    from automl_core.modelfile.scoring.values import nearest

    for what, place in (("rows", wanted.rows), ("out", wanted.out)):
        if place.has_many:
            raise CantScore(
                f"{what}: {place.text} is a pattern of partitions, and SQL scores one of them, or those of some "
                "partition columns (leave the others out)"
            )
    rows = describe(client, wanted.rows.root, wanted.rows.path)
    if rows is None:
        raise CantScore(f"rows: there is no table {wanted.rows.table}")
    out = describe(client, wanted.out.root, wanted.out.path)
    parts, out_parts = parts_of(wanted.rows.partition), parts_of(wanted.out.partition)
    try:
        rows.check_partition(parts, whole=False)
        if out is not None:
            out.check_partition(out_parts, whole=True)
    except WrongPartition as error:
        raise CantScore(str(error)) from None
    check_columns(model, rows)
    for name in wanted.keep:
        if name.lower() not in rows.all_columns:
            known = rows.all_columns
            raise CantScore(f"keep: {rows.project}.{rows.name} has no column {name!r}{nearest(name.lower(), known)}")
    if wanted.proba and not model.classes:
        raise CantScore(f"proba: {model.target} is a number: there are no probabilities")
    return Tables(rows, parts, out, out_parts)


def check_columns(model: Model, rows: TableInfo) -> None:
    """See that a table has the model's columns, of types that can be read so.

    Raises:
        CantScore: it has not; the message names every column, with the nearest name that there is.
    """
    from automl_core.modelfile.scoring.values import nearest

    known, problems = rows.all_columns, []
    lower: dict[str, str] = {}
    for each in model.schema.fields:
        twin = lower.setdefault(each.name.lower(), each.name)
        if twin != each.name:
            problems.append(f"columns {twin!r} and {each.name!r} of the model are one to MaxCompute")
        kind = known.get(each.name.lower())
        if kind is None and each.optional:
            continue
        if kind is None:
            problems.append(f"there is no column {each.name!r}{nearest(each.name.lower(), known)}")
            continue
        allowed = {"number": NUMBERS, "time": TIMES}.get(each.kind, TEXTS)
        if kind.partition("(")[0].partition("<")[0] not in allowed:
            problems.append(
                f"column {each.name!r} is {kind}, which can't be read as a {each.kind} (allowed: {', '.join(allowed)})"
            )
    if problems:
        raise CantScore(f"rows: {rows.project}.{rows.name} doesn't fit the model: {'; '.join(problems)}")


def result_of(
    outputs: Sequence[Output], tables: Tables, constants: Mapping[str, str | int] | None = None
) -> dict[str, str]:
    """The columns of the table of predictions, name → type, in their order; one that is there is checked.

    Args:
        outputs: the columns that the SQL gives.
        tables: both tables.
        constants: columns of one value, behind these.

    Raises:
        CantScore: two columns would have one name, or the table that is there has others.
    """
    known, columns = tables.rows.all_columns, dict[str, str]()
    for each in outputs:
        name = each.name.lower()
        if name in columns:
            raise CantScore(f"two columns of the predictions would be called {name!r}; rename that of the rows")
        columns[name] = known[name] if each.of == "keep" else each.type
    for name, value in (constants or {}).items():
        if name in columns:
            raise CantScore(f"two columns of the predictions would be called {name!r}; rename that of the rows")
        columns[name] = "bigint" if isinstance(value, int) else "string"
    both = next((name for name in tables.out_parts if name.lower() in columns), None)
    if both is not None:
        raise CantScore(f"out: {both!r} is a column of the predictions, and can't be a partition of them too")
    if tables.out is not None:
        _check_out(tables.out, columns)
    return columns


def create_sql(columns: Mapping[str, str], tables: Tables, place: DataPlace) -> str:
    """The statement that makes the table of predictions where there is none."""
    listed = ", ".join(f"{quoted(name)} {kind.upper()}" for name, kind in columns.items())
    keys = ", ".join(f"{quoted(name.lower())} STRING" for name in tables.out_parts)
    partitioned = f" PARTITIONED BY ({keys})" if keys else ""
    return f"CREATE TABLE IF NOT EXISTS {quoted(place.root)}.{quoted(place.path)} ({listed}){partitioned}"


def _check_out(out: TableInfo, columns: Mapping[str, str]) -> None:
    """See that a table which is there has the columns of the predictions: names, order and types."""
    where = f"out: {out.project}.{out.name}"
    if out.view:
        raise CantScore(f"{where} is a view, and views can't be written to")
    if list(out.columns) != list(columns):
        wanted = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        raise CantScore(f"{where} has the columns {', '.join(out.columns)}; wanted, in this order: {wanted}")
    wrong = [
        f"{name} is {out.columns[name]}, {kind} is wanted"
        for name, kind in columns.items()
        if out.columns[name] != kind
    ]
    if wrong:
        raise CantScore(f"{where}: {'; '.join(wrong)}")


def _place(text: str, what: str) -> DataPlace:
    try:
        found = parse_place(text)
    except BadPlace as error:
        raise CantScore(f"{what}: {error}") from None
    if not found.is_table:
        raise CantScore(f"{what}: {text} is no table of MaxCompute; allowed: odps://project/table[/ds=20261101]")
    for name in parts_of(found.partition):
        if not _NAME.fullmatch(name):
            raise CantScore(f"{what}: {name!r} can't be a column of a partition")
    return found
