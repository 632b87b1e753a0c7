"""What the scores of a file of predictions mean, and the score of each class.

With columns `score_<class>` each is the score of its class. One column `score` is the confidence in what was predicted
or, of two classes, the score of one of them: libraries have it either way. A confidence in the likelier of two classes
is never below one half, so what goes below it is the score of a class: of the one whose predictions have higher ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from automl_core.details.labels import as_numbers
from automl_core.details.source import SCORE, Predictions

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_COLUMNS = 200
"""Columns `score_<class>` that are read to find each row's confidence."""


class Scores:
    """Scores of the rows that count.

    Attributes:
        positive: the class that a lone `score` belongs to, None where it belongs to what was predicted.
        confidence: in what was predicted, one a row, NaN where there is none; None without scores.
        missing: rows without a score.
        words: what the scores were taken for, for people.
    """

    def __init__(
        self, predictions: Predictions, kept: NDArray[np.bool_], prediction: Codes, classes: Sequence[str],
        spelled: dict[str, str],
    ) -> None:  # fmt: skip
        """Read what is needed for confidences.

        Args:
            predictions: the file.
            kept: which of its rows count.
            prediction: places of classes, one a row that counts.
            classes: in their order.
            spelled: classes that the columns write otherwise.
        """
        self._file, self._kept, self._classes = predictions, kept, list(classes)
        self._columns = self._named(spelled)
        self._lone: Floats | None = None
        self._of_one = prediction == 1
        self.positive: int | None = None
        self.confidence: Floats | None = None
        self.missing = 0
        self.words = "none"
        if self._columns:
            self.words = f"one of each class ({len(self._columns)} columns)"
            if set(np.unique(prediction).tolist()) <= self._columns.keys() and len(self._columns) <= MOST_COLUMNS:
                self._gather(prediction)
        if SCORE in predictions.schema.names and self.confidence is None:
            self._read_lone(prediction)
        if self.confidence is not None:
            self.missing = int(np.isnan(self.confidence).sum())

    def has(self, code: int) -> bool:
        """Whether a class has scores."""
        if self._columns:
            return code in self._columns
        if self._lone is None or len(self._classes) != 2:
            return False
        return code == (1 if self.positive is None else self.positive)

    def of(self, code: int) -> Floats:
        """The scores of a class that has some."""
        if self._columns:
            return self._read(self._columns[code])
        assert self._lone is not None
        if self.positive is not None:
            return self._lone
        return np.where(self._of_one, self._lone, 1 - self._lone)

    def _named(self, spelled: dict[str, str]) -> dict[int, str]:
        """Place of a class → its column; by the letters, or else where only one differs by upper and lower case."""
        places = {name: code for code, name in enumerate(self._classes)}
        folded: dict[str, list[int]] = {}
        for name, code in places.items():
            folded.setdefault(name.casefold(), []).append(code)
        found = {}
        for name, column in self._file.class_scores.items():
            place: int | None = places.get(name, places.get(spelled.get(name, "")))
            alike = folded.get(name.casefold(), [])
            if place is None and len(alike) == 1:
                place = alike[0]
            if place is None and name.endswith(".0"):
                place = places.get(name.removesuffix(".0"))
            if place is not None:
                found[place] = column
        return found

    def _gather(self, prediction: Codes) -> None:
        confidence = np.full(len(prediction), np.nan)
        for place, column in self._columns.items():
            mine = prediction == place
            if mine.any():
                confidence[mine] = self._read(column)[mine]
        self.confidence = confidence

    def _read_lone(self, prediction: Codes) -> None:
        scores = self._read(SCORE)
        finite = scores[np.isfinite(scores)]
        self._lone, self.confidence, self.words = scores, scores, "the confidence in what was predicted"
        if len(self._classes) != 2 or not len(finite):
            return
        if finite.min() >= 0.5:
            if finite.max() > 1:  # margins, all of them on one side or of a confidence: nothing says what 1 - s is
                self._lone = None
            return
        means = [_mean(scores[prediction == k]) for k in (0, 1)]
        # where only one class was ever predicted, low scores are those of the other one
        high = means[0] > means[1] if means[0] is not None and means[1] is not None else (means[0] or 0.0) >= 0.5
        self.positive = 0 if high else 1
        of_one = prediction == self.positive
        probabilities = finite.min() >= 0 and finite.max() <= 1
        self.confidence = np.where(of_one, scores, 1 - scores if probabilities else -scores)
        self.words = f"the score of class {self._classes[self.positive]}"

    def _read(self, column: str) -> Floats:
        parts = [as_numbers(piece.column(0), column) for piece in self._file.pieces([column])]
        whole = np.concatenate(parts) if parts else np.empty(0)
        return whole[: len(self._kept)][self._kept]


def _mean(values: Floats) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None
