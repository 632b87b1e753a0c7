"""The words of MaxCompute SQL, with ``${…}`` among them: where each one stands decides what may be put there.

Literals in single and double quotes (backslash escapes; two side by side are one), names in backquotes, comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from automl_core.backends.substitution import PlaceholderError

Kind: TypeAlias = Literal["space", "comment", "string", "quoted", "escaped", "placeholder", "word", "sign"]

_TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<string>'(?:[^'\\]|\\.)*(?:'|\\?\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z))
    | (?P<quoted>`[^`]*(?:`|\Z))
    | (?P<escaped>\$\$\{)
    | (?P<placeholder>\$\{[^{}\n]*\}?)
    | (?P<word>\w+)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL as written; all of them joined are the text.

    Attributes:
        kind: ``string`` and ``quoted`` (backquotes) with their quotes, ``escaped`` is ``$${``.
        text: as written.
        start: offset in the text.
    """

    kind: Kind
    text: str
    start: int

    @property
    def keyword(self) -> str:
        """The word in capitals; empty for anything else."""
        return self.text.upper() if self.kind == "word" else ""


def tokenize(sql: str) -> list[Token]:
    """Split SQL into its words.

    Raises:
        PlaceholderError: a literal, a name in backquotes or a comment has no end.
    """
    tokens = [Token(_kind(match), match.group(), match.start()) for match in _TOKEN.finditer(sql)]
    for token in tokens:
        problem = _unclosed(token)
        if problem:
            raise PlaceholderError(f"line {line_of(sql, token.start)}: {problem}: {_start_of(token.text)}")
    return tokens


def line_of(text: str, offset: int) -> int:
    """The line, from 1, of a place in a text."""
    return text.count("\n", 0, offset) + 1


def split(sql: str) -> list[str]:
    """The statements of a text with ``;`` between them, without those that are empty or comments only.

    Raises:
        PlaceholderError: see `tokenize`.
    """
    return ["".join(token.text for token in part).strip() for part in _parts(tokenize(sql)) if _says_something(part)]


def significant(tokens: list[Token]) -> list[Token]:
    """The tokens without blanks and comments."""
    return [token for token in tokens if token.kind not in ("space", "comment")]


def _parts(tokens: list[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token.kind == "sign" and token.text == ";":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _says_something(part: list[Token]) -> bool:
    return bool(significant(part))


def _kind(match: re.Match[str]) -> Kind:
    kind: Kind = match.lastgroup  # type: ignore[assignment]  # the groups are named after the kinds
    return kind


def _unclosed(token: Token) -> str:
    text = token.text
    if token.kind == "string" and (len(text) < 2 or not _ends(text)):
        return "a string literal without its end"
    if token.kind == "quoted" and (len(text) < 2 or text[-1] != "`"):
        return "a name in backquotes without its end"
    if token.kind == "comment" and text.startswith("/*") and (len(text) < 4 or not text.endswith("*/")):
        return "a comment without its end"
    return ""


def _ends(literal: str) -> bool:
    """Whether a literal ends with its quote, and not with one that a backslash has taken."""
    body = literal[1:-1]
    slashes = len(body) - len(body.rstrip("\\"))
    return literal[-1] == literal[0] and slashes % 2 == 0


def _start_of(text: str) -> str:
    shown = text[:30].replace("\n", " ")
    return shown if len(text) <= 30 else f"{shown}…"
