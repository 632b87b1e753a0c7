"""Templates that lie in no folder yet and are made when they are asked for, by the part that their group names.

``tao/dino`` is of the group ``tao``, so `automl_core.tao.templates` is asked. Such a part imports this one, never the
other way round: it is found by its name, like a plugin. It has ``names``, ``versions``,
``folder_of`` and ``HOW``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

GROUPS = ("tao",)
"""First parts of names of which templates can be made."""


def names(folders: Sequence[Path]) -> Iterator[str]:
    """Every template that can be made.

    Args:
        folders: with templates.
    """
    for group in GROUPS:
        yield from _maker(group).names(folders)


def versions(name: str, folders: Sequence[Path]) -> list[int]:
    """The versions of a template that can be made."""
    group = _group_of(name)
    return list(_maker(group).versions(name, folders)) if group else []


def folder_of(name: str, version: int, folders: Sequence[Path]) -> Path | None:
    """The folder of a version that is made; None where it can't be.

    Raises:
        SpecError: what it is made from can't be read, or is wrong.
    """
    group = _group_of(name)
    found: Path | None = _maker(group).folder_of(name, version, folders) if group else None
    return found


def how(name: str) -> str:
    """What to do where a template of this name can't be made; empty of names that nothing is made for."""
    group = _group_of(name)
    return str(_maker(group).HOW).format(name=name) if group else ""


def _group_of(name: str) -> str:
    group, slash, _ = name.partition("/")
    return group if slash and group in GROUPS else ""


def _maker(group: str) -> Any:
    return import_module(".".join((__name__.partition(".")[0], group, "templates")))
