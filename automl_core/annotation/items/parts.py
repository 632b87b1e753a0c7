"""Objects that hold items: each is written once, and named by a digest of its bytes.

A part is lines of JSON. The first says the format; each other one is a new item (``item``, and what is shown beside
it), or names one that is known already (``again``), with the source's own key where it has one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from automl_core.annotation.items.content import Content, id_of
from automl_core.structs import known

PART_VERSION = 1
"""Version of the format that this code writes; it reads every version up to this one."""

MOST_ITEMS = 5_000
MOST_BYTES = 4_000_000
"""Lines and bytes of a part, about: one request, and a piece of memory that nobody minds."""


class BadPart(ValueError):
    """An object that is no part of items, or another than its name says. The message says why."""


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part, as the journal names it.

    Attributes:
        digest: of its bytes.
        first: number of its first item.
        items: how many are new in it.
        source: where they come from; keys are those of the source.
        time: when it was recorded, seconds since 1970.
    """

    digest: str
    first: int
    items: int
    source: str = ""
    time: float = 0.0


class Line(msgspec.Struct, omit_defaults=True, frozen=True):
    """One line of a part.

    Attributes:
        id: of a new item.
        item: its content.
        beside: what else is shown with it, and makes it no other item.
        again: the id of an item that is known already; then there is no content.
        key: the source's own name of it.
    """

    id: str = ""
    item: dict[str, str | int | float | bool | None] = {}
    beside: dict[str, str | int | float | bool | None] = {}
    again: str = ""
    key: str | None = None


class _Head(msgspec.Struct):
    version: int


_LINE = msgspec.json.Decoder(Line)
known(Line, Part, _Head)


def line_of(content: Content, beside: Content, key: str | None = None) -> bytes:
    """The line of a new item, without its end. The same item gives the same bytes."""
    body = {"id": id_of(content), "item": _sorted(content)}
    if beside:
        body["beside"] = _sorted(beside)
    return _json(body, key)


def again_of(id: str, key: str | None = None) -> bytes:
    """The line that names an item which is known already, without its end."""
    return _json({"again": id}, key)


def _json(body: dict[str, Any], key: str | None) -> bytes:
    if key is not None:
        body["key"] = key
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _sorted(content: Content) -> Content:
    return {column: content[column] for column in sorted(content)}


def encode_part(at: int, lines: Iterable[bytes]) -> bytes:
    """The bytes of a part.

    Args:
        at: its place among all parts, from 0: the same lines again, later, are another part.
        lines: of items.
    """
    head = json.dumps({"version": PART_VERSION, "part": at}, separators=(",", ":")).encode()
    return b"\n".join([head, *lines]) + b"\n"


def digest_of(data: bytes) -> str:
    """What names a part."""
    return hashlib.sha256(data).hexdigest()[:32]


def lines_of(data: bytes, digest: str) -> list[bytes]:
    """The lines of a part behind its head, each still as it lies.

    Raises:
        BadPart: it is torn, foreign, changed, or of a later format.
    """
    head, _, rest = data.partition(b"\n")
    try:
        version = msgspec.json.decode(head, type=_Head).version
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadPart(f"does not begin as a part of items does ({error})") from None
    if version > PART_VERSION:
        raise BadPart(f"format version {version} is later than {PART_VERSION}, the latest this release reads")
    if digest_of(data) != digest:
        raise BadPart("its bytes are others than those that were recorded")
    return rest.removesuffix(b"\n").split(b"\n") if rest else []


def read_line(line: bytes) -> Line:
    """A line as it was written.

    Raises:
        BadPart: it is none.
    """
    try:
        return _LINE.decode(line)
    except msgspec.MsgspecError as error:
        raise BadPart(f"a line is malformed ({error})") from None


def dealt(lines: Iterable[tuple[bytes, Any]]) -> Iterator[list[tuple[bytes, Any]]]:
    """Lines (each with whatever belongs to it) dealt out into parts, in their order."""
    part: list[tuple[bytes, Any]] = []
    size = 0
    for line in lines:
        if part and (len(part) >= MOST_ITEMS or size + len(line[0]) > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(line)
        size += len(line[0]) + 1
    if part:
        yield part


def part_key(folder: str, at: int, digest: str) -> str:
    """Where a part lies: by its place among all parts, and its digest."""
    return f"{folder}{at:06d}-{digest}.jsonl"
