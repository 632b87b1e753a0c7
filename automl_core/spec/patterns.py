r"""Users' regular expressions in the syntax of RE2, which matches in a time that only grows with the line's length.

The experiment file takes Python's expressions. RE2 writes some of the same things in another way (`\Z`, `{,3}`,
`\u4e00`), means less by others (`\w`, `\d`, `\s` and `\b` are ASCII there), and lacks what can't be matched in linear
time. A pattern is rewritten in two forms, one for lines of ASCII alone and one for all others; what has no form keeps
its meaning in a guarded child process (`automl_core.metrics.guarded`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LENGTH = 1_000
"""Characters that a pattern may have."""

_ASCII = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t-\r\x1c-\x20"}
_ASCII_BUT = {
    "d": r"\x00-/:-\x{10FFFF}",
    "w": r"\x00-/:-@\[-\^`{-\x{10FFFF}",
    "s": r"\x00-\x08\x0e-\x1b!-\x{10FFFF}",
}
# str.isdecimal, str.isalnum and str.isspace, which Python's classes are defined by
_UNICODE = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": r"\t-\r\x1c-\x20\x{85}\p{Z}"}
_BRACES = re.compile(r"\{(\d*)(,?)(\d*)\}", re.ASCII)
_FLAGS = re.compile(r"\(\?([aiLmsux]*(?:-[aiLmsux]+)?)([:)])")
_HEX = {"x": 2, "u": 4, "U": 8}
_KEPT = frozenset("Aafnrtv")
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")


class NotLinear(Exception):
    """A pattern, or one form of it, has no equal in RE2. The message says what of it."""


@dataclass(frozen=True, slots=True)
class LinearForm:
    """A pattern in RE2's syntax.

    Attributes:
        ascii: for lines of ASCII alone, in which it means what Python's does.
        other: for all other lines; None where only Python's own matching means the same there (word boundaries).
    """

    ascii: str
    other: str | None


def check_pattern(pattern: str) -> str | None:
    """What is wrong with a user's pattern, or None: it must be one of Python's, with one group."""
    if len(pattern) > MAX_LENGTH:
        return f"a pattern of {len(pattern):,} characters is too long; {MAX_LENGTH:,} are allowed"
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        return f"not a regular expression: {str(error) or type(error).__name__}"
    return None if groups == 1 else f"one group is wanted, found {groups}"


def linear_form(pattern: str) -> LinearForm:
    """A pattern that `re.compile` takes, rewritten for RE2.

    Raises:
        NotLinear: it has something that RE2 has not.
    """
    ascii_form = _Rewriter(pattern, unicode=False).rewrite()
    try:
        return LinearForm(ascii_form, _Rewriter(pattern, unicode=True).rewrite())
    except NotLinear:
        return LinearForm(ascii_form, None)


class _Rewriter:
    """One walk over a pattern's text."""

    def __init__(self, pattern: str, unicode: bool) -> None:
        self._text, self._at, self._unicode = pattern, 0, unicode

    def rewrite(self) -> str:
        out: list[str] = []
        while self._at < len(self._text):
            out.append(self._next())
        return "".join(out)

    def _next(self) -> str:
        char = self._text[self._at]
        if char == "\\":
            return self._escape(in_class=False)
        if char == "[":
            return self._class()
        if char == "(" and self._text.startswith("(?", self._at):
            return self._group()
        if char in "*+?{":
            return self._repetition()
        self._at += 1
        return char

    def _repetition(self) -> str:
        written = self._text[self._at]
        if written == "{":
            match = _BRACES.match(self._text, self._at)
            if match is None or match[0] == "{}":  # to Python it is no repetition then, but a brace
                self._at += 1
                return r"\{"
            self._at = match.end()
            written = f"{{{match[1] or '0'}{match[2]}{match[3]}}}"
        else:
            self._at += 1
        if self._text.startswith("+", self._at):
            raise NotLinear(f"the possessive repetition {written}+")
        if self._text.startswith("?", self._at):
            self._at += 1
            written += "?"
        return written

    def _group(self) -> str:
        rest = self._text[self._at :]
        if rest.startswith("(?P<") or rest.startswith("(?:"):
            length = 4 if rest[2] == "P" else 3
            self._at += length
            return rest[:length]
        if rest.startswith("(?#"):
            self._at = self._text.index(")", self._at) + 1
            return ""
        flags = _FLAGS.match(rest)
        if flags is not None:
            if set(flags[1]) & set("aLx"):
                raise NotLinear(f"the flags {flags[1]!r}")
            self._at += flags.end()
            return flags[0].replace("u", "").replace("(?)", "")
        if rest.startswith(_LOOKS):
            raise NotLinear("a look-around")
        raise NotLinear("a back-reference" if rest.startswith(("(?P=", "(?(")) else "an atomic group")

    def _class(self) -> str:
        out = ["["]
        self._at += 1
        if self._text.startswith("^", self._at):
            out.append("^")
            self._at += 1
        first = True
        while first or self._text[self._at] != "]":
            char, first = self._text[self._at], False
            if char == "\\":
                out.append(self._escape(in_class=True))
                continue
            out.append(f"\\{char}" if char in "[]" else char)  # a bare [ may begin one of RE2's named classes
            self._at += 1
        self._at += 1
        return "".join([*out, "]"])

    def _escape(self, in_class: bool) -> str:
        char = self._text[self._at + 1]
        self._at += 2
        if char in "dwsDWS":
            return self._known_class(char, in_class)
        if char in "bB":
            if in_class:
                return r"\x08"
            if self._unicode:
                raise NotLinear("a word boundary beside letters that are not ASCII")
            return f"\\{char}"
        if char == "Z":
            return r"\z"
        if char in _HEX:
            digits = self._text[self._at : self._at + _HEX[char]]
            self._at += _HEX[char]
            return f"\\x{{{digits}}}"
        if char == "0":
            octal = re.compile("[0-7]{0,2}").match(self._text, self._at)
            assert octal is not None
            self._at = octal.end()
            return f"\\x{{{int(octal[0] or '0', 8):x}}}"
        if char.isdecimal():
            raise NotLinear("a back-reference")
        if char in _KEPT:
            return f"\\{char}"
        if char.isascii() and char.isalpha():
            raise NotLinear(f"\\{char}")
        return f"\\x{{{ord(char):x}}}"

    def _known_class(self, char: str, in_class: bool) -> str:
        kind, negated = char.lower(), char.isupper()
        inside = (_UNICODE if self._unicode else _ASCII)[kind]
        if not in_class:
            return f"[{'^' if negated else ''}{inside}]"
        if not negated:
            return inside
        if self._unicode:
            raise NotLinear(f"\\{char} among other characters")
        return _ASCII_BUT[kind]
