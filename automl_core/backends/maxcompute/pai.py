"""PAI commands: ``PAI -name ps_smart -project algo_public -DtreeCount=${trees}``.

A command's values travel as XML elements of their own, so no quoting can go wrong: the command is split first, and
the trial's values are put into its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from automl_core.backends.contract import TrialContext, value_text
from automl_core.backends.maxcompute.rendering import value_of
from automl_core.backends.substitution import Placeholder, PlaceholderError, parse

_LEADING = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*+", re.DOTALL)
_COMMAND = re.compile(r"pai\s+-", re.IGNORECASE)
_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*')+""")
_QUOTED = re.compile(r""""([^"]*)"|'([^']*)'""")
_OPTION = re.compile(r"-D([A-Za-z_][A-Za-z0-9_.]*)=(.*)", re.DOTALL)
_NO_XML = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Command:
    """A PAI command.

    Attributes:
        name: the algorithm.
        project: the project that it lies in; None for the own one.
        parameters: what ``-D`` gives, as written or filled in.
    """

    name: str
    project: str | None
    parameters: dict[str, str]

    def to_text(self) -> str:
        """The command for people."""
        options = "".join(f' -D{key}="{value}"' for key, value in self.parameters.items())
        return f"PAI -name {self.name}{f' -project {self.project}' if self.project else ''}{options}"


def is_command(statement: str) -> bool:
    """Whether a statement is a PAI command; comments may stand above it."""
    return _COMMAND.match(_without_comments(statement)) is not None


def _without_comments(statement: str) -> str:
    """A statement without the comments before it."""
    leading = _LEADING.match(statement)
    return statement[leading.end() :] if leading else statement


def parse_command(statement: str) -> Command:
    """Read a command, with its ``${…}`` as they are.

    Raises:
        PlaceholderError: it is none; the message says what is wrong with which word.
    """
    words = list(_words(statement))[1:]
    named: dict[str, str] = {}
    parameters: dict[str, str] = {}
    while words:
        word = words.pop(0)
        option = _OPTION.fullmatch(word)
        if option:
            key = option[1]
            if key in parameters:
                raise PlaceholderError(f"-D{key}: it is given twice")
            parameters[key] = option[2]
        elif word in ("-name", "-project") and words:
            named[word] = words.pop(0)
        else:
            raise PlaceholderError(f"{word!r} is not known in a PAI command; allowed: -name, -project, -Dkey=value")
    if "-name" not in named:
        raise PlaceholderError("a PAI command needs -name, such as PAI -name ps_smart -project algo_public …")
    return Command(named["-name"], named.get("-project"), parameters)


def render_command(statement: str, context: TrialContext) -> Command:
    """A command with the trial's values in it.

    A parameter whose value is nothing but a placeholder that the trial has no value for is left out.

    Raises:
        PlaceholderError: the command is wrong, a ``${…}`` has no meaning, or a value holds what XML can't.
    """
    raw = parse_command(statement)
    filled = {}
    for key, text in raw.parameters.items():
        match parse(text):
            case [Placeholder() as alone] if value_of(alone, context) is None:
                continue
            case pieces:
                filled[key] = "".join(_text(piece, context) for piece in pieces)
        wrong = _NO_XML.search(filled[key])
        if wrong:
            raise PlaceholderError(f"-D{key}: the value holds U+{ord(wrong[0]):04X}, which a PAI command can't carry")
    name, project = ("".join(_text(piece, context) for piece in parse(part)) for part in (raw.name, raw.project or ""))
    return Command(name, project or None, filled)


def _text(piece: str | Placeholder, context: TrialContext) -> str:
    if isinstance(piece, str):
        return piece
    value = value_of(piece, context)
    return "" if value is None else value_text(value)


def _words(statement: str) -> Iterator[str]:
    position = 0
    text = _without_comments(statement).strip().removesuffix(";")
    for match in _WORD.finditer(text):
        if text[position : match.start()].strip():
            break
        position = match.end()
        yield _QUOTED.sub(lambda quoted: quoted[1] if quoted[1] is not None else quoted[2], match.group())
    if text[position:].strip():
        raise PlaceholderError(f"a quote without its end in the PAI command: {text[position:].strip()[:40]}")
