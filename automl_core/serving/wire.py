"""What the server and the process of a version say to each other: length and MessagePack, over a pair of sockets."""

from __future__ import annotations

from typing import Any

import msgspec

LENGTH = 4
"""Bytes of a message's length, the highest first."""

MOST = 256 * 2**20
"""Bytes of a message at most: what is longer is no message."""


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading somebody's JSON raises where it is none: a text may be no UTF-8, and lists may lie in lists for ever."""


class Part(msgspec.Struct, array_like=True):
    """The rows of one request, or of that share of it which this version answers.

    Attributes:
        rows: each a mapping of column to value.
    """

    rows: list[dict[str, Any]]


class Answer(msgspec.Struct, array_like=True):
    """What a version says of a part.

    Attributes:
        predictions: (n,) classes as texts, or numbers.
        probabilities: (n, classes); None where numbers are predicted.
        error: why there is nothing, for whoever asked.
    """

    predictions: list[str | float] = []
    probabilities: list[list[float]] | None = None
    error: str = ""


class Ready(msgspec.Struct, array_like=True):
    """The first message of a version's process.

    Attributes:
        error: why the model can't be served; empty where it can.
        kind, target, classes: of the model.
        columns: name, kind and type of each.
        said: what was compared with the golden rows.
        memory: bytes that the process has taken so far.
    """

    error: str = ""
    kind: str = ""
    target: str = ""
    classes: list[str] = []
    columns: list[tuple[str, str, str]] = []
    said: str = ""
    memory: int = 0


def frame(message: bytes) -> bytes:
    """A message with its length."""
    return len(message).to_bytes(LENGTH, "big") + message


def joined(parts: list[bytes]) -> bytes:
    """The message of parts whose rows are MessagePack already: a list of `Part`, each a list of one thing, its rows."""
    return b"".join([b"\xdd" + len(parts).to_bytes(4, "big"), *(b"\x91" + each for each in parts)])
