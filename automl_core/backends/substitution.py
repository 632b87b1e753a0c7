"""The ``${name}`` grammar of the trial contract: found, checked and explained, never evaluated.

``${name}`` is a value, ``$${`` is a literal ``${``, and any other ``$`` stands for itself (so a
shell's own ``$HOME`` needs no escape, and its ``${HOME}`` is written ``$${HOME}``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from automl_core.spec.dates import RUN_DATES
from automl_core.spec.errors import nearest
from automl_core.spec.placeholders import PLACEHOLDER
from automl_core.spec.relations import RESERVED_NAMES

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LISTED = 30


class PlaceholderError(ValueError):
    """A ``${…}`` that can't be substituted. The message says which one, why, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One ``${…}`` of a text.

    Attributes:
        name: what stands between the braces.
        source: as written.
    """

    name: str
    source: str


Piece: TypeAlias = str | Placeholder
"""Literal text, or a placeholder."""


def parse(text: str) -> list[Piece]:
    """Split a text into literals and placeholders. Never fails: `problem_of` judges the placeholders."""
    pieces: list[Piece] = []
    position = 0
    for token in PLACEHOLDER.finditer(text):
        pieces.append(text[position : token.start()])
        pieces.append("${" if token[1] is None else Placeholder(name=token[1], source=token[0]))
        position = token.end()
    pieces.append(text[position:])
    return [piece for piece in pieces if piece != ""]


def render(text: str, value_of: Callable[[Placeholder], str]) -> str:
    """The text with every placeholder replaced by what ``value_of`` says."""
    return "".join(piece if isinstance(piece, str) else value_of(piece) for piece in parse(text))


def problem_of(placeholder: Placeholder, names: Iterable[str]) -> str | None:
    """What is wrong with a placeholder, in words for the author of the text, or None.

    Args:
        placeholder: the one to judge.
        names: names of all parameters of the space; the reserved names always count as well.
    """
    parameters = list(names)
    known = [*parameters, *sorted(RESERVED_NAMES), *RUN_DATES]
    shown = placeholder.source if len(placeholder.source) <= 60 else placeholder.source[:59] + "…"
    if not placeholder.source.endswith("}"):
        return f"{shown}: this is not closed by a }} (a literal ${{ is written $${{)"
    if placeholder.name in known:
        return None
    if not _NAME.fullmatch(placeholder.name):
        return f"{shown}: that is not a name (the shell's own ${{…}} is written $${{…}})"
    near = nearest(placeholder.name, known)
    hint = f"Did you mean ${{{near}}}?" if near else f"(The shell's own variable is written $${{{placeholder.name}}}.)"
    more = f" and {len(parameters) - _LISTED} more parameters" if len(parameters) > _LISTED else ""
    allowed = ", ".join([*parameters[:_LISTED], *sorted(RESERVED_NAMES), *RUN_DATES])
    return f"{shown}: there is no such name. {hint} Allowed: {allowed}{more}"


def check_placeholders(text: str, names: Iterable[str]) -> list[str]:
    """What is wrong with a text's ``${…}``, before anything runs.

    Args:
        text: a command, an environment value, SQL, a path.
        names: names of all parameters of the space, conditional ones included.

    Returns:
        One sentence a problem, in the order of the text; empty when all is well.
    """
    known = list(names)
    found = (problem_of(piece, known) for piece in parse(text) if isinstance(piece, Placeholder))
    return list(dict.fromkeys(problem for problem in found if problem))
