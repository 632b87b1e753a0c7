"""HTML and SVG from elements: text is escaped because there is no way to add it otherwise."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import TypeAlias

_VOID = frozenset({"br", "meta", "path", "line", "rect", "circle", "polyline"})
_NAME = re.compile(r"[a-z][a-zA-Z0-9:-]*")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What is no character of HTML, and what turns the direction of the text behind it: a column's name may hold any."""


class Markup(str):
    """Markup that is finished: it is not escaped again."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | float | Iterable[Child] | None"


def text(value: object) -> Markup:
    """A text as markup.

    >>> text('a < "b"')
    'a &lt; &quot;b&quot;'
    """
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_UNSEEN.sub("\ufffd", str(value)), quote=True))


def join(children: Iterable[Child]) -> Markup:
    """Markup of several parts, one behind the other; None is nothing."""
    return Markup("".join(_each(children)))


def _each(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, str | int | float):
            yield text(child)
        else:
            yield from _each(child)


def el(tag: str, *children: Child, **attributes: object) -> Markup:
    """An element.

    Args:
        tag: its name.
        children: texts, which are escaped; markup; lists of both. None is left out.
        attributes: ``class_`` stands for ``class``; an underscore within a name for a hyphen; None and False are left
            out, True is the name alone.

    >>> el("p", "a < b", class_="x")
    '<p class="x">a &lt; b</p>'
    """
    given = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = name.rstrip("_").replace("_", "-")
        if not _NAME.fullmatch(attribute):
            raise ValueError(f"{attribute!r} is no attribute's name")
        given.append(f" {attribute}" if value is True else f' {attribute}="{text(value)}"')
    inside = join(children)
    if tag in _VOID and not inside:
        return Markup(f"<{tag}{''.join(given)}>") if tag in ("br", "meta") else Markup(f"<{tag}{''.join(given)}/>")
    return Markup(f"<{tag}{''.join(given)}>{inside}</{tag}>")
