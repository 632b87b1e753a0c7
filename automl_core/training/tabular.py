"""What programs of boosted trees share: both parts of the data as matrices, measuring, and what a training leaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.training import measures, model
from automl_core.training.columns import Columns
from automl_core.training.config import Config
from automl_core.training.problems import TrainingError
from automl_core.training.progress import Progress
from automl_core.training.reporting import prefixed
from automl_core.training.rows import Data, Part, load

LOSS = {"classification": "log_loss", "regression": "rmse"}
"""What ``valid_loss`` and ``train_loss`` are."""


@dataclass(frozen=True)
class Judge:
    """Measures what models say of rows, and leaves what they are judged by.

    Attributes:
        data: the rows and their target.
    """

    data: Data

    @property
    def kind(self) -> str:
        """``binary``, ``multiclass`` or ``regression``."""
        return self.data.task if not self.data.classes else "binary" if len(self.data.classes) == 2 else "multiclass"

    def measure(self, outputs: NDArray[np.float64], part: str) -> dict[str, float]:
        """Measure what a model says of a part.

        Args:
            outputs: (n, classes) probabilities, (n,) those of the second of two classes, or (n,) numbers.
            part: ``train``: its loss alone; ``valid``: everything.

        Returns:
            metrics by their names, the part's before them.
        """
        rows = self.data.train if part == "train" else self.data.valid
        outputs = self.outputs(outputs)
        if part == "train" and self.data.classes:
            given = outputs[np.arange(len(rows)), rows.truth]
            return {"train_loss": float(np.average(-np.log(np.clip(given, 1e-15, 1)), weights=rows.weights))}
        measure = measures.classification if self.data.classes else measures.regression
        found = measure(rows.truth, outputs, rows.weights)
        if part == "train":
            return {"train_loss": found["rmse"]}
        return prefixed(part, {"loss": found[LOSS[self.data.task]], **found})

    def outputs(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, classes), where a library gives the second of two classes alone; numbers as they are."""
        outputs = np.asarray(outputs, dtype=np.float64)
        return np.column_stack([1 - outputs, outputs]) if self.kind == "binary" and outputs.ndim == 1 else outputs

    def finish(
        self,
        folder: Path,
        kind: str,
        outputs: NDArray[np.float64],
        progress: Progress,
        params: Mapping[str, Any],
        libraries: Sequence[str],
        columns: Columns | None = None,
        **more: Any,
    ) -> None:
        """Leave ``predictions.parquet`` and, last, ``model.json``.

        Args:
            folder: the model's folder.
            kind: the template's name.
            outputs: what the model says of the rows to judge by.
            progress: of the training.
            params: all parameters.
            libraries: distributions that the model was made with.
            columns: the features, where they are a table's.
            more: what the program needs to use it again.
        """
        model.write_predictions(folder, self.data, self.outputs(outputs))
        model.describe(
            folder, kind, self.data, columns=columns, params=params, step=progress.best_step,
            metrics=progress.best_metrics, libraries=libraries, seconds=progress.seconds, more=more,
        )  # fmt: skip


@dataclass(frozen=True)
class Job(Judge):
    """One training on a table.

    Attributes:
        config: what was asked for.
        params: all parameters.
        columns: the features.
        target: trees (or epochs) to have in the end.
    """

    config: Config
    params: Mapping[str, Any]
    columns: Columns
    target: int

    @property
    def model_dir(self) -> Path:
        """Folder for the model."""
        return self.config.model_dir

    @cached_property
    def identity(self) -> str:
        """What a checkpoint must have been made from, to be gone on from."""
        told = [self.data.task, self.data.target, self.data.classes, self.columns.as_json(), len(self.data.train)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    @cached_property
    def train_matrix(self) -> NDArray[np.float64]:
        """(rows, columns) to learn from."""
        return self.columns.encode(self.data.train.table)

    @cached_property
    def valid_matrix(self) -> NDArray[np.float64]:
        """(rows, columns) to judge by."""
        return self.columns.encode(self.data.valid.table)

    @property
    def train_target(self) -> NDArray[Any]:
        """(rows,) positions of classes, or numbers."""
        return self.data.train.truth

    @property
    def valid_target(self) -> NDArray[Any]:
        """(rows,) the same; the first class in place of one that was not learned, which libraries would refuse."""
        truth = self.data.valid.truth
        return np.maximum(truth, 0) if self.data.classes else truth

    @staticmethod
    def weights(part: Part) -> NDArray[np.float64] | None:
        """(rows,) weights, None where all are 1."""
        return None if (part.weights == 1).all() else part.weights

    def leave(
        self, kind: str, outputs: NDArray[np.float64], progress: Progress, libraries: Sequence[str], **more: Any
    ) -> None:
        """Leave ``predictions.parquet`` and ``model.json`` (see `finish`)."""
        self.finish(self.model_dir, kind, outputs, progress, self.params, libraries, self.columns, **more)


def prepare(config: Config, params: Mapping[str, Any], steps: str, task: str | None = None) -> Job:
    """Read and divide the data, and learn what their columns are.

    Args:
        config: what was asked for.
        params: all parameters.
        steps: the parameter that says how many steps there are where no budget does.
        task: what is learned; the parameter ``task`` where it is None.

    Raises:
        TrainingError: what was asked for is not possible.
    """
    target = config.budget or params[steps]
    if target < 1:
        raise TrainingError(f"{config.source}: {steps} must be 1 or more; it is {target}")
    data = load(
        config, task=task or params["task"], valid_fraction=params["valid_fraction"], split_seed=params["split_seed"]
    )
    return Job(data, config, params, data.columns(config), target)
