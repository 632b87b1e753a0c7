"""The statements of a script: what each asks for, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.standins.maxcompute.lexer import Token
from tests.standins.maxcompute.odps_types import Column


@dataclass(frozen=True)
class Name:
    """A table as a statement names it.

    Attributes:
        project: None where the statement leaves it to the project it runs in.
    """

    project: str | None
    table: str
    at: tuple[int, int] = (1, 1)


PartitionSpec = tuple[tuple[str, str | None], ...]
"""Partition columns in order, each with its value, or None where each row brings its own (dynamic)."""


@dataclass(frozen=True)
class Query:
    """A select; ``into`` is the script variable that keeps its rows."""

    tokens: list[Token]
    into: str | None = None


@dataclass(frozen=True)
class CreateTable:
    name: Name
    columns: list[Column] = field(default_factory=list)
    partitions: list[Column] = field(default_factory=list)
    if_not_exists: bool = False
    comment: str = ""
    lifecycle: int = -1
    properties: dict[str, str] = field(default_factory=dict)
    like: Name | None = None
    select: list[Token] | None = None


@dataclass(frozen=True)
class CreateView:
    name: Name
    select: list[Token]
    text: str
    replace: bool = False
    if_not_exists: bool = False


@dataclass(frozen=True)
class Drop:
    name: Name
    if_exists: bool
    view: bool = False


@dataclass(frozen=True)
class Insert:
    """``select`` holds a query or VALUES; ``columns`` is empty where the statement names none."""

    name: Name
    overwrite: bool
    partition: PartitionSpec
    columns: list[str]
    select: list[Token]


@dataclass(frozen=True)
class Alter:
    """One change of a table; which of the fields counts, ``action`` says."""

    name: Name
    action: str
    number: int = 0
    text: str = ""
    partitions: list[PartitionSpec] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    lenient: bool = False


@dataclass(frozen=True)
class Truncate:
    name: Name
    partitions: list[PartitionSpec]


@dataclass(frozen=True)
class Describe:
    name: Name
    partition: PartitionSpec = ()


@dataclass(frozen=True)
class ShowTables:
    pattern: str | None = None


@dataclass(frozen=True)
class ShowPartitions:
    name: Name


@dataclass(frozen=True)
class SetFlag:
    key: str
    value: str


Statement = (
    Query
    | CreateTable
    | CreateView
    | Drop
    | Insert
    | Alter
    | Truncate
    | Describe
    | ShowTables
    | ShowPartitions
    | SetFlag
)
