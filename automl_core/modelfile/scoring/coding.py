"""What all columns share, whatever holds them: a value that can't be read, codes into texts, numbers by code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .texts import text_of

Array = np.ndarray[Any, Any]


class UnreadableValue(ValueError):
    """A value that has no reading of the kind that is wanted: its text, and the number of its row (from 0)."""

    def __init__(self, value: Any, row: int) -> None:
        super().__init__(f"{value!r} in row {row}")
        self.value, self.row = value, row


def coded_of(codes: Array, values: Iterable[Any]) -> tuple[Array, tuple[str, ...]]:
    """Codes into values of any kind, as codes into their canonical texts: each once, none of them missing."""
    texts = [text_of(value) for value in values]
    places: dict[str, int] = {}
    new = [-1 if text is None else places.setdefault(text, len(places)) for text in texts]
    if new == list(range(len(new))):
        return codes.astype(np.int32, copy=False), tuple(places)
    return np.asarray([*new, -1], dtype=np.int32)[codes], tuple(places)


def by_value(codes: Array, values: list[Any], read: Callable[[Any], float]) -> Array:
    """Numbers by code: each different value is read once."""
    found = np.full(len(values) + 1, np.nan)  # the last is -1's: missing
    for place, value in enumerate(values):
        try:
            found[place] = read(value)
        except (ValueError, OverflowError):
            raise UnreadableValue(value, int(np.flatnonzero(codes == place)[0])) from None
    return found[codes]
