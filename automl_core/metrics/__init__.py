"""Metrics of a trial: where they are read from, their series over the steps, and the goal's value in them."""

from automl_core.metrics.errors import MetricError, MissingMetric, NotFinite, UnreadableMetrics
from automl_core.metrics.series import Final, Point, Series
from automl_core.metrics.sources import MetricSource, open_source

__all__ = [
    "Final",
    "MetricError",
    "MetricSource",
    "MissingMetric",
    "NotFinite",
    "Point",
    "Series",
    "UnreadableMetrics",
    "open_source",
]
