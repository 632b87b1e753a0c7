"""Metrics from the rows of a query or table: lines of output that a backend has marked as such."""

from __future__ import annotations

import json

from automl_core.metrics.points import News, Point, step_of
from automl_core.metrics.sources import MetricSource
from automl_core.spec.maxcompute import METRIC_LINE


class RowSource(MetricSource):
    """Reads the marked lines and nothing else: what statements answer besides are no metrics."""

    def feed(self, line: str) -> list[News]:
        """See `MetricSource.feed`."""
        if not line.startswith(METRIC_LINE):
            return []
        try:
            body = json.loads(line.removeprefix(METRIC_LINE))
            step = step_of(body.pop("step"))
            values = {str(name): float(value) for name, value in body.items()}
            return [] if step is None else [Point(step, values, "step", over=True)]  # a row is read once it stands
        except (ValueError, TypeError, KeyError, AttributeError):  # a row's text that only looks like it
            return []

    def poll(self) -> list[News]:
        """Nothing: all is in the lines."""
        return []
