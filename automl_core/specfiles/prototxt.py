"""Protocol buffers' text format, written without the message's definition.

What a message's definition would tell, the data and one list say: a mapping is a message, a list a repeated field, text
is a string, and fields named in ``enums`` hold an enum's value. A map field is a repeated message with ``key`` and
``value``. (The specification of the format: protobuf.dev/reference/protobuf/textformat-spec.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = re.compile(r'[\\"\x00-\x1f\x7f]')


def to_prototxt(body: Mapping[str, Any], enums: frozenset[str] = frozenset()) -> str:
    """The text of a message. None is left out: a field that is not set.

    Args:
        body: field → value; a mapping is a message, a list a repeated field.
        enums: dotted names of fields whose text is an enum's value, written without quotes; a list's index is not
            counted.

    Raises:
        ValueError: a name is no field's, a list holds lists or nothing, or an enum's value is none.
    """
    return "".join(line + "\n" for line in _message(body, (), enums, ""))


def _message(body: Mapping[str, Any], above: tuple[str, ...], enums: frozenset[str], indent: str) -> Iterator[str]:
    for name, value in body.items():
        if not _FIELD.fullmatch(name):
            raise ValueError(f"{'.'.join((*above, name))}: no name of a field")
        path = (*above, name)
        for each in value if isinstance(value, list | tuple) else [] if value is None else [value]:
            if isinstance(each, Mapping):
                yield f"{indent}{name} {{"
                yield from _message(each, path, enums, indent + "  ")
                yield f"{indent}}}"
            else:
                yield f"{indent}{name}: {_scalar(each, path, enums)}"


def _scalar(value: Any, path: tuple[str, ...], enums: frozenset[str]) -> str:
    place = ".".join(path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)  # inf, -inf, nan: as the format has them
    if isinstance(value, str):
        if place in enums:
            if not _FIELD.fullmatch(value):
                raise ValueError(f"{place}: {value!r} is no value of an enum")
            return value
        return f'"{_SPECIAL.sub(_escaped, value)}"'
    raise ValueError(f"{place}: a repeated field can't hold {'null' if value is None else type(value).__name__}")


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\{ord(match[0]):03o}"
