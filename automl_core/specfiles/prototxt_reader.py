"""Reading protocol buffers' text format without the message's definition, as the base of a spec file.

What only the definition would tell stays open, and is written back as it was read: a field that stands there once may
be a repeated one, a whole number may be a float's. A bare word is a value of an enum. Extensions and ``Any`` in
brackets are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from automl_core.spec.errors import Path

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n\f\v]+|\#[^\n]*)
      | (?P<number>-?[ \t]*(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?[fF]?))(?![\w.])
      | (?P<word>-?[ \t]*[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<mark>[{}<>\[\]:;,])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SIMPLE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34, "?": 63}
_CLOSES = {"{": "}", "<": ">"}
_MOST_DEEP = 64


class PrototxtError(ValueError):
    """A text that is no message. The message says what is wrong; ``lineno`` where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.lineno = line


@dataclass(slots=True)
class Message:
    """A text as plain data.

    Attributes:
        data: field → value; of a field that stands there several times, a list.
        enums: dotted names of fields that hold an enum's value.
        lines: place in ``data`` → line.
    """

    data: dict[str, Any] = field(default_factory=dict)
    enums: set[str] = field(default_factory=set)
    lines: dict[Path, int] = field(default_factory=dict)

    def position(self, path: Path) -> tuple[int | None, int | None]:
        """The line at which a place stands, or the nearest one around it; no column."""
        while path and path not in self.lines:
            path = path[:-1]
        return (self.lines.get(path), None)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def read_prototxt(text: str) -> Message:
    """Read a message.

    Raises:
        PrototxtError: it is none, or has something in it that can't be read without its definition.
    """
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens, self._at = list(_tokens(text)), 0
        self._texts: dict[str, int] = {}  # fields that hold text in quotes → line
        self._message = Message()

    def read(self) -> Message:
        self._fields(self._message.data, (), "", "")
        for name in self._message.enums & self._texts.keys():
            raise PrototxtError(f"{name} is text in quotes here and a value of an enum elsewhere", self._texts[name])
        return self._message

    def _fields(self, body: dict[str, Any], path: Path, names: str, closing: str) -> None:
        if len(path) > 2 * _MOST_DEEP:
            raise PrototxtError(f"messages are nested deeper than {_MOST_DEEP}", self._peek().line)
        while (token := self._next()).text != closing or token.kind != ("mark" if closing else "end"):
            if token.kind != "word" or token.text.startswith("-"):
                known = (
                    "extensions and Any are not known here" if token.text == "[" else "the name of a field is wanted"
                )
                raise PrototxtError(f"found {token.text or 'the end'!r}: {known}", token.line)
            has_colon = self._takes(":")
            name = token.text
            many = self._takes("[")
            values = list(self._values(body, (*path, name), f"{names}{name}", has_colon, many))
            if not many or values or name not in body:
                _put(body, name, values if many else values[0])
            if not self._takes(";"):
                self._takes(",")

    def _values(self, body: dict[str, Any], path: Path, name: str, has_colon: bool, many: bool) -> Iterator[Any]:
        """The value of a field, or those of a list."""
        there = body.get(str(path[-1]))
        count = len(there) if isinstance(there, list) else 0 if path[-1] not in body else 1
        if many and self._takes("]"):
            return
        while True:
            place = (*path, count) if many or count else path
            self._message.lines.setdefault(path, self._peek().line)
            self._message.lines[place] = self._peek().line
            yield self._value(place, name, has_colon)
            count += 1
            if not many or self._takes("]"):
                return
            if not self._takes(","):
                raise PrototxtError(
                    f"{name}: found {self._peek().text!r} where ',' or ']' is wanted", self._peek().line
                )

    def _value(self, path: Path, name: str, has_colon: bool) -> Any:
        token = self._next()
        if token.kind == "mark" and token.text in _CLOSES:
            inner: dict[str, Any] = {}
            self._fields(inner, path, f"{name}.", _CLOSES[token.text])
            return inner
        if not has_colon:
            raise PrototxtError(
                f"{name}: found {token.text or 'the end'!r} where ':' or a message is wanted", token.line
            )
        if token.kind == "text":
            self._texts.setdefault(name, token.line)
            return self._text(token)
        if token.kind == "number":
            return _number(token)
        if token.kind == "word":
            return self._word(token, name)
        raise PrototxtError(f"{name}: found {token.text or 'the end'!r} where a value is wanted", token.line)

    def _text(self, first: _Token) -> str:
        data = _bytes(first)
        while self._peek().kind == "text":  # texts side by side are one
            data += _bytes(self._next())
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise PrototxtError("bytes that are no UTF-8 can't be kept", first.line) from None

    def _word(self, token: _Token, name: str) -> Any:
        word = re.sub(r"[ \t]", "", token.text)
        if word in ("true", "True", "false", "False"):
            return word.lower() == "true"
        if word.lower().lstrip("-") in ("inf", "infinity", "nan"):
            return float(word.lower())
        if word.startswith("-"):
            raise PrototxtError(f"{name}: {word} is no number", token.line)
        self._message.enums.add(name)
        return word

    def _peek(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _takes(self, mark: str) -> bool:
        if self._peek().kind == "mark" and self._peek().text == mark:
            self._at += 1
            return True
        return False


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    """Add a field's value, or values: the second one makes it a list."""
    if name not in body:
        body[name] = value
        return
    there = body[name] if isinstance(body[name], list) else [body[name]]
    body[name] = [*there, *value] if isinstance(value, list) else [*there, value]


def _tokens(text: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise PrototxtError(f"{text[position : position + 10].splitlines()[0]!r} has no meaning here", line)
        if match.lastgroup != "blank":
            yield _Token(str(match.lastgroup), match[0], line)
        line += match[0].count("\n")
        position = match.end()
    yield _Token("end", "", line)


def _number(token: _Token) -> int | float:
    text = re.sub(r"[ \t]", "", token.text)
    digits = text.lstrip("-")
    if digits[:2] in ("0x", "0X"):
        return int(text, 16)
    if digits.isdecimal():
        octal = len(digits) > 1 and digits[0] == "0"
        try:
            return int(text, 8 if octal else 10)
        except ValueError:
            raise PrototxtError(f"{text} is no octal number", token.line) from None
    return float(text.rstrip("fF"))


def _bytes(token: _Token) -> bytes:
    made, position = bytearray(), 0
    text = token.text[1:-1]
    for match in _ESCAPE.finditer(text):
        made += text[position : match.start()].encode()
        octal, hexadecimal, short, long, simple = match.groups()
        if octal or hexadecimal:
            made.append(int(octal or hexadecimal, 8 if octal else 16) & 0xFF)
        elif short or long:
            made += chr(int(short or long, 16)).encode(errors="replace")
        elif simple in _SIMPLE:
            made.append(_SIMPLE[simple])
        else:
            raise PrototxtError(f"\\{simple} is no escape", token.line)
        position = match.end()
    return bytes(made + text[position:].encode())
