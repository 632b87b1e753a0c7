"""Models that aren't ours, measured by what a program of the user's own says of rows (see `asking`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import UnreadableValue
from automl_core.models.evaluation.asking import predictions_of
from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated
from automl_core.models.evaluation.rows import Mask, Rows
from automl_core.models.evaluation.subjects import Said


class Scored:
    """A model that a program scores.

    Attributes:
        folder, role: as `subjects.Subject` has them.
        kind, target, classes: as it was told by `learn`; the program's folder says nothing of them.
    """

    def __init__(self, folder: Path, role: str, options: EvaluateOptions) -> None:
        if options.program is None:
            raise NotEvaluated(f"the {role} needs a program that scores it")
        self.folder, self.role, self.program, self._key = folder, role, options.program, options.key
        self.kind: str | None = None
        self.target: str | None = None
        self.classes: tuple[str, ...] = ()
        self.metric: str | None = None
        self.columns: tuple[str, ...] = ()
        self.schema = None

    def learn(self, kind: str, target: str, classes: tuple[str, ...]) -> None:
        """What is predicted, as the other model, the options or the data say."""
        self.kind, self.target, self.classes = kind, target, classes

    def refused(self, rows: Rows) -> dict[str, Mask]:
        """None: what it can't score it says nothing of."""
        return {}

    def say(self, rows: Rows) -> Said:
        """What the program says of rows.

        Raises:
            NotEvaluated: it failed, took too long, or what it left is not predictions for these rows.
        """
        return self._read(
            predictions_of(self.program, self.folder, rows, self._name, target=self.target, key=self._key)
        )

    @property
    def _name(self) -> str:
        return f"the program that scores the {self.role}"

    def _read(self, table: Rows) -> Said:
        if self.kind == "regression":
            try:
                return Said(np.asarray(table.column("prediction").numbers(), dtype=np.float64), None, ())
            except UnreadableValue as error:
                raise NotEvaluated(f"{self._name}: {error.value!r} in row {error.row} is no number") from None
        from automl_core.models.evaluation.prepared import spelled

        coded = table.coded("prediction")
        known = {each: k for k, each in enumerate(self.classes)}
        written = [spelled(level, self.classes) for level in coded.levels]
        strange = next((level for level, text in zip(coded.levels, written, strict=True) if text not in known), None)
        if strange is not None:
            raise NotEvaluated(
                f"{self._name} says {strange!r}, which is none of the classes {', '.join(self.classes[:10])}"
            )
        labels = np.asarray([*(known[text] for text in written), -1], dtype=np.int64)[coded.codes]
        return Said(self._scores(table, labels), labels, self.classes)

    def _scores(self, table: Rows, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, K) probabilities, (n, 0) where it says none."""
        from automl_core.models.evaluation.prepared import spelled

        columns = {
            spelled(name.removeprefix("score_"), self.classes): name
            for name in table.columns
            if name.startswith("score_")
        }
        try:
            if columns:
                missing = [each for each in self.classes if each not in columns]
                if len(missing) == 1 and len(self.classes) == 2:  # the other one's is the rest
                    other = np.asarray(table.column(next(iter(columns.values()))).numbers(), dtype=np.float64)
                    parts = [1.0 - other if each in missing else other for each in self.classes]
                elif missing:
                    raise NotEvaluated(f"{self._name} left no column score_{missing[0]}")
                else:
                    parts = [
                        np.asarray(table.column(columns[each]).numbers(), dtype=np.float64) for each in self.classes
                    ]
                found = np.column_stack(parts)
            elif "score" in table.columns and len(self.classes) == 2:
                score = np.asarray(table.column("score").numbers(), dtype=np.float64)
                second = _second(score, labels)
                found = np.column_stack([1.0 - second, second])
            else:
                return np.empty((table.n, 0))
        except UnreadableValue as error:
            raise NotEvaluated(f"{self._name}: a score of {error.value!r} in row {error.row} is no number") from None
        there = found[np.isfinite(found)]
        if there.size and (there.min() < 0 or there.max() > 1 + 1e-9):
            raise NotEvaluated(
                f"{self._name} left scores of {there.min():g} … {there.max():g}; allowed: probabilities, 0 … 1"
            )
        return found


def _second(score: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The second class's probability of one score a row: a confidence where none is below ½, else that of one class."""
    if not (score < 0.5).any():
        return np.where(labels == 1, score, 1.0 - score)
    one, other = score[labels == 1], score[labels == 0]
    turned = len(one) and len(other) and np.nanmean(one) < np.nanmean(other)
    return 1.0 - score if turned else score
