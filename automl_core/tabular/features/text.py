"""Free text: TF-IDF of n-grams, then a truncated SVD (latent semantic analysis, Deerwester et al. 1990)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.features.text import Counts, count, weigh
from automl_core.tabular.features.base import Floats, Rows, Transformer

TEXTS = 10_000
"""Different texts that the vocabulary is learned from."""
OVERSAMPLING = 10
"""Directions beyond those wanted, which make these exact."""
POWERS = 3
"""Times that the directions are turned towards the largest ones."""


class Text(Transformer):
    """One column of free text."""

    def __init__(
        self,
        column: str,
        *,
        components: int = 24,
        vocabulary: int = 2000,
        words: tuple[int, ...] = (1, 2),
        letters: tuple[int, ...] = (3, 4),
    ) -> None:
        """Say how.

        Args:
            column: its name.
            components: columns that it becomes, at most.
            vocabulary: n-grams of words, and as many of letters, that are known: those of most texts.
            words: the n of n-grams of words.
            letters: the n of n-grams of letters; empty for none.
        """
        self.column, self.components, self.vocabulary = column, components, vocabulary
        self.words, self.letters = words, letters

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn the vocabulary and the components from the different texts, each counted as often as it stands."""
        coded = rows.work.columns[self.column]
        there = coded.codes[coded.codes >= 0]
        if not len(there):
            return None
        number = np.bincount(there, minlength=len(coded.levels))
        used = np.flatnonzero(number)
        if len(used) > TEXTS:
            used = np.sort(rows.rng(self.column).choice(used, TEXTS, replace=False))
        times = number[used].astype(np.float64)
        found = count([coded.levels[code] for code in used.tolist()], self.words, self.letters)
        vocabulary, idf, kept = self._vocabulary(found, times)
        components = self._components(found, times, idf, kept, rows.rng(f"{self.column} svd"))
        return {
            "step": "text",
            "column": self.column,
            "vocabulary": vocabulary,
            "idf": idf,
            "components": components,
            "words": list(self.words),
            "letters": list(self.letters),
        }

    def _vocabulary(self, found: Counts, times: Floats) -> tuple[list[str], Floats, NDArray[np.int64]]:
        """The n-grams that are known, their IDF, and the place of each one found among them, -1 for none."""
        documents = np.bincount(found.columns, times[found.rows], len(found.names))
        n = float(times.sum())
        least = 2 if n > 20 else 1
        chosen: list[int] = []
        for kind in ("w ", "c "):
            # in every text, or in one alone: neither tells texts apart
            some = [
                (-documents[place], gram, place)
                for place, gram in enumerate(found.names)
                if gram[:2] == kind and least <= documents[place] < n
            ]
            chosen += [place for _, _, place in sorted(some)[: self.vocabulary]]
        kept = np.full(len(found.names) + 1, -1, dtype=np.int64)
        kept[chosen] = np.arange(len(chosen))
        idf = np.log((1 + n) / (1 + documents[chosen])) + 1
        return [found.names[place] for place in chosen], idf, kept

    def _components(
        self, found: Counts, times: Floats, idf: Floats, kept: NDArray[np.int64], rng: np.random.Generator
    ) -> Floats:
        """(k, v) the directions in which texts differ most, by a randomized SVD (Halko et al. 2011, algorithm 4.4)."""
        from scipy.sparse import csr_array

        columns = kept[found.columns]
        there = columns >= 0
        rows, columns = found.rows[there], columns[there]
        k = min(self.components, len(times) - 1, len(idf) - 1)
        if k < 1 or not len(rows):
            return np.zeros((0, len(idf)))
        values = weigh(rows, columns, found.numbers[there], idf, len(times)) * np.sqrt(times)[rows]
        matrix = csr_array((values, (rows, columns)), shape=(len(times), len(idf)))
        size = min(k + OVERSAMPLING, *matrix.shape)
        basis = np.linalg.qr(np.asarray(matrix @ rng.standard_normal((matrix.shape[1], size))))[0]
        for _ in range(POWERS):
            basis = np.linalg.qr(matrix @ np.linalg.qr(matrix.T @ basis)[0])[0]
        _, sizes, vectors = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
        vectors = vectors[:k][sizes[:k] > 1e-9 * sizes[0]]
        signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
        return np.asarray(vectors * signs[:, None])
