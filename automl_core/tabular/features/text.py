"""Free text: TF-IDF of n-grams, then a truncated SVD (latent semantic analysis, Deerwester et al. 1990)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.features.text import counts, grams, weigh
from automl_core.tabular.features.base import Rows, Transformer

TEXTS = 20_000
"""Different texts that the vocabulary is learned from."""


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
        texts = [coded.levels[code] for code in used.tolist()]
        times = number[used].astype(np.float64)
        vocabulary, idf = self._vocabulary(texts, times)
        components = self._components(texts, times, vocabulary, idf, rows.rng(f"{self.column} svd"))
        return {
            "step": "text",
            "column": self.column,
            "vocabulary": vocabulary,
            "idf": idf,
            "components": components,
            "words": list(self.words),
            "letters": list(self.letters),
        }

    def _vocabulary(self, texts: list[str], times: Any) -> tuple[list[str], Any]:
        documents: Counter[str] = Counter()
        for text, number in zip(texts, times.tolist(), strict=True):
            for gram in set(grams(text, self.words, self.letters)):
                documents[gram] += number
        n = float(times.sum())
        least = 2 if n > 20 else 1
        kept = []
        for kind in ("w ", "c "):
            # in every text, or in one alone: neither tells texts apart
            some = [(-count, gram) for gram, count in documents.items() if gram[:2] == kind and least <= count < n]
            kept += [gram for _, gram in sorted(some)[: self.vocabulary]]
        idf = np.array([np.log((1 + n) / (1 + documents[gram])) + 1 for gram in kept])
        return kept, idf

    def _components(self, texts: list[str], times: Any, vocabulary: list[str], idf: Any, rng: Any) -> Any:
        from scipy.sparse import csr_array
        from scipy.sparse.linalg import svds

        known = {gram: position for position, gram in enumerate(vocabulary)}
        rows, columns, numbers = counts(texts, known, self.words, self.letters)
        k = min(self.components, len(texts) - 1, len(vocabulary) - 1)
        if k < 1 or not len(rows):
            return np.zeros((0, len(vocabulary)))
        values = weigh(rows, columns, numbers, idf, len(texts)) * np.sqrt(times)[rows]
        matrix = csr_array((values, (rows, columns)), shape=(len(texts), len(vocabulary)))
        start = rng.standard_normal(min(matrix.shape))
        _, sizes, vectors = svds(matrix, k=k, v0=start)
        order = np.argsort(-sizes, kind="stable")
        vectors = vectors[order][sizes[order] > 1e-9]
        signs = np.sign(vectors[np.arange(len(vectors)), np.abs(vectors).argmax(axis=1)])
        return vectors * signs[:, None]
