"""Metrics of a trial: where they are read from, their series over the steps, and the goal's value in them."""

from automl_core.metrics.errors import (
    AmbiguousMetric,
    MetricError,
    MissingMetric,
    MixedSteps,
    NotFinite,
    UnreadableMetrics,
)
from automl_core.metrics.points import News, Point, Retraction, Step
from automl_core.metrics.series import Final, Series
from automl_core.metrics.sources import MetricSource, open_source

__all__ = [
    "AmbiguousMetric",
    "Final",
    "MetricError",
    "MetricSource",
    "MissingMetric",
    "MixedSteps",
    "News",
    "NotFinite",
    "Point",
    "Retraction",
    "Series",
    "Step",
    "UnreadableMetrics",
    "open_source",
]
