"""Metrics from what a training task prints."""

from __future__ import annotations

import json
from collections.abc import Mapping

from automl_core.metrics.counting import StepCounter
from automl_core.metrics.json_object import read_object
from automl_core.metrics.patterns import Patterns
from automl_core.metrics.series import Point
from automl_core.metrics.sources import MetricSource
from automl_core.metrics.text import StepNames, bounded, number, pairs, plain
from automl_core.spec.metrics import StdoutMetrics

MAX_REDRAWS = 1_000
"""Redraws of a progress bar in one line that are looked at, the last ones."""


class StdoutSource(MetricSource):
    """Reads lines such as ``epoch 3: val_accuracy=0.93 loss: 0.21``, JSON lines, or the user's patterns.

    The step is the one that the line states, else that of a heading line before it (``Epoch 3/10`` and nothing
    else), else each metric's occurrences are counted. Of a progress bar that redraws itself with carriage
    returns, the redraws that state a step count each; of the others only the last, as on a terminal.
    """

    def __init__(self, model: StdoutMetrics, start: int = 0) -> None:
        self._patterns = Patterns(model.patterns)
        self._steps = StepNames(model.step)
        self._counter = StepCounter(self._steps.names, start)
        self._heading: dict[str, int] = {}

    def feed(self, line: str) -> list[Point]:
        """See `MetricSource.feed`."""
        # The one test that most of a gigabyte of output must be worth: no line without these holds a metric.
        if not self._patterns and "=" not in line and ":" not in line and "{" not in line:
            if len(line) <= 100:
                self._note_heading(plain(line).strip())
            return []
        if "\r" not in line:
            return self._points(*self._read(line))
        points: list[Point] = []
        last: dict[str, float] = {}
        for redraw in line.split("\r")[-MAX_REDRAWS:]:
            stated, values = self._read(redraw)
            if stated:
                points += self._points(stated, values)
            elif values:
                last = values
        return points + self._points({}, last)

    def poll(self) -> list[Point]:
        """Nothing: all is in the lines."""
        return []

    def _points(self, stated: Mapping[str, int], values: Mapping[str, float]) -> list[Point]:
        return self._counter.points(stated, self._heading, values)

    def _note_heading(self, text: str) -> None:
        self._heading = self._steps.heading(text) or self._heading

    def _read(self, text: str) -> tuple[dict[str, int], dict[str, float]]:
        """The steps that a text states, and its metrics."""
        text = plain(bounded(text)).strip()
        if self._patterns:
            values = self._matched(text)
            return self._steps.stated(text) if values else {}, values
        stated, values, before = self._json(text)
        if values:
            return stated or self._steps.stated(before), values
        values = {name: value for name, value in pairs(text).items() if name not in self._steps}
        if values:
            return self._steps.stated(text), values
        self._note_heading(text)
        return {}, {}

    def _json(self, text: str) -> tuple[dict[str, int], dict[str, float], str]:
        """The steps and metrics of a JSON object at the end of a text, and the text before it."""
        start = text.find("{") if text.endswith("}") else -1
        if start < 0:
            return {}, {}, text
        try:
            body = json.loads(text[start:])
        except (ValueError, RecursionError):  # a Python dictionary or a sentence with braces: read as text
            return {}, {}, text
        return *read_object(body, self._steps), text[:start]

    def _matched(self, text: str) -> dict[str, float]:
        values = {}
        for name, group in self._patterns.search(text).items() if text else ():
            # a pattern such as ([0-9\.]+) takes the full stop of a sentence with the number
            value = number(group.rstrip(".,;"))
            if value is not None:
                values[name] = value
        return values
