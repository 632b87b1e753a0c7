"""What MLflow takes as a name or a value, and what becomes of ours (looked at with MLflow 3.17)."""

from __future__ import annotations

import json
import math
import posixpath
import re
from collections.abc import Iterable
from typing import Any

NAME = 250
"""Characters of a name of a metric or a parameter."""

PARAM = 6000
"""Characters of a parameter's value: it cuts off what is longer, without a word."""

TAG = 5000
"""Characters of a tag's value that every release takes."""

_REFUSED = re.compile(r"[^\w\-. :/]")


def names(ours: Iterable[str]) -> dict[str, str]:
    """Our name → one that MLflow takes, each another; most stay what they are.

    It takes letters, digits and ``_ - . : /`` and blanks, and refuses what would be another path (``a//b``, ``/a``).
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    wanted = list(dict.fromkeys(ours))
    for name in sorted(wanted, key=lambda each: each != _plain(each)):  # who keeps their name come first
        plain = _plain(name)
        other, number = plain, 2
        while other in taken:
            end = f"_{number}"
            other, number = plain[: NAME - len(end)] + end, number + 1
        taken.add(other)
        found[name] = other
    return {name: found[name] for name in wanted}


def _plain(name: str) -> str:
    plain = _REFUSED.sub("_", name)[:NAME].strip()
    if not plain or posixpath.normpath(plain) != plain or plain == "." or plain.startswith(("/", "..")):
        plain = "_" + re.sub(r"[/]", "_", plain).strip(".")
    return plain[:NAME]


def param(value: Any) -> str:
    """A parameter's value as text: numbers exactly, lists as JSON; cut with an end that says so."""
    text = _sendable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= PARAM else text[: PARAM - 2] + " …"


def tag(value: str) -> str:
    """A tag's value."""
    value = _sendable(value)
    return value if len(value) <= TAG else value[: TAG - 2] + " …"


def _sendable(text: str) -> str:
    """Without halves of letters, which no JSON can carry, and NUL, which PostgreSQL below an MLflow refuses."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def number(value: float) -> float | str:
    """A metric's value in JSON: what is not finite is a text there."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
