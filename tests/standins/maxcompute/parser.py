"""From words to statements. Queries stay words: sqlglot reads them (``translate.py``)."""

from __future__ import annotations

from collections.abc import Callable

from tests.standins.maxcompute.errors import SqlError, parse_error
from tests.standins.maxcompute.lexer import Token, tokenize
from tests.standins.maxcompute.odps_types import Column, normal_type
from tests.standins.maxcompute.statements import (
    Alter,
    CreateTable,
    CreateView,
    Describe,
    Drop,
    Insert,
    Name,
    PartitionSpec,
    Query,
    SetFlag,
    ShowPartitions,
    ShowTables,
    Statement,
    Truncate,
)


def parse_script(sql: str) -> list[Statement]:
    """The statements of a script, in order.

    Raises:
        SqlError: The script is no SQL (``ODPS-0130161``), or names a type that isn't one.
    """
    statements: list[list[Token]] = [[]]
    for token in tokenize(sql):
        if token.is_(";"):
            statements.append([])
        else:
            statements[-1].append(token)
    parsed = [_Parser(tokens, sql).statement() for tokens in statements if tokens]
    if not parsed:
        raise parse_error("no statement found")
    return parsed


class _Parser:
    def __init__(self, tokens: list[Token], sql: str) -> None:
        self.tokens = tokens
        self.sql = sql
        self.next = 0

    # --- reading words

    def peek(self, *words: str, ahead: int = 0) -> bool:
        place = self.next + ahead
        return place < len(self.tokens) and self.tokens[place].is_(*words)

    def take(self, *words: str) -> bool:
        """Steps over the words if they follow one another here."""
        if all(self.peek(word, ahead=i) for i, word in enumerate(words)):
            self.next += len(words)
            return True
        return False

    def expect(self, *words: str) -> None:
        if not self.take(*words):
            raise self.unexpected(f"expect {' '.join(words)}")

    def unexpected(self, hint: str = "") -> SqlError:
        tail = f", {hint}" if hint else ""
        if self.next < len(self.tokens):
            token = self.tokens[self.next]
            return parse_error(f"invalid token '{token.text}'{tail}", token.at)
        return parse_error(f"invalid token '<EOF>'{tail}", self.tokens[-1].at)

    def one(self, *kinds: str) -> Token:
        if self.next >= len(self.tokens) or self.tokens[self.next].kind not in kinds:
            raise self.unexpected(f"expect {' or '.join(kinds)}")
        self.next += 1
        return self.tokens[self.next - 1]

    def name(self) -> Name:
        parts = [self.one("word", "ident")]
        while self.take("."):
            parts.append(self.one("word", "ident"))
        if len(parts) > 3:
            raise parse_error(f"invalid table name '{'.'.join(part.text for part in parts)}'", parts[0].at)
        project = parts[0].text if len(parts) > 1 else None
        return Name(project, parts[-1].text.lower(), parts[0].at)

    def rest(self) -> list[Token]:
        tokens, self.next = self.tokens[self.next :], len(self.tokens)
        if not tokens:
            raise self.unexpected()
        return tokens

    def end(self) -> None:
        if self.next < len(self.tokens):
            raise self.unexpected()

    def listed(self, item: Callable[[], object]) -> None:
        """Items in parentheses, with commas between."""
        self.expect("(")
        while True:
            item()
            if not self.take(","):
                break
        self.expect(")")

    # --- statements

    def statement(self) -> Statement:
        first = self.tokens[0]
        if first.kind == "var":
            self.next = 1
            self.expect(":=")
            return Query(self.rest(), into=first.text)
        readers: dict[str, Callable[[], Statement]] = {
            "CREATE": self.create,
            "DROP": self.drop,
            "INSERT": lambda: self.insert([]),
            "ALTER": self.alter,
            "TRUNCATE": self.truncate,
            "DESC": self.describe,
            "DESCRIBE": self.describe,
            "SHOW": self.show,
            "SET": self.set_flag,
            "WITH": self.with_,
        }
        keyword = first.text.upper()
        if first.kind == "word" and keyword in readers:
            self.next = 1
            statement = readers[keyword]()
            self.end()
            return statement
        if first.is_("SELECT", "(", "VALUES"):
            return Query(self.rest())
        raise self.unexpected()

    def with_(self) -> Statement:
        depth = 0
        for i, token in enumerate(self.tokens):
            depth += token.is_("(") - token.is_(")")
            if depth == 0 and token.is_("INSERT"):
                self.next = i + 1
                return self.insert(self.tokens[:i])
        self.next = 0
        return Query(self.rest())

    def create(self) -> Statement:
        replace = self.take("OR", "REPLACE")
        if self.take("VIEW"):
            lenient = self.take("IF", "NOT", "EXISTS")
            name = self.name()
            self.expect("AS")
            select = self.rest()
            return CreateView(name, select, self.sql[select[0].start : select[-1].end], replace, lenient)
        self.take("EXTERNAL")
        self.expect("TABLE")
        lenient = self.take("IF", "NOT", "EXISTS")
        name = self.name()
        columns: list[Column] = []
        partitions: list[Column] = []
        comment, lifecycle, like, select_ = "", -1, None, None
        properties: dict[str, str] = {}
        if self.peek("("):
            columns = self.columns()
        while self.next < len(self.tokens):
            if self.take("COMMENT"):
                comment = self.one("string").text
            elif self.take("PARTITIONED", "BY"):
                partitions = self.columns()
            elif self.take("LIFECYCLE"):
                lifecycle = self.number()
            elif self.take("TBLPROPERTIES"):
                self.listed(lambda: self.property(properties))
            elif self.take("LIKE"):
                like = self.name()
            elif self.take("STORED", "AS"):
                self.one("word")
            elif self.take("AS"):
                select_ = self.rest()
            else:
                raise self.unexpected()
        if not columns and like is None and select_ is None:
            raise self.unexpected("expect columns, LIKE or AS")
        return CreateTable(name, columns, partitions, lenient, comment, lifecycle, properties, like, select_)

    def property(self, properties: dict[str, str]) -> None:
        key = self.one("string").text
        self.expect("=")
        properties[key] = self.one("string").text

    def number(self) -> int:
        token = self.one("number")
        if not token.text.isdigit():
            raise parse_error(f"invalid token '{token.text}', expect a whole number", token.at)
        return int(token.text)

    def columns(self) -> list[Column]:
        columns: list[Column] = []
        self.listed(lambda: self.column(columns))
        return columns

    def column(self, columns: list[Column]) -> None:
        if self.take("PRIMARY", "KEY"):
            self.listed(self.name)
            return
        name = self.one("word", "ident")
        kind = self.type()
        comment, nullable = "", True
        while True:
            if self.take("COMMENT"):
                comment = self.one("string").text
            elif self.take("NOT", "NULL"):
                nullable = False
            elif not self.take("NULL"):
                break
        columns.append(Column(name.text.lower(), kind, comment, nullable))

    def type(self) -> str:
        first = self.one("word")
        text, depth = first.text, 0
        while self.next < len(self.tokens):
            token = self.tokens[self.next]
            if depth == 0 and not token.is_("<", "("):
                break
            depth += token.is_("<", "(") - token.is_(">", ")")
            text += token.text
            self.next += 1
        return normal_type(text, first.at)

    def drop(self) -> Statement:
        view = self.take("VIEW")
        if not view:
            self.expect("TABLE")
        lenient = self.take("IF", "EXISTS")
        return Drop(self.name(), lenient, view)

    def insert(self, head: list[Token]) -> Statement:
        overwrite = self.take("OVERWRITE")
        if not overwrite:
            self.expect("INTO")
        self.take("TABLE")
        name = self.name()
        partition = self.partition() if self.take("PARTITION") else ()
        columns: list[str] = []
        if self.peek("(") and not self.peek("SELECT", "WITH", "(", "VALUES", ahead=1):
            self.listed(lambda: columns.append(self.one("word", "ident").text.lower()))
        return Insert(name, overwrite, partition, columns, head + self.rest())

    def partition(self) -> PartitionSpec:
        pairs: list[tuple[str, str | None]] = []

        def pair() -> None:
            key = self.one("word", "ident").text.lower()
            pairs.append((key, self.one("string", "number").text if self.take("=") else None))

        self.listed(pair)
        return tuple(pairs)

    def partitions(self) -> list[PartitionSpec]:
        specs: list[PartitionSpec] = []
        while self.take("PARTITION") or (specs and self.take(",", "PARTITION")):
            specs.append(self.partition())
        return specs

    def alter(self) -> Statement:
        self.expect("TABLE")
        name = self.name()
        if self.take("SET", "LIFECYCLE"):
            return Alter(name, "lifecycle", number=self.number())
        if self.take("SET", "COMMENT"):
            return Alter(name, "comment", text=self.one("string").text)
        if self.take("RENAME", "TO"):
            return Alter(name, "rename", text=self.name().table)
        if self.take("ADD", "COLUMNS") or self.take("ADD", "COLUMN"):
            return Alter(name, "add columns", columns=self.columns())
        if self.take("TOUCH"):
            return Alter(name, "touch", partitions=self.partitions())
        for word in ("ADD", "DROP"):
            if self.take(word):
                lenient = self.take("IF", "NOT", "EXISTS") if word == "ADD" else self.take("IF", "EXISTS")
                specs = self.partitions()
                if not specs:
                    raise self.unexpected("expect PARTITION")
                return Alter(name, f"{word.lower()} partitions", partitions=specs, lenient=lenient)
        raise self.unexpected()

    def truncate(self) -> Statement:
        self.expect("TABLE")
        return Truncate(self.name(), self.partitions())

    def describe(self) -> Statement:
        self.take("EXTENDED")
        self.take("TABLE")
        return Describe(self.name(), self.partition() if self.take("PARTITION") else ())

    def show(self) -> Statement:
        if self.take("TABLES"):
            return ShowTables(self.one("string").text if self.take("LIKE") else None)
        self.expect("PARTITIONS")
        return ShowPartitions(self.name())

    def set_flag(self) -> Statement:
        start = self.next
        while self.next < len(self.tokens) and not self.peek("="):
            self.next += 1
        key = "".join(token.text for token in self.tokens[start : self.next])
        self.expect("=")
        value = self.tokens[self.next :]
        self.next = len(self.tokens)
        return SetFlag(key, self.sql[value[0].start : value[-1].end] if value else "")
