"""The library path: one call from rows to a model."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from automl_core.extras import needed_by
from automl_core.tabular.options import Options
from automl_core.training.problems import TrainingError

DEADLINE = 60.0
"""Seconds where neither a deadline nor a number of trials is given."""


class Model:
    """A fitted model: predicts rows, says what it is made of and how good it is.

    Attributes:
        folder: where it lies.
        report: what was tried, found and measured, as plain data (``report.json``).
    """

    def __init__(self, folder: Path, report: Mapping[str, Any], scorer: Any, classes: tuple[str, ...]) -> None:
        self.folder, self.report = folder, dict(report)
        self.classes = classes
        self._scorer = scorer

    def predict(self, rows: Any) -> list[str] | Any:
        """What each row is: a list of classes (texts), or (n,) numbers.

        Args:
            rows: as for `fit`; the target is not needed, other columns are passed over.
        """
        return self._scorer.predict(_table(rows))

    def predict_proba(self, rows: Any) -> Any:
        """(n, classes) probabilities in the order of `classes`.

        Raises:
            TrainingError: the model predicts numbers.
        """
        if not self.classes:
            raise TrainingError("predict_proba: the model predicts numbers, not classes; use predict")
        return self._scorer.probabilities(_table(rows))

    def to_sql(self, table: str, **options: Any) -> Any:
        """SQL that scores a table where it is (docs/sql-scoring.md).

        Args:
            table: its rows are scored.
            **options: of `automl_core.modelfile.sql.scoring.to_sql`: ``dialect``, ``keep``, ``into``, ….

        Raises:
            TrainingError: a part of the model has no SQL; the message names it.
        """
        from automl_core.modelfile.sql import NotInSql, to_sql

        try:
            return to_sql(self.folder, table=table, **options)
        except NotInSql as error:
            raise TrainingError(f"to_sql: {error}") from None

    @property
    def leaderboard(self) -> list[dict[str, Any]]:
        """All trials, best first: ``trial``, ``learner``, ``value``, ``folds``, ``seconds``, ``params`` and more."""
        return list(self.report["leaderboard"])

    def save(self, folder: str | Path) -> Path:
        """Copy the model's folder, with ``report.html`` in it, to a place of its own.

        Raises:
            TrainingError: there is something in that place.
        """
        try:
            return Path(shutil.copytree(self.folder, folder))
        except FileExistsError:
            raise TrainingError(f"{folder} exists; give another place for the model, or remove it") from None

    def __repr__(self) -> str:
        problem = self.report["problem"]
        value = self.report.get("estimate")
        how = "" if value is None else f" {value:.4g} on rows held out"
        return f"<Model of {problem['target']!r}: {problem['kind']}, {problem['metric']}{how}>"


def fit(
    data: Any,
    target: str | None = None,
    *,
    task: str = "auto",
    metric: Any = None,
    deadline: str | float | None = None,
    validation_data: Any = None,
    test_data: Any = None,
    folder: str | Path | None = None,
    options: Options | None = None,
    progress: Callable[[Any], None] | None = None,
    **more: Any,
) -> Model:
    """Find, fit and judge a model of a table.

    Args:
        data: rows: a table of PyArrow, a frame of pandas or polars, a dict of columns, a list of rows, or the place of
            a file (csv, tsv, Parquet, JSON lines).
        target: the column to predict.
        task: ``auto``, ``classification`` or ``regression``.
        metric: a name, or a function of the user's own (`automl_core.tabular.metrics.find`).
        deadline: seconds, or text such as ``10m``, for all: from the call, or from the start of a process that is
            younger than ten seconds, to the model. Left out: a minute, or none where ``iterations`` is given.
        validation_data: the user's own validation set.
        test_data: the user's own test set, which nothing but the one evaluation at the end sees.
        folder: for the search and the model; one that holds an unfinished search of the same data and options is gone
            on with. None: a temporary one, which goes when the model is no longer used; `Model.save` keeps the model.
        options: everything at once, instead of the arguments above and ``more``.
        progress: told each trial's result as it ends.
        **more: further `Options` by their names: ``group``, ``time``, ``weight``, ``iterations``, ``seed``, ….

    Raises:
        TrainingError: what the user said doesn't fit, in words.
        MissingExtra: the extra ``tabular`` is not installed.
    """
    began = time.monotonic()
    if options is None:
        if target is None:
            raise TrainingError("target: give the name of the column to predict")
        options = Options.of(target=target, task=task, metric=metric, deadline=deadline, **more)
    for each in options.learners:
        if not hasattr(each, "lasting"):
            raise TrainingError(f'learners: found {each!r}; wrap a class of your own: Custom("package.module:Class")')
        each.lasting()
    if options.deadline is None and options.iterations is None:
        options = options.replaced(deadline=DEADLINE)
    if options.workers is None:
        options = options.replaced(workers=_cores())
    with needed_by("automl_core.tabular", "tabular"):
        import numpy  # noqa: F401

        from automl_core.tabular import running

        home = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="automl-table-"))
        try:
            model = running.run(
                data, options, validation_data=validation_data, test_data=test_data, folder=home, began=began,
                progress=progress,
            )  # fmt: skip
        except BaseException:
            if folder is None:
                shutil.rmtree(home, ignore_errors=True)
            raise
    if folder is None:  # the user's rows lie in it
        weakref.finalize(model, _remove, home, os.getpid())
    return model


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in what was forked from it
        shutil.rmtree(folder, ignore_errors=True)


def _cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _table(rows: Any) -> Any:
    """Rows as they are given, or read from the place of a file."""
    if isinstance(rows, str | Path):
        from automl_core.data.reading import read_table

        return read_table(rows)
    return rows
