"""Metrics from the rows of a query or table: lines of output that a backend has marked as such."""

from __future__ import annotations

import json

from automl_core.metrics.series import Point
from automl_core.metrics.sources import MetricSource
from automl_core.spec.maxcompute import METRIC_LINE


class RowSource(MetricSource):
    """Reads the marked lines and nothing else: what statements answer besides are no metrics."""

    def feed(self, line: str) -> list[Point]:
        """See `MetricSource.feed`."""
        if not line.startswith(METRIC_LINE):
            return []
        try:
            body = json.loads(line.removeprefix(METRIC_LINE))
            step = int(body.pop("step"))
            return [Point(step, {str(name): float(value) for name, value in body.items()})]
        except (ValueError, TypeError, KeyError, AttributeError):  # a row's text that only looks like it
            return []

    def poll(self) -> list[Point]:
        """Nothing: all is in the lines."""
        return []
