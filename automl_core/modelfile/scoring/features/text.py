"""Free text as numbers: TF-IDF of n-grams of words and of letters, as few components of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix
from .base import Cells, Floats, State, Work

_WORD = re.compile(r"\w+")
LONGEST = 10_000
"""Letters of a text that count: one huge text must not take a batch's time."""
SURFACE = ("letters", "words", "digits", "capitals")
"""What is told of a text beside its components: how long it is, how much of it are digits and capitals."""


@dataclass(frozen=True)
class Counts:
    """How often n-grams occur in texts.

    Attributes:
        names: the n-grams, each once: ``w late driver``, ``c  dri``; none where they were known before.
        rows, columns, numbers: text, n-gram, and how often; each pair once.
    """

    names: list[str]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    numbers: Floats


def count(
    texts: Sequence[str], words: Sequence[int], letters: Sequence[int], known: Mapping[str, int] | None = None
) -> Counts:
    """Count the n-grams of texts, in lower case.

    A word is taken apart once, however often it occurs, and what is left to do for each occurrence is done by numpy.

    Args:
        texts: as they are.
        words: the n of n-grams of words.
        letters: the n of n-grams of letters, within a word with a space on either side.
        known: n-grams that count, by their place, which then are the columns; None: all.
    """
    found = [_WORD.findall(text[:LONGEST].lower()) for text in texts]
    text_of = np.repeat(np.arange(len(found)), [len(each) for each in found])
    index: dict[str, int] = {}
    word_of = np.array([index.setdefault(word, len(index)) for each in found for word in each], dtype=np.int64)
    names: list[str] = []
    rows: list[NDArray[np.int64]] = []
    columns: list[NDArray[np.int64]] = []

    def take(grams: list[str], row: NDArray[np.int64], gram: NDArray[np.int64]) -> None:
        """Occurrences of some n-grams."""
        if known is None:
            places = np.arange(len(names), len(names) + len(grams))
            names.extend(grams)
        else:
            places = np.array([known.get(each, -1) for each in grams], dtype=np.int64)
        column = places[gram]
        there = column >= 0
        rows.append(row[there])
        columns.append(column[there])

    sequences = each = list(index)
    ids = word_of
    for n in range(1, max(words, default=0) + 1):
        if n > 1:
            same = text_of[: len(text_of) - n + 1] == text_of[n - 1 :]
            keys = ids[: len(same)] * len(index) + word_of[n - 1 :]
            pairs, inverse = np.unique(keys[same], return_inverse=True)
            sequences = [f"{sequences[key // len(index)]} {each[key % len(index)]}" for key in pairs.tolist()]
            ids = np.zeros(len(same), dtype=np.int64)
            ids[same] = inverse
            row = text_of[: len(same)][same]
            gram = inverse.astype(np.int64)
        else:
            row, gram = text_of, ids
        if n in words and len(gram):
            take([f"w {sequence}" for sequence in sequences], row, gram)
        if n > 1 and not len(gram):
            break
    if letters and len(word_of):
        _letters(list(index), letters, text_of, word_of, take)
    if not rows:
        return Counts(names, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    width = (len(names) if known is None else len(known)) or 1
    cells, numbers = np.unique(np.concatenate(rows) * width + np.concatenate(columns), return_counts=True)
    return Counts(
        list(known) if known is not None else names, cells // width, cells % width, numbers.astype(np.float64)
    )


def _letters(
    vocabulary: list[str], letters: Sequence[int], text_of: NDArray[np.int64], word_of: NDArray[np.int64], take: Any
) -> None:
    """Occurrences of n-grams of letters: those of each word, as often as it occurs."""
    index: dict[str, int] = {}
    parts: list[int] = []
    sizes = np.empty(len(vocabulary), dtype=np.int64)
    for place, word in enumerate(vocabulary):
        padded = f" {word} "
        before = len(parts)
        for n in letters:
            starts = range(max(len(padded) - n + 1, 1))
            parts += [index.setdefault(padded[start : start + n], len(index)) for start in starts]
        sizes[place] = len(parts) - before
    first = np.cumsum(sizes) - sizes
    times = sizes[word_of]
    offset = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    gram = np.array(parts, dtype=np.int64)[np.repeat(first[word_of], times) + offset]
    take([f"c {each}" for each in index], np.repeat(text_of, times), gram)


def weigh(rows: NDArray[np.int64], columns: NDArray[np.int64], numbers: Floats, idf: Floats, n: int) -> Floats:
    """The values of the TF-IDF matrix: (1 + log of the number) × IDF, each row of length 1 (Salton & Buckley 1988)."""
    values = (1 + np.log(numbers)) * idf[columns]
    length = np.sqrt(np.bincount(rows, values**2, n))
    return np.asarray(values / np.where(length > 0, length, 1.0)[rows], dtype=np.float64)


def surface(text: str) -> tuple[float, ...]:
    """What `SURFACE` names."""
    size = max(len(text), 1)
    digits, capitals = sum(map(str.isdigit, text)), sum(map(str.isupper, text))
    return float(len(text)), float(len(_WORD.findall(text))), digits / size, capitals / size


class Text:
    """State: ``column``; ``vocabulary``, its n-grams; ``idf`` (v,); ``components`` (k, v); ``words``, ``letters``.

    A missing text has zeros: no n-gram, no length.
    """

    def __init__(self, state: State) -> None:
        self.column = str(state["column"])
        self.vocabulary = {gram: position for position, gram in enumerate(state["vocabulary"])}
        self.idf, self.components = (np.asarray(state[name], dtype=np.float64) for name in ("idf", "components"))
        self.words, self.letters = tuple(state["words"]), tuple(state["letters"])
        self.names = [f"{self.column} (topic {each + 1})" for each in range(len(self.components))]
        self.names += [f"{self.column} ({each})" for each in SURFACE]

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append the components, and what the surface tells."""
        coded: Any = work.columns[self.column]
        used, where = np.unique(coded.codes, return_inverse=True)
        texts = ["" if code < 0 else coded.levels[code] for code in used.tolist()]
        return Matrix.beside([matrix, Matrix.of(self.of(texts)[where], self.names)])

    def of(self, texts: Sequence[str]) -> Floats:
        """(texts, k + surface)."""
        found = count(texts, self.words, self.letters, self.vocabulary)
        rows, columns = found.rows, found.columns
        values = weigh(rows, columns, found.numbers, self.idf, len(texts))
        topics = np.empty((len(texts), len(self.components)))
        for index, component in enumerate(self.components):
            topics[:, index] = np.bincount(rows, values * component[columns], len(texts))
        told = np.array([surface(text) for text in texts], dtype=np.float64).reshape(len(texts), len(SURFACE))
        return np.column_stack([topics, told])

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        found: list[float] = self.of([cells[self.column] or ""])[0].tolist()
        return values + found
