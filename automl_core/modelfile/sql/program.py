"""Named expressions, and the statements that compute them.

An expression reads columns of the table and expressions named before it. SQL has no names within one SELECT that others
of it could read, so each level of them is a SELECT over the one below. Where a statement would grow too large it ends
in a table, which the next one reads: `Program.statements` says where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from automl_core.modelfile.sql.constants import Constants
from automl_core.modelfile.sql.dialects import Target
from automl_core.modelfile.sql.nodes import Node, column, names_in
from automl_core.modelfile.sql.script import NotInSql


@dataclass(frozen=True)
class Definition:
    """An expression with a name.

    Attributes:
        name: unique, in lower case, without quotes.
        sql: its text.
        reads: names of the definitions that it reads.
        beside: constants that it reads: what stands in FROM beside its rows.
        bytes: of its text.
        join: a table of constants that it reads, with JOIN and ON.
    """

    name: str
    sql: str
    reads: frozenset[str]
    beside: str = ""
    bytes: int = 0
    join: str = ""


@dataclass
class Program:
    """All definitions of a script, in the order in which they were made.

    Attributes:
        target: the dialect.
        source: the FROM of the first statement, with its alias and WHERE.
        alias: what the table is called there.
        piece: bytes of what is added in one expression, where there is much of it.
    """

    target: Target
    source: str
    alias: str = "src"
    piece: int = 40_000
    _definitions: dict[str, Definition] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)
    _columns: dict[str, str] = field(default_factory=dict)
    _joined: dict[tuple[str, str], str] = field(default_factory=dict)
    _numbers: int = 0

    def read(self, name: str) -> exp.Column:
        """A column of the table, as it is."""
        if name not in self._columns:
            own = f"c{len(self._columns) + 1}"
            sql = f"{self.alias}.{self.target.quoted(name)}"
            self._definitions[own] = Definition(own, sql, frozenset(), "", len(sql.encode()))
            self._columns[name] = own
        return column(self._columns[name])

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table that are read."""
        return tuple(self._columns)

    def constants(self, columns: Sequence[str], beside: str) -> None:
        """Columns of one row that stands beside the table's, for expressions to read.

        Args:
            columns: their names, which nothing else has.
            beside: the subquery that has them, with its alias.
        """
        for name in columns:
            self._definitions[name] = Definition(name, name, frozenset(), beside, len(name))

    def let(self, node: Node) -> exp.Column:
        """Name an expression; one that is there already keeps its name.

        Args:
            node: reads columns that `read`, `constants` and `let` gave.
        """
        if isinstance(node, exp.Column):
            return node
        sql = self.target.write(node)
        known = self._known.get(sql)
        if known is None:
            known = f"x{len(self._known) + 1}"
            reads = frozenset(names_in(node) & self._definitions.keys())
            self._definitions[known] = Definition(known, sql, reads, "", len(sql.encode()))
            self._known[sql] = known
        return column(known)

    def over(self, key: exp.Column, constants: Constants, before: Sequence[Node]) -> list[exp.Column]:
        """Values of a table of constants in rows whose key it has, what was before in all others.

        Args:
            key: a column of the type of the keys.
            constants: the table.
            before: as many as it has columns of values.
        """
        table = constants.table(self.target)
        known = self._joined.setdefault((key.name, table), f"j{len(self._joined) + 1}")
        join = f"LEFT JOIN {table} AS {known} ON {known}.k = {key.name}"
        found = []
        for place, each in enumerate(before):
            sql = f"CASE WHEN {known}.k IS NULL THEN {self.target.write(each)} ELSE {known}.v{place} END"
            name = self._known.setdefault(sql, f"x{len(self._known) + 1}")
            reads = frozenset(({key.name} | names_in(each)) & self._definitions.keys())
            self._definitions.setdefault(name, Definition(name, sql, reads, "", len(sql.encode()), join))
            found.append(column(name))
        return found

    def next_number(self) -> int:
        """A number that no other name has."""
        self._numbers += 1
        return self._numbers

    def statements(self, outputs: Sequence[tuple[str, exp.Column]], most: int | None) -> list[Statement]:
        """What computes the outputs, split where a statement would have more bytes than that.

        Args:
            outputs: name of each column of the result, and what it is.
            most: bytes; None: one statement.

        Raises:
            NotInSql: one expression alone is larger, or a table between would have too many columns.
        """
        wanted = [each.name for _, each in outputs]
        live = self._live(wanted)
        order = [each for name, each in self._definitions.items() if name in live]
        pieces = self._packed(order, most)
        found = []
        for number, piece in enumerate(pieces):
            later = [each for other in pieces[number + 1 :] for each in other]
            needed = set(wanted).union(*(each.reads for each in later))
            before = {each.name for other in pieces[:number] for each in other}
            passed = [name for name in self._definitions if name in before and name in needed]
            own = [each.name for each in piece if each.name in needed]
            if len(passed) + len(own) > self.target.most_columns:
                raise NotInSql(
                    f"a table between two steps would have {len(passed) + len(own):,} columns, {self.target.name} "
                    f"allows {self.target.most_columns:,}: allow larger statements, or take a model of fewer features"
                )
            found.append(Statement(self, number == 0, tuple(piece), frozenset(before), (*passed, *own)))
        return found

    def _live(self, wanted: Iterable[str]) -> set[str]:
        """Names that the outputs need."""
        found: set[str] = set()
        open_ = list(wanted)
        while open_:
            name = open_.pop()
            if name not in found:
                found.add(name)
                open_ += self._definitions[name].reads
        return found

    def _packed(self, order: Sequence[Definition], most: int | None) -> list[list[Definition]]:
        """Definitions by statement, in their order. What only renames the table's columns is in the first."""
        first = [each for each in order if not each.reads and each.name.startswith("c")]
        pieces: list[list[Definition]] = [list(first)]
        size = sum(each.bytes + 40 for each in first)
        joined: set[str] = set()
        for each in order:
            if each.name.startswith("c"):
                continue
            own = each.bytes + len(each.beside.encode())
            own += 0 if each.join in joined else len(each.join.encode())
            if most is not None and own > most * 0.9:
                raise NotInSql(
                    f"one expression of the model has {own:,} bytes, and a statement may have {most:,} "
                    "(most_bytes): take a smaller model"
                )
            # 60: its name and those that are passed on for it
            if most is not None and size + own + 60 > most * 0.8 and len(pieces[-1]) > 0:
                pieces.append([])
                size, joined = 12 * len(order), set()
                own = each.bytes + len(each.beside.encode()) + len(each.join.encode())
            pieces[-1].append(each)
            joined.add(each.join)
            size += own + 60
        return pieces


@dataclass(frozen=True)
class Statement:
    """What one statement computes.

    Attributes:
        first: it reads the table itself.
        own: its definitions.
        before: names that the table before has.
        kept: names that it hands on, in order.
    """

    program: Program
    first: bool
    own: tuple[Definition, ...]
    before: frozenset[str]
    kept: tuple[str, ...]

    def select(self, before: str, outputs: Sequence[tuple[str, exp.Column]] | None = None) -> str:
        """The SELECT.

        Args:
            before: the FROM: the table before.
            outputs: of the last statement: names of the result's columns, and what they are.
        """
        levels = self._levels()
        last = [(each.name, name) for name, each in outputs] if outputs else [(name, name) for name in self.kept]
        wanted = {inner for inner, _ in last}
        kept: list[set[str]] = []  # by level: names that those above need
        for level in reversed(levels):
            kept.insert(0, set(wanted))
            wanted = (wanted - {each.name for each in level}).union(*(each.reads for each in level))
        names = list(self.program._definitions)
        source = before
        for number, level in enumerate(levels):
            own = {each.name: each for each in level}
            columns = [f"{own[name].sql} AS {name}" if name in own else name for name in names if name in kept[number]]
            beside = dict.fromkeys(each.beside for each in level if each.beside)
            joins = dict.fromkeys(each.join for each in level if each.join)
            source = (
                f"(SELECT {', '.join(columns)} FROM {', '.join([' '.join([source, *joins]), *beside])}) AS l{number}"  # noqa: S608 – names are ours, texts sqlglot's
            )
        quoted = self.program.target.quoted
        shown = ", ".join(f"{inner} AS {quoted(name)}" if outputs else inner for inner, name in last)
        return f"SELECT {shown} FROM {source}"  # noqa: S608

    def _levels(self) -> list[list[Definition]]:
        """Definitions by level: each reads those of lower ones. Without need for a level there is none."""
        level: dict[str, int] = {}
        found: list[list[Definition]] = []
        base = 0 if not self.first else 1
        for each in self.own:
            own = [level[name] for name in each.reads if name in level]
            place = max(own) + 1 if own else (0 if each.name.startswith("c") else base)
            level[each.name] = place
            while len(found) <= place:
                found.append([])
            found[place].append(each)
        return [each for each in found if each]
