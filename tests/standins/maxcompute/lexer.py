"""The words of MaxCompute SQL: string literals with backslash escapes, comments, backquotes, script variables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tests.standins.maxcompute.errors import parse_error

Kind = Literal["word", "ident", "string", "number", "op", "var"]

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W\d]\w*")
_NUMBER = re.compile(r"(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?:BD|bd|[LlSsYyDd](?!\w))?")
_OP = re.compile(r"<=>|<>|!=|==|<=|>=|\|\||&&|->|:=|[-+*/%<>=!,.;()\[\]{}:&|^~?]")
_VARIABLE = re.compile(r"@\w+")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "r": "\r", "0": "\0", "Z": "\x1a"}
_OCTAL = re.compile(r"[01][0-7]{2}")
_UNICODE = re.compile(r"u(?![dD][89a-fA-F])([0-9A-Fa-f]{4})")
_STOPS = {"'": re.compile(r"['\\]"), '"': re.compile(r'["\\]')}


@dataclass(frozen=True)
class Token:
    """One word of a statement.

    Attributes:
        text: As written; for strings and backquoted names, what they mean.
        start, end: Offsets in the script.
        at: Line and column, from 1.
    """

    kind: Kind
    text: str
    start: int
    end: int
    at: tuple[int, int]

    def is_(self, *words: str) -> bool:
        """Whether this is one of these keywords or operators."""
        return self.kind in ("word", "op") and self.text.upper() in words


def tokenize(sql: str) -> list[Token]:
    """The words of a script, without blanks and comments.

    Raises:
        SqlError: A literal or a comment without an end, or a sign that SQL doesn't know.
    """
    tokens: list[Token] = []
    position = 0
    starts = [0, *(match.end() for match in re.finditer("\n", sql))]
    line = 0
    while position < len(sql):
        while line + 1 < len(starts) and starts[line + 1] <= position:
            line += 1
        at = (line + 1, position - starts[line] + 1)
        end = _skip(sql, position, at)
        if end == position:
            token = _next(sql, position, at)
            end = token.end
            if token.kind == "string" and tokens and tokens[-1].kind == "string":
                # Two literals side by side are one: 'it''s' is its.
                first = tokens.pop()
                token = Token("string", first.text + token.text, first.start, end, first.at)
            tokens.append(token)
        position = end
    return tokens


def _skip(sql: str, position: int, at: tuple[int, int]) -> int:
    if match := _SPACE.match(sql, position):
        return match.end()
    if sql.startswith("--", position):
        end = sql.find("\n", position)
        return len(sql) if end < 0 else end
    if sql.startswith("/*", position):
        end = sql.find("*/", position + 2)
        if end < 0:
            raise parse_error("comment without end", at)
        return end + 2
    return position


def _next(sql: str, position: int, at: tuple[int, int]) -> Token:
    char = sql[position]
    if char in "'\"":
        text, end = _string(sql, position, at)
        return Token("string", text, position, end, at)
    if char == "`":
        end = sql.find("`", position + 1)
        if end < 0:
            raise parse_error("invalid token '`'", at)
        return Token("ident", sql[position + 1 : end], position, end + 1, at)
    patterns: tuple[tuple[Kind, re.Pattern[str]], ...] = (
        ("word", _WORD),
        ("number", _NUMBER),
        ("var", _VARIABLE),
        ("op", _OP),
    )
    for kind, pattern in patterns:
        if match := pattern.match(sql, position):
            return Token(kind, match.group(), position, match.end(), at)
    raise parse_error(f"invalid token '{char}'", at)


def _string(sql: str, position: int, at: tuple[int, int]) -> tuple[str, int]:
    quote = sql[position]
    parts: list[str] = []
    position += 1
    while True:
        match = _STOPS[quote].search(sql, position)
        if match is None:
            raise parse_error(f"invalid token '{quote}', string literal without end", at)
        end = match.start()
        parts.append(sql[position:end])
        if sql[end] == quote:
            return "".join(parts), end + 1
        text, position = _escape(sql, end + 1)
        parts.append(text)


def _escape(sql: str, position: int) -> tuple[str, int]:
    """What follows a backslash, and where the literal goes on."""
    if match := _OCTAL.match(sql, position):
        return chr(int(match.group(), 8)), match.end()
    if match := _UNICODE.match(sql, position):
        return chr(int(match.group(1), 16)), match.end()
    if position >= len(sql):
        return "", position
    char = sql[position]
    if char in "%_":
        return "\\" + char, position + 1  # patterns of LIKE keep it
    return _ESCAPES.get(char, char), position + 1


def render(tokens: list[Token]) -> tuple[str, list[int]]:
    """The words as SQL that sqlglot's Hive dialect reads, and the offset of each."""
    parts: list[str] = []
    offsets: list[int] = []
    length = 0
    for token in tokens:
        text = token.text
        if token.kind == "string":
            text = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
        elif token.kind in ("ident", "var"):
            text = f"`{text}`"
        offsets.append(length)
        parts.append(text)
        length += len(text) + 1
    return " ".join(parts), offsets
