"""The library path: one call from rows to a forecast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from automl_core.forecasting.options import Options


class Forecaster:
    """A fitted model: forecasts its series, says what it is made of and how good it is.

    Attributes:
        folder: where it lies.
        report: what was tried, found and measured, as plain data (``report.json``).
    """

    def __init__(self, folder: Path, report: Mapping[str, Any], model: Any) -> None:
        self.folder, self.report = folder, dict(report)
        self._model = model

    def forecast(
        self, horizon: int | None = None, *, known: Any = None, levels: Sequence[float] | None = None, data: Any = None
    ) -> Any:
        """What comes next: a table of PyArrow, a row a series and step: series' columns, time, forecast, bounds.

        Args:
            horizon: steps ahead; None: the one that the model was made for.
            known: rows with the future of the known columns.
            levels: of the intervals; None: those that the model was made for.
            data: newer rows of the series: the forecast goes on from them, without a new fit.
        """
        raise NotImplementedError


def fit(
    data: Any,
    *,
    target: str,
    time: str,
    horizon: int,
    series: str | Sequence[str] | None = None,
    known: Sequence[str] = (),
    frequency: str | None = None,
    season: int | Sequence[int] | None = None,
    zone: str | None = None,
    metric: str | None = None,
    deadline: str | float | None = None,
    folder: str | Path | None = None,
    options: Options | None = None,
    progress: Callable[[Any], None] | None = None,
    **more: Any,
) -> Forecaster:
    """Find, fit and judge a model of series: see `Options` for what may be said.

    Raises:
        TrainingError: what the user said doesn't fit, in words.
        MissingExtra: the extra ``series`` is not installed.
    """
    raise NotImplementedError
