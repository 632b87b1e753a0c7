"""Metrics of forecasts by name: Azure's names where Azure has one, else forecasters' usual ones; one file a family."""

from __future__ import annotations

import difflib
import re

from automl_core.forecasting.metrics import errors, explained, scaled
from automl_core.forecasting.metrics.base import Direction, Metric, MetricError
from automl_core.forecasting.metrics.history import Histories
from automl_core.forecasting.metrics.quantiles import coverage, interval_score, pinball

__all__ = [
    "DEFAULT", "Direction", "Histories", "Metric", "MetricError", "coverage", "find", "interval_score", "names",
    "pinball",
]  # fmt: skip

DEFAULT = "mase"
"""The metric where nobody names one: it has no unit, is defined where series touch zero, and is what forecasters
compare by."""

_ALL = {each.name: each for each in (*scaled.METRICS, *explained.METRICS, *errors.METRICS)}
_ALIASES = {
    "nrmse": "normalized_root_mean_squared_error",
    "nmae": "normalized_mean_absolute_error",
    "r2": "r2_score",
    "spearman": "spearman_correlation",
    "root_mean_squared_error": "rmse",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
    "mean_absolute_percentage_error": "mape",
    "mean_absolute_scaled_error": "mase",
    "nd": "wape",
}
_PINBALL = re.compile(r"(?:pinball|quantile_loss)\(\s*(0?\.\d+)\s*\)")


def names() -> list[str]:
    """Names that may be given."""
    return [*sorted(_ALL), "pinball(QUANTILE)"]


def find(name: str | Metric | None = None) -> Metric:
    """The metric of a name, such as ``mase`` or ``pinball(0.9)``; None for the default.

    Raises:
        MetricError: there is none; says the nearest and what is allowed.
    """
    if isinstance(name, Metric):
        return name
    plain = DEFAULT if name is None else name.strip().lower()
    level = _PINBALL.fullmatch(plain)
    if level is not None and 0 < float(level[1]) < 1:
        return pinball(float(level[1]))
    found = _ALL.get(_ALIASES.get(plain, plain))
    if found is None:
        close = difflib.get_close_matches(plain, [*names(), *_ALIASES], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise MetricError(f"there is no metric of forecasts {name!r}{hint} (allowed: {', '.join(names())})")
    return found
