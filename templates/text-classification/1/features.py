"""Texts as weighted counts of words and of runs of characters (TF-IDF by scikit-learn)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.training.checkpoints import write_arrays
from automl_core.training.columns import texts
from automl_core.training.model import write_json
from automl_core.training.problems import TrainingError, nearest

KINDS = {"words": ("words",), "characters": ("characters",), "both": ("words", "characters")}


def joined(table: Any, names: Sequence[str]) -> list[str]:
    """The text of each row, several columns one below the other; a missing one is empty."""
    for name in names:
        if name not in table.column_names:
            raise TrainingError(f"there is no column {name!r}{nearest(name, table.column_names)}")
    columns = [texts(table.column(name)).fill_null("").to_pylist() for name in names]
    return ["\n".join(parts) for parts in zip(*columns, strict=True)]


class Features:
    """What makes numbers of texts: one vectorizer for words, one for characters, or both side by side."""

    def __init__(self, params: Mapping[str, Any], vocabularies: Mapping[str, list[str]] | None = None) -> None:
        """Unlearned, or with vocabularies that were learned."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.vectorizers = {}
        for kind in KINDS[params["tokens"]]:
            word = kind == "words"
            self.vectorizers[kind] = TfidfVectorizer(
                analyzer="word" if word else "char_wb",
                token_pattern=r"(?u)\b\w+\b" if word else None,
                ngram_range=(1, params["word_ngrams"] if word else params["character_ngrams"]),
                lowercase=params["lowercase"],
                sublinear_tf=params["sublinear"],
                min_df=params["min_texts"],
                max_features=params["max_features"],
                vocabulary=None if vocabularies is None else vocabularies[kind],
                dtype=np.float64,
            )

    def learn(self, rows: list[str]) -> Any:
        """Learn vocabularies from the texts to learn from; (texts, terms), sparse."""
        try:
            return self._side_by_side([each.fit_transform(rows) for each in self.vectorizers.values()])
        except ValueError as error:
            raise TrainingError(f"no term of these texts is left: {error}") from None

    def apply(self, rows: list[str]) -> Any:
        """(texts, terms), sparse."""
        return self._side_by_side([each.transform(rows) for each in self.vectorizers.values()])

    @staticmethod
    def _side_by_side(parts: list[Any]) -> Any:
        from scipy.sparse import hstack

        return hstack(parts, format="csr") if len(parts) > 1 else parts[0]

    def save(self, folder: Path, arrays: Mapping[str, Any]) -> None:
        """Write ``vocabulary.json`` and, with a classifier's arrays, ``weights.npz``."""
        terms = {kind: each.get_feature_names_out().tolist() for kind, each in self.vectorizers.items()}
        write_json(folder / "vocabulary.json", terms)
        frequencies = {f"idf_{kind}": each.idf_ for kind, each in self.vectorizers.items()}
        write_arrays(folder / "weights.npz", {**frequencies, **arrays})

    @classmethod
    def load(cls, folder: Path, params: Mapping[str, Any], arrays: Mapping[str, Any]) -> Features:
        """Read what `save` wrote."""
        found = cls(params, json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")))
        for kind, each in found.vectorizers.items():
            each.idf_ = arrays[f"idf_{kind}"]
        return found


def probabilities(rows: Any, weight: Any, bias: Any) -> Any:
    """(texts, classes): a softmax, or of one output the logistic function and the rest."""
    raw = np.asarray(rows @ weight.T) + bias
    if raw.shape[1] == 1:
        second = 1 / (1 + np.exp(-raw[:, 0]))
        return np.column_stack([1 - second, second])
    exponentials = np.exp(raw - raw.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
