"""Tables as SQL names them: their columns, their partitions, and one partition of them as a relation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from automl_core.backends.maxcompute.client import Client, Refused, asking
from automl_core.backends.maxcompute.errors import Kind
from automl_core.backends.maxcompute.rendering import literal

NUMBERED = ("bigint", "int", "smallint", "tinyint")
"""Types of partition columns whose values are written without quotes."""


class WrongPartition(ValueError):
    """A partition that names other columns than the table is partitioned by. The message says which there are."""


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table or a view, as the service describes it.

    Attributes:
        project: in which it lies.
        name: its own.
        columns: name → type, both in small letters, in their order.
        partitions: the columns that it is partitioned by, likewise.
        view: whether it is a view.
        modified: last change of its data, seconds since 1970; None where the service doesn't say.
    """

    project: str
    name: str
    columns: Mapping[str, str]
    partitions: Mapping[str, str] = field(default_factory=dict)
    view: bool = False
    modified: float | None = None

    @property
    def sql(self) -> str:
        """Its name in statements."""
        return f"{quoted(self.project)}.{quoted(self.name)}"

    @property
    def all_columns(self) -> dict[str, str]:
        """Columns and partition columns: what a query can name."""
        return {**self.columns, **self.partitions}

    def check_partition(self, parts: Mapping[str, str], *, whole: bool) -> None:
        """See that a partition names columns that this table is partitioned by.

        Args:
            parts: column → value.
            whole: whether all of them have to be named.

        Raises:
            WrongPartition: it does not.
        """
        unknown = [name for name in parts if name.lower() not in self.partitions]
        lacking = [name for name in self.partitions if name not in {each.lower() for each in parts}]
        have = f"is partitioned by {', '.join(self.partitions)}" if self.partitions else "has no partitions"
        if unknown:
            raise WrongPartition(f"{self.project}.{self.name} {have}: {unknown[0]} is none of them")
        if whole and lacking:
            raise WrongPartition(f"{self.project}.{self.name} {have}: {', '.join(lacking)} has to be named too")

    def predicate(self, parts: Mapping[str, str]) -> str:
        """The condition of a partition, TRUE for all rows."""
        return " AND ".join(f"{quoted(name.lower())} = {self._value(name, text)}" for name, text in parts.items())

    def clause(self, parts: Mapping[str, str]) -> str:
        """``PARTITION (…)`` of a statement that writes, in the table's own order; empty without partitions."""
        given = {name.lower(): text for name, text in parts.items()}
        pairs = [f"{quoted(name)} = {self._value(name, given[name])}" for name in self.partitions if name in given]
        return f" PARTITION ({', '.join(pairs)})" if pairs else ""

    def _value(self, name: str, text: str) -> str:
        if self.partitions.get(name.lower()) not in NUMBERED:
            return literal(text)
        try:
            return literal(int(text))
        except ValueError:
            raise WrongPartition(f"{name}={text}: a whole number is wanted, as {self.name} is partitioned") from None


def quoted(name: str) -> str:
    """A name as statements write it, whatever word it is."""
    return "`" + name.replace("`", "``") + "`"


def parts_of(partition: str) -> dict[str, str]:
    """``ds=20261101/region=eu`` as column → value, in that order."""
    return dict(part.split("=", 1) for part in partition.split("/") if part)


def describe(client: Client, project: str, table: str) -> TableInfo | None:
    """A table as it is now; None where there is none.

    Raises:
        Busy: the service can't be asked now.
        Refused: it may not be looked at.
    """
    try:
        with asking():
            found = client.odps.get_table(table, project=project)
            found.reload()
            schema = found.table_schema
            changed = getattr(found, "last_data_modified_time", None)
            return TableInfo(
                project, table.lower(), _columns(schema.simple_columns), _columns(schema.partitions),
                bool(getattr(found, "is_virtual_view", False)), changed.timestamp() if changed is not None else None,
            )  # fmt: skip
    except Refused as error:
        failure = error.failure
        if failure.kind is Kind.MISSING and "Project" not in f"{failure.code} {failure.message}":
            return None
        raise


def _columns(columns: object) -> dict[str, str]:
    return {str(each.name).lower(): str(each.type).lower() for each in columns}  # type: ignore[attr-defined]
