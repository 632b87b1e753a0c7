"""What was chosen for a batch, and why: an object of its own, since reasons name what models think of items."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import msgspec

from automl_core.storage.base import StorageError
from automl_core.structs import known

VERSION = 1


class Choice(Protocol):
    """An item that was chosen; `automl_core.annotation.selection` has such.

    Attributes:
        item: its id.
        kind: why it is there, for programs.
        reason: the same for people.
        value: usefulness from 0 to 1, None where no model says anything.
    """

    @property
    def item(self) -> str:
        """Its id."""

    @property
    def kind(self) -> str:
        """Why it is there, for programs."""

    @property
    def reason(self) -> str:
        """The same for people."""

    @property
    def value(self) -> float | None:
        """Usefulness from 0 to 1, None where no model says anything."""


class Chosen(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item that was chosen: its id, why (for programs, for people), and how useful its label is held to be."""

    item: str
    kind: str = "useful"
    reason: str = ""
    value: float | None = None


class _Body(msgspec.Struct):
    version: int
    choices: list[Chosen]


known(_Body)


def chosen(choices: Sequence[Choice]) -> list[Chosen]:
    """Choices as they are kept, each item once, in their order."""
    found = {each.item: Chosen(each.item, each.kind, each.reason, each.value) for each in reversed(choices)}
    return list(reversed(found.values()))


def encode(choices: Sequence[Chosen]) -> tuple[str, bytes]:
    """The bytes of the object, and the digest that names it."""
    data = msgspec.json.encode(_Body(VERSION, list(choices)))
    return hashlib.sha256(data).hexdigest()[:32], data


def decode(data: bytes, digest: str) -> list[Chosen]:
    """What `encode` was given.

    Raises:
        StorageError: the object was changed, or a later release wrote it.
    """
    if hashlib.sha256(data).hexdigest()[:32] != digest:
        raise StorageError(f"the choices {digest} are others than those that were recorded")
    try:
        body = msgspec.json.decode(data, type=_Body)
    except msgspec.MsgspecError as error:
        raise StorageError(f"the choices {digest} can't be read: {error}") from None
    if body.version > VERSION:
        raise StorageError(f"the choices {digest} are of the later format {body.version}")
    return body.choices
