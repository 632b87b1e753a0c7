"""What is compared: models of folders, opened, and what they say of rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.values import Schema, SchemaError
from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated
from automl_core.models.evaluation.rows import Mask, Rows

if TYPE_CHECKING:
    from automl_core.modelfile.model import Model

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """What a model says of rows.

    Attributes:
        outputs: (n, K) probabilities in the order of `classes`, (n, 0) where only classes were said, or (n,) numbers.
        labels: (n,) positions of the classes it decides for, -1 where it said none; None where it predicts numbers.
        classes: of its columns.
    """

    outputs: Floats
    labels: Codes | None
    classes: tuple[str, ...]

    def take(self, places: NDArray[Any]) -> Said:
        """What it says of some of the rows."""
        return Said(self.outputs[places], None if self.labels is None else self.labels[places], self.classes)

    @property
    def missing(self) -> Mask:
        """(n,) rows of which it says nothing that is a number, or no class."""
        bad = ~np.isfinite(self.outputs)
        found = bad if bad.ndim == 1 else bad.any(axis=1)
        return np.asarray(found if self.labels is None else found | (self.labels < 0))

    def aligned(self, classes: Sequence[str]) -> Said:
        """The same in the order of other classes, which hold all of its own; of those that it lacks it says 0."""
        if self.labels is None or tuple(classes) == self.classes:
            return self
        places = [list(classes).index(each) for each in self.classes]
        outputs = self.outputs
        if outputs.shape[1]:
            outputs = np.zeros((len(self.outputs), len(classes)))
            outputs[:, places] = self.outputs
        labels = np.asarray([*places, -1], dtype=np.int64)[self.labels]
        return Said(outputs, labels, tuple(classes))


class Subject:
    """A model of ours, opened.

    Attributes:
        folder: where it lies.
        role: ``challenger`` or ``champion``.
        kind, target, classes: of its problem.
        metric: by which it was chosen, None where its folder does not say.
        opened: seconds that opening took.
    """

    def __init__(self, folder: Path, role: str, trusted: Any) -> None:
        from automl_core.modelfile.model import BrokenModel, load
        from automl_core.modelfile.scoring.documents import LaterFormat

        self.folder, self.role, self._trusted = folder, role, trusted
        began = time.perf_counter()
        try:
            self.model: Model = load(folder, trusted=trusted)
        except (BrokenModel, LaterFormat, ImportError, ValueError) as error:
            raise NotEvaluated(f"the {role} can't be opened: {error}") from None
        self.opened = time.perf_counter() - began
        self.kind, self.target, self.classes = self.model.kind, self.model.target, self.model.classes
        told = self.model.info["problem"].get("metric")
        self.metric: str | None = str(told) if told else None

    @property
    def schema(self) -> Schema:
        """The columns that it reads."""
        return self.model.schema

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        return self.schema.names

    def refused(self, rows: Rows) -> dict[str, Mask]:
        """Which rows it can't read, by why.

        Raises:
            NotEvaluated: a column is not there.
        """
        try:
            found = rows.unreadable(self.schema)
        except NotEvaluated as error:
            raise NotEvaluated(f"the {self.role} can't score the data: {error}") from None
        return {f"the {self.role} can't read column {name!r}": mask for name, mask in found.items()}

    def say(self, rows: Rows) -> Said:
        """What it says of rows that it can read.

        Raises:
            NotEvaluated: it can't.
        """
        from automl_core.modelfile.scoring.calibration import positions

        scorer = self.model.scorer
        try:
            outputs = np.asarray(scorer.outputs(self.schema.read(rows.columns)), dtype=np.float64)
        except SchemaError as error:
            raise NotEvaluated(f"the {self.role} can't score the data: {error}") from None
        if not self.classes:
            return Said(outputs[:, 0], None, ())
        labels = np.where(np.isfinite(outputs).all(axis=1), positions(outputs, scorer.threshold), -1)
        return Said(outputs, labels.astype(np.int64), self.classes)

    def one(self, row: dict[str, Any]) -> None:
        """Score one row, for the clock."""
        self.model.scorer.outputs([row])

    def reopened(self) -> None:
        """Open it once more, for the clock."""
        from automl_core.modelfile.model import load

        load(self.folder, trusted=self._trusted)


def opened(folder: str | Path, role: str, options: EvaluateOptions) -> Any:
    """A model of its folder: of a table (`Subject`), or, where it isn't ours, a program's (`program.Scored`).

    Raises:
        NotEvaluated: it is none that can be opened, and no program is given.
    """
    from automl_core.modelfile.writing import MODEL_FILE

    home = Path(folder)
    if (home / MODEL_FILE).is_file():
        from automl_core.modelfile.model import BrokenModel, read_info
        from automl_core.modelfile.scoring.documents import LaterFormat
        from automl_core.modelfile.writing import FORECASTING

        try:
            kind = read_info(home)["problem"].get("kind")
        except (BrokenModel, LaterFormat) as error:
            raise NotEvaluated(f"the {role} can't be opened: {error}") from None
        if kind == FORECASTING:
            from automl_core.models.evaluation.series import SeriesSubject

            return SeriesSubject(home, role)
        return Subject(home, role, options.trusted)
    if options.program is None:
        raise NotEvaluated(
            f"the {role} in {home} is no model of this product (there is no {MODEL_FILE}): name a program that scores "
            "it (evaluate.program)"
        )
    from automl_core.models.evaluation.program import Scored

    return Scored(home, role, options)
