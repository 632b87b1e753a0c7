"""Metrics from what a training task prints."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from automl_core.metrics.counting import StepCounter
from automl_core.metrics.json_object import read_object
from automl_core.metrics.naming import Sections
from automl_core.metrics.patterns import Patterns
from automl_core.metrics.points import News, Step
from automl_core.metrics.sources import MetricSource
from automl_core.metrics.text import StepNames, bounded, number, pairs, plain
from automl_core.spec.metrics import StdoutMetrics

_BACK = re.compile("\b+\r?")
_UP = re.compile("\x1b\\[[0-9]*A")


class StdoutSource(MetricSource):
    """Reads lines such as ``epoch 3: val_accuracy=0.93 loss: 0.21``, JSON lines, or the user's patterns.

    The step is the one that the line states, else that of a heading line before it (``Epoch 3/10`` and nothing
    else), else each metric's occurrences are counted (`StepCounter`). A line that redraws itself counts once, with
    what was drawn last, as on a terminal; where its redraws state steps, that holds for each of these steps.
    """

    reads_output = True

    def __init__(self, model: StdoutMetrics, start: int = 0) -> None:
        self._patterns = Patterns(model.patterns)
        self._steps = StepNames(model.step)
        self._counter = StepCounter(self._steps.names, start)
        self._heading: dict[str, Step] = {}
        self._wiped = False  # whether what was drawn last was blank
        self._up = False  # whether the line went up again to the one above

    def feed(self, line: str) -> list[News]:
        """See `MetricSource.feed`."""
        if "\b" in line:  # some bars go back to the beginning of their line so
            line = _BACK.sub("\r", line)
        pieces = line.split("\r") if "\r" in line else [line]
        news: list[News] = []
        for piece in pieces:
            # The one test that most of a gigabyte of output must be worth: no text without these holds a metric.
            if self._patterns or "=" in piece or ":" in piece or "{" in piece:
                news += self._points(*self._read(piece))
            elif len(piece) <= 100:
                self._note_heading(plain(piece).strip())
            self._draw(piece)
        if not line.endswith("\r"):
            self._end()
        return news

    def _draw(self, piece: str) -> None:
        """Note that a bar below another one goes back up: its next line is the same one, until it is wiped out."""
        above, *rest = _UP.split(piece) if "\x1b" in piece else [piece]
        if above:
            self._wiped = not above.strip()
        if rest:
            self._up = True
            if self._wiped:
                self._counter.end_line()

    def _end(self) -> None:
        if not self._up:
            self._counter.end_line()
        self._up = self._wiped = False

    def poll(self) -> list[News]:
        """Nothing: all is in the lines."""
        return []

    def _points(self, stated: Mapping[str, Step], values: Mapping[str, float]) -> list[News]:
        return self._counter.points(stated, self._heading, values)

    def _note_heading(self, text: str) -> None:
        self._heading = self._steps.heading(text) or self._heading

    def _read(self, text: str) -> tuple[dict[str, Step], dict[str, float]]:
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

    def _json(self, text: str) -> tuple[dict[str, Step], dict[str, float], str]:
        """The steps and metrics of a JSON object at the end of a text, and the text before it."""
        start = text.find("{") if text.endswith("}") else -1
        if start < 0:
            return {}, {}, text
        try:
            body = json.loads(text[start:])
        except (ValueError, RecursionError):  # a Python dictionary or a sentence with braces: read as text
            return {}, {}, text
        stated, values = read_object(body, self._steps)
        before = text[:start]
        if sections := Sections(before):  # Validation: {"loss": 0.4}
            values = {sections.name(start, name): value for name, value in values.items()}
        return stated, values, before

    def _matched(self, text: str) -> dict[str, float]:
        values = {}
        for name, group in self._patterns.search(text).items() if text else ():
            # a pattern such as ([0-9\.]+) takes the full stop of a sentence with the number
            value = number(group.rstrip(".,;"))
            if value is not None:
                values[name] = value
        return values
