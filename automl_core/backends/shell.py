"""Commands that are text, run by ``/bin/sh``: values that can't be executed, split or expanded.

A value never becomes part of the script. It is an argument of the shell, kept in a shell variable,
and the script only *refers* to that variable: the result of an expansion is never parsed again,
whatever it holds. How to refer depends on the quotes around a placeholder, so the script is
scanned for them: ``${x}`` outside quotes becomes ``"$v"`` (one word), inside double quotes and
here-documents ``$v``, inside single quotes the quotes are left for a moment. Should the scan misread
an outlandish script, a word may be split or stay unexpanded; even then no value is executed.

What the script itself hands to another interpreter (``eval``, ``sh -c``, ``python -c``, ``ssh``) is that
one's text: read ``AUTOML_PARAMS`` there instead. Reference: POSIX.1-2017, Shell Command Language, 2.2 to 2.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from automl_core.backends.substitution import Placeholder, PlaceholderError, parse

SHELL = "/bin/sh"

_MARK = "\0"  # stands for a placeholder in the text that is scanned; no script can hold a NUL of its own
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_DELIMITER = re.compile(r"""<<(?P<tabs>-?)[ \t]*(?P<word>(?:[^\s;|&()<>'"\\`]|\\.|'[^']*'|"[^"]*")+)""")


class _Place(Enum):
    """Where a placeholder stands in a script."""

    BARE = "outside quotes"
    DOUBLE = "in double quotes"
    SINGLE = "in single quotes"
    DOCUMENT = "in a here-document"
    COMMENT = "in a comment"
    ARITHMETIC = "in $((…))"
    BACKTICKS = "in backticks"
    RAW_DOCUMENT = "in a here-document with a quoted delimiter"
    DELIMITER = "in the delimiter of a here-document"
    ESCAPED = "after a backslash"


_REFERENCE = {
    _Place.BARE: '"${%s}"',
    _Place.DOUBLE: "${%s}",
    _Place.SINGLE: "'\"${%s}\"'",
    _Place.DOCUMENT: "${%s}",
    _Place.COMMENT: "${%s}",
    _Place.ARITHMETIC: "${%s}",
}
_REMEDY = {
    _Place.BACKTICKS: "write $(…) in place of the backticks",
    _Place.RAW_DOCUMENT: "the shell expands nothing there: take the quotes off the delimiter after <<",
    _Place.DELIMITER: "write a fixed word after <<",
    _Place.ESCAPED: "take the backslash away, or write $${ for a literal ${",
}


def shell_command(script: str, text_of: Callable[[Placeholder], str | None]) -> list[str]:
    """The argument list that runs a script with its placeholders' values.

    Args:
        script: the command, with ``${name}`` placeholders.
        text_of: gives a placeholder's text, None (used as the empty string) where the trial has no such value.

    Returns:
        ``[/bin/sh, -c, script, sh, value, …]``.

    Raises:
        PlaceholderError: a placeholder stands where no value can be had, or not this one (see `check_shell`).
    """
    pieces = parse(script)
    values: dict[str, str] = {}  # in the order of the shell's positional parameters
    variables: dict[str, str] = {}
    result: list[str] = []
    places = iter(_places(pieces))
    for piece in pieces:
        if isinstance(piece, str):
            result.append(piece)
            continue
        place = next(places)
        text = text_of(piece) or ""
        problem = _misplaced(piece, place)
        if place is _Place.ARITHMETIC and text and not _NUMBER.fullmatch(text):
            problem = f"command: {piece.source} {place.value} must be a number, and {text!r} is none"
        if problem:
            raise PlaceholderError(problem)
        variable = variables.setdefault(piece.name, f"_automl_{len(variables) + 1}")
        values[piece.name] = text
        result.append(_REFERENCE[place] % variable)
    # On the script's own first line, so that the line numbers in the shell's messages stay right.
    take = " ".join(f"{variable}=${{{n}}}" for n, variable in enumerate(variables.values(), start=1))
    prefix = f"{take}; shift {len(variables)}; " if variables else ""
    return [SHELL, "-c", prefix + "".join(result), "sh", *values.values()]


def check_shell(script: str) -> list[str]:
    """Placeholders of a script that stand where no value can be had, one sentence each."""
    pieces = parse(script)
    if any(isinstance(piece, str) and _MARK in piece for piece in pieces):
        return ["command: there is a NUL character in it, which no command can carry"]
    placeholders = [piece for piece in pieces if isinstance(piece, Placeholder)]
    found = (_misplaced(piece, place) for piece, place in zip(placeholders, _places(pieces), strict=True))
    return list(dict.fromkeys(problem for problem in found if problem))


def _misplaced(placeholder: Placeholder, place: _Place) -> str | None:
    if place not in _REMEDY:
        return None
    return f"command: {placeholder.source} can't stand {place.value}: {_REMEDY[place]}"


def _places(pieces: list[str | Placeholder]) -> list[_Place]:
    """Where each placeholder stands, in order."""
    if any(isinstance(piece, str) and _MARK in piece for piece in pieces):
        raise PlaceholderError("command: there is a NUL character in it, which no command can carry")
    text = "".join(piece if isinstance(piece, str) else _MARK for piece in pieces)
    return _Scanner(text, _Frame(_Place.BARE, "")).scan()


@dataclass(frozen=True, slots=True)
class _Frame:
    """A stretch of script in which quoting works in one way, up to its closer."""

    place: _Place
    closer: str


@dataclass(frozen=True, slots=True)
class _Document:
    """A here-document whose body begins on the next line."""

    delimiter: str
    strip_tabs: bool
    raw: bool


class _Scanner:
    """Reads a script once, left to right, and notes where each mark stands."""

    def __init__(self, text: str, frame: _Frame) -> None:
        self._text = text
        self._at = 0
        self._frames = [frame]
        self._documents: list[_Document] = []
        self._found: list[_Place] = []

    def scan(self) -> list[_Place]:
        text = self._text
        while self._at < len(text):
            char, frame = text[self._at], self._frames[-1]
            if char == _MARK:
                self._pass(1, frame.place)
            elif char == "\\":
                self._pass(2, _Place.ESCAPED)
            elif char == "`":
                self._backticks()
            elif text.startswith("$((", self._at):
                self._push(3, _Frame(_Place.ARITHMETIC, ")"), _Frame(_Place.ARITHMETIC, ")"))
            elif text.startswith("$(", self._at):
                self._push(2, _Frame(_Place.BARE, ")"))
            elif text.startswith("${", self._at):
                self._push(2, _Frame(_Place.BARE if frame.place is _Place.BARE else _Place.DOUBLE, "}"))
            elif char == frame.closer:
                self._frames.pop()
                self._at += 1
            elif frame.place is _Place.BARE:
                self._bare(char, frame)
            elif char == "(" and frame.place is _Place.ARITHMETIC:
                self._push(1, frame)
            elif char == '"' and frame.place is _Place.DOUBLE:
                self._push(1, _Frame(_Place.DOUBLE, '"'))
            else:
                self._at += 1
        return self._found

    def _bare(self, char: str, frame: _Frame) -> None:
        """One step outside quotes."""
        text, in_braces = self._text, frame.closer == "}"
        if char == "'":
            end = text.find("'", self._at + 1)
            self._pass((end + 1 if end >= 0 else len(text)) - self._at, _Place.SINGLE)
        elif char == '"':
            self._push(1, _Frame(_Place.DOUBLE, '"'))
        elif in_braces:
            self._at += 1
        elif char == "(":
            self._push(1, _Frame(_Place.BARE, ")"))
        elif char == "#" and (self._at == 0 or text[self._at - 1] in " \t\n;|&()"):
            end = text.find("\n", self._at)
            self._pass((end if end >= 0 else len(text)) - self._at, _Place.COMMENT)
        elif text.startswith("<<<", self._at):
            self._at += 3
        elif match := _DELIMITER.match(text, self._at):
            word = match["word"]
            bare_word = re.sub(r"""\\(.)|['"]""", r"\1", word)
            if _MARK not in word:
                self._documents.append(_Document(bare_word, bool(match["tabs"]), raw=bare_word != word))
            self._pass(len(match[0]), _Place.DELIMITER)
        else:
            self._at += 1
            if char == "\n":
                self._bodies()

    def _push(self, length: int, *frames: _Frame) -> None:
        self._frames.extend(frames)
        self._at += length

    def _pass(self, length: int, place: _Place) -> None:
        """Go on by so many characters, all marks in them standing at one kind of place."""
        end = self._at + length
        self._found.extend([place] * self._text.count(_MARK, self._at, end))
        self._at = end

    def _backticks(self) -> None:
        end = self._at + 1
        while end < len(self._text) and self._text[end] != "`":
            end += 2 if self._text[end] == "\\" else 1
        self._pass(end + 1 - self._at, _Place.BACKTICKS)

    def _bodies(self) -> None:
        """The bodies of the here-documents that were announced on the line before."""
        for document in self._documents:
            start = self._at
            while self._at < len(self._text):
                line_start = self._at
                line_end = self._text.find("\n", line_start)
                line_end = line_end if line_end >= 0 else len(self._text)
                self._at = min(line_end + 1, len(self._text))
                line = self._text[line_start:line_end]
                if (line.lstrip("\t") if document.strip_tabs else line) == document.delimiter:
                    break
            else:
                line_start = self._at
            body = self._text[start:line_start]
            if document.raw:
                self._found.extend([_Place.RAW_DOCUMENT] * body.count(_MARK))
            else:
                self._found.extend(_Scanner(body, _Frame(_Place.DOCUMENT, "")).scan())
        self._documents = []
