"""Metrics of forecasts by name."""

from __future__ import annotations

from automl_core.forecasting.metrics.base import Direction, Metric, MetricError

__all__ = ["DEFAULT", "Direction", "Metric", "MetricError", "find", "names"]

DEFAULT = "mase"
"""The metric where nobody names one: it has no unit, is defined with zeros, and 1 is a seasonal naive forecast."""


def names() -> list[str]:
    """Names that may be given."""
    raise NotImplementedError


def find(name: str | Metric | None = None) -> Metric:
    """The metric of a name, such as ``mase`` or ``pinball(0.9)``; None for the default.

    Raises:
        MetricError: there is none; says the nearest and what is allowed.
    """
    raise NotImplementedError
