"""Free text as numbers: TF-IDF of n-grams of words and of letters, as few components of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix
from .base import Floats, State, Work

_WORD = re.compile(r"\w+")
LONGEST = 10_000
"""Letters of a text that count: one huge text must not take a batch's time."""
SURFACE = ("letters", "words", "digits", "capitals")
"""What is told of a text beside its components: how long it is, how much of it are digits and capitals."""


def grams(text: str, words: Sequence[int], letters: Sequence[int]) -> Iterator[str]:
    """The n-grams of a text, each as often as it occurs.

    Args:
        text: as it is; lower case is made of it here.
        words: the n of n-grams of words.
        letters: the n of n-grams of letters, within a word with a space on either side.
    """
    found = _WORD.findall(text[:LONGEST].lower())
    for n in words:
        for start in range(len(found) - n + 1):
            yield "w " + " ".join(found[start : start + n])
    for word in found if letters else ():
        padded = f" {word} "
        for n in letters:
            for start in range(max(len(padded) - n + 1, 1)):
                yield "c " + padded[start : start + n]


def counts(
    texts: Iterable[str], vocabulary: dict[str, int], words: Sequence[int], letters: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Row, column and number of each n-gram that the vocabulary has."""
    rows: list[int] = []
    columns: list[int] = []
    numbers: list[float] = []
    for row, text in enumerate(texts):
        found: dict[int, int] = {}
        for gram in grams(text, words, letters):
            column = vocabulary.get(gram)
            if column is not None:
                found[column] = found.get(column, 0) + 1
        rows += [row] * len(found)
        columns += found
        numbers += found.values()
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64), np.array(numbers, dtype=np.float64)


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
        rows, columns, numbers = counts(texts, self.vocabulary, self.words, self.letters)
        values = weigh(rows, columns, numbers, self.idf, len(texts))
        topics = np.empty((len(texts), len(self.components)))
        for index, component in enumerate(self.components):
            topics[:, index] = np.bincount(rows, values * component[columns], len(texts))
        told = np.array([surface(text) for text in texts], dtype=np.float64).reshape(len(texts), len(SURFACE))
        return np.column_stack([topics, told])
