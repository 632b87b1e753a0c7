"""What an item is: a flat mapping of columns, told from every other by a digest of it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

ItemKind = Literal["row", "text", "image", "audio"]
"""What people label: a row of a table, a text, a picture or a sound by its URI."""

Value = str | int | float | bool | None
Content = dict[str, Value]

MOST_BYTES = 1_000_000
"""Of one item: what is larger belongs into a file of its own, with its URI as the item."""


class BadItem(ValueError):
    """Something that can't be an item. The message says why, and in which column."""


def content_of(given: Mapping[Any, Any]) -> Content:
    """The content of an item as it is kept: plain values, the same item always the same.

    A missing number (NaN) is null, and a whole number is that whatever type it came in (1.0 is 1): the same row read
    from a CSV and from a Parquet file is one item. Texts are kept letter for letter.

    Args:
        given: columns → text, number, bool or None.

    Raises:
        BadItem: it is empty, no mapping, or a value is of another type, infinite, or no valid text.
    """
    if not isinstance(given, Mapping):
        raise BadItem(f"an item is a mapping of columns, not {type(given).__name__}")
    if not given:
        raise BadItem("an item without any column")
    content: Content = {}
    for column, value in given.items():
        if not isinstance(column, str) or not column:
            raise BadItem(f"{column!r:.40} is no name of a column")
        content[column] = _value(column, value)
    if all(value is None or value == "" for value in content.values()):
        raise BadItem(f"nothing but missing values ({', '.join(content):.200})")
    try:
        size = len(canonical(content))
    except UnicodeEncodeError as error:
        raise BadItem(f"a text that is no valid Unicode ({error.reason})") from None
    if size > MOST_BYTES:
        raise BadItem(f"{size} bytes, where {MOST_BYTES} are the most: keep it in a file, and label its URI")
    return content


def item_id(content: Mapping[Any, Any]) -> str:
    """An item's id: ``i`` and 20 hexadecimal digits of a digest of its content.

    Args:
        content: as `content_of` gives it; anything that it takes gives the same id.

    Raises:
        BadItem: see `content_of`.
    """
    return id_of(content_of(content))


def id_of(content: Content) -> str:
    """The same for what `content_of` has given."""
    return "i" + hashlib.sha256(canonical(content)).hexdigest()[:20]


def is_id(text: str) -> bool:
    """Whether a text has the form of an item's id."""
    return len(text) == 21 and text[0] == "i" and all(each in "0123456789abcdef" for each in text[1:])


def shown_digests(content: Content, beside: Content, show: Iterable[str] = ()) -> frozenset[str]:
    """The digests by which a label may say what was shown: the item, all of it, or the columns that people see.

    Args:
        content: what makes the item.
        beside: what else is shown with it.
        show: the columns that people see, where that is not all.
    """
    whole = content | beside
    found = {id_of(content), id_of(whole)}
    some = {column: whole[column] for column in show if column in whole}
    if some:
        found.add(id_of(some))
    return frozenset(found)


def canonical(content: Content) -> bytes:
    """The bytes that an id is a digest of: JSON (RFC 8259) with sorted keys, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _value(column: str, value: Any) -> Value:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            raise BadItem(f"column {column}: {value} is no number that JSON knows")
        return int(value) if value.is_integer() and abs(value) < 2**53 else float(value)
    if isinstance(value, int):
        if abs(value) >= 2**63:
            raise BadItem(f"column {column}: {value} is beyond 64 bits; keep it as text")
        return int(value)
    raise BadItem(f"column {column}: {type(value).__name__} is no text, number, bool or null")
