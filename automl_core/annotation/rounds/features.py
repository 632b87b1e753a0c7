"""How items resemble each other, before any model says something of them: numbers for `selection`'s diversity.

Texts by hashed words, or pairs of characters where words are not parted, with the weights of rare ones (TF-IDF;
hashing: K. Weinberger et al. 2009, "Feature hashing for large scale multitask learning", ICML, section 2: a second hash
gives the sign, so what collides cancels on average). Numbers as they are. Categories as words. Nothing is fitted or
kept: the same items always lie in the same places.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PLACES = 64
"""Numbers that the texts of an item become. Items of a batch are kept apart by them; nothing is predicted from them."""

RUN = 2
"""Length of the runs of characters in languages that part no words: pairs, as full-text search has them for Chinese."""

LONGEST = 2_000
"""Characters of a text that are looked at."""

_WORD = re.compile(r"\w+")
_UNPARTED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of languages that part no words: Thai, Lao, Burmese, Khmer, Japanese, Chinese."""


def features(contents: Sequence[Mapping[str, Any]], columns: Sequence[str], kind: str) -> Floats | None:
    """(n, d) numbers of items, None for what has none: images and audio are addresses here.

    Args:
        contents: of the items.
        columns: that count.
        kind: row, text, image or audio.
    """
    if kind not in ("row", "text") or not contents:
        return None
    numeric = [name for name in columns if kind == "row" and _is_number(each.get(name) for each in contents)]
    texts = [name for name in columns if name not in numeric]
    parts = [_numbers(contents, numeric)] if numeric else []
    if texts:
        parts.append(hashed([list(_tokens(each, texts, kind)) for each in contents]))
    return np.concatenate(parts, axis=1) if parts else None


def hashed(items: Sequence[Sequence[str]], places: int = PLACES) -> Floats:
    """(n, places) TF-IDF of tokens, hashed with signs; each line has length 1, or is 0 without tokens.

    Args:
        items: tokens of each.
        places: numbers of a line.
    """
    at: dict[str, tuple[int, float]] = {}
    within: dict[str, int] = {}
    for tokens in items:
        for token in set(tokens):
            within[token] = within.get(token, 0) + 1
            if token not in at:
                number = int.from_bytes(
                    hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=8).digest(), "big"
                )
                at[token] = (number >> 1) % places, 1.0 if number & 1 else -1.0
    table = np.zeros((len(items), places))
    for row, tokens in enumerate(items):
        for token in tokens:
            place, sign = at[token]
            table[row, place] += sign * math.log((1 + len(items)) / (1 + within[token]))
    length = np.linalg.norm(table, axis=1, keepdims=True)
    return np.asarray(np.divide(table, length, out=np.zeros_like(table), where=length > 0))


def _tokens(content: Mapping[str, Any], columns: Sequence[str], kind: str) -> Iterable[str]:
    for name in columns:
        value = content.get(name)
        if value is None:
            continue
        if kind == "row":
            yield f"{name}={str(value)[:LONGEST]}"
            if not isinstance(value, str):
                continue
        for word in _WORD.findall(str(value)[:LONGEST].lower()):
            if _UNPARTED.search(word) is None:
                yield word
            else:
                yield from (word[start : start + RUN] for start in range(max(1, len(word) - RUN + 1)))


def _is_number(values: Iterable[Any]) -> bool:
    """Whether a column has numbers alone, and some."""
    some = False
    for value in values:
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        some = True
    return some


def _numbers(contents: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Floats:
    """(n, columns) numbers; NaN where there is none, or one that is not finite."""
    table = np.full((len(contents), len(columns)), np.nan)
    for row, content in enumerate(contents):
        for place, name in enumerate(columns):
            value = content.get(name)
            if value is not None and math.isfinite(value):
                table[row, place] = value
    return table
