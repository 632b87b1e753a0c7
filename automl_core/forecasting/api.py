"""The library path: one call from rows to a forecast."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.extras import needed_by
from automl_core.forecasting.options import Options
from automl_core.training.problems import TrainingError

if TYPE_CHECKING:
    from automl_core.forecasting.trial import TrialResult
    from automl_core.modelfile.series import Forecasts, SeriesModel


class Forecaster:
    """A fitted model: forecasts its series, says what it is made of and how good it is.

    Attributes:
        folder: where it lies.
        report: what was tried, found and measured, as plain data (``report.json``).
        model: as `automl_core.modelfile` loads it from its folder: it can be updated by newer rows.
    """

    def __init__(self, folder: Path, report: Mapping[str, Any], model: SeriesModel, future: Any = None) -> None:
        """Put one together; `fit` does.

        Args:
            folder: of the model.
            report: what report.json holds.
            model: read back from the folder.
            future: rows that have the known columns' future; None: there are none.
        """
        self.folder, self.report, self.model = folder, dict(report), model
        self._future, self._updated = future, False

    def forecast(
        self,
        horizon: int | None = None,
        *,
        known: Any = None,
        series: Sequence[str] | str | None = None,
        levels: Sequence[float] | None = None,
    ) -> Forecasts:
        """What comes after the last values: rows of series, time, step, forecast and bounds, in their order.

        Args:
            horizon: steps ahead; None: the one that the model was made for.
            known: rows with the future of the known columns; None: what the table said of it.
            series: names of the series; None: all.
            levels: of the intervals; None: those that the model was made for.

        Raises:
            SeriesProblem: a series, horizon or level that is none; a known column's value that is missing.
        """
        known = self._future if known is None else known
        return self.model.forecast(horizon, known=known, series=series, levels=levels)

    def update(self, rows: Any) -> tuple[str, ...]:
        """Run on by newer rows, parameters as fitted; `save` keeps the model as it is then.

        Returns:
            What is to be said: gaps, changed values, new series.

        Raises:
            SeriesProblem: rows that don't fit.
        """
        self._updated = True
        return self.model.update(rows)

    @property
    def leaderboard(self) -> list[dict[str, Any]]:
        """All trials, best first: ``trial``, ``learner``, ``value``, ``origins``, ``seconds``, ``params`` and more."""
        return list(self.report["leaderboard"])

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What was found in the table and done about it."""
        return list(self.report["guardrails"])

    @property
    def intervals(self) -> list[dict[str, Any]]:
        """Of each level the share of what came that intervals held, at the origins and at the test."""
        return list(self.report["coverage"])

    @property
    def series(self) -> list[dict[str, Any]]:
        """Of each series its figures and notes, the worst first; of very many the first thousand (`series.csv`)."""
        return list(self.report["series"])

    def save(self, folder: str | Path) -> Path:
        """Copy the model's folder, with its report, to a place of its own; after `update` the model as it is then.

        Raises:
            TrainingError: there is something in that place.
        """
        target = Path(folder)
        if target.exists():
            raise TrainingError(f"{folder} exists; give another place for the model, or remove it")
        if self._updated:
            return self.model.save(target)
        return Path(shutil.copytree(self.folder, target))

    def __repr__(self) -> str:
        problem, value = self.report["problem"], self.report.get("estimate")
        how = "" if value is None else f" {value:.4g} at the origins"
        return f"<Forecaster of {problem['target']!r}: {len(self.model.names)} series, {problem['metric']}{how}>"


def fit(
    data: Any,
    *,
    target: str | None = None,
    time: str | None = None,
    horizon: int | None = None,
    series: str | Sequence[str] | None = None,
    known: str | Sequence[str] = (),
    frequency: str | None = None,
    season: int | Sequence[int] | None = None,
    zone: str | None = None,
    metric: str | None = None,
    deadline: str | float | None = None,
    folder: str | Path | None = None,
    options: Options | None = None,
    progress: Callable[[TrialResult], None] | None = None,
    check: bool = True,
    **more: Any,
) -> Forecaster:
    """Find, fit and judge a model of series.

    Without a deadline and without ``iterations`` each learner is tried once, as is good on most data.

    Args:
        data: rows: a table of PyArrow, a frame of pandas or polars, a dict of columns, a list of rows, or the place of
            a file (csv, tsv, Parquet, JSON lines).
        target: the column to forecast.
        time: the column of times.
        horizon: steps ahead.
        series: the column, or columns, whose values tell series apart; None: the table is one series.
        known: columns whose future is known; rows without a target at a series' end have it.
        frequency, season, zone, metric: see `Options`.
        deadline: seconds, or text such as ``10m``, for all, from the call to the model.
        folder: for the search and the model; None: a temporary one, which goes when the model is no longer used;
            `Forecaster.save` keeps the model.
        options: everything at once, instead of the arguments above and ``more``.
        progress: told each trial's result as it ends.
        check: whether the model is tried in a fresh process before it counts.
        **more: further `Options` by their names: ``iterations``, ``levels``, ``seed``, ``arima``, ….

    Raises:
        TrainingError: what the user said doesn't fit, in words.
        MissingExtra: the extra ``series`` is not installed.
    """
    began = _now()
    if options is None:
        options = Options.of(
            target=target, time=time, horizon=horizon, series=series, known=known, frequency=frequency, season=season,
            zone=zone, metric=metric, deadline=deadline, **more,
        )  # fmt: skip
    with needed_by("automl_core.forecasting", "series"):
        import numpy  # noqa: F401
        import pyarrow  # noqa: F401

        home = Path(folder) if folder is not None else Path(tempfile.mkdtemp(prefix="automl-series-"))
        try:
            model = _run(data, options, home, began, progress, check)
        except BaseException:
            if folder is None:
                shutil.rmtree(home, ignore_errors=True)
            raise
    if folder is None:  # the user's values lie in it
        weakref.finalize(model, _remove, home, os.getpid())
    return model


def _run(
    data: Any,
    options: Options,
    home: Path,
    began: float,
    progress: Callable[[TrialResult], None] | None,
    check: bool,
) -> Forecaster:
    from automl_core.forecasting.conclude import conclude
    from automl_core.forecasting.prepared import prepare, table_of
    from automl_core.forecasting.searching import Search

    deadline = None if options.deadline is None else began + options.deadline
    table = table_of(data)
    prepared = prepare(table, options)
    searching = _now()
    outcome = Search(prepared, home / "trials", deadline, progress).run()
    times = {"prepare": searching - began, "search": _now() - searching}
    done = conclude(
        prepared, outcome.results, folder=home / "model", deadline=deadline, why=outcome.why, times=times, check=check
    )
    return Forecaster(done.folder, done.report, done.model, table if options.known else None)


def _now() -> float:
    return time.monotonic()


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in what was forked from it
        shutil.rmtree(folder, ignore_errors=True)
