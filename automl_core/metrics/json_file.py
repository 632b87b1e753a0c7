"""Metrics from a JSON file that a training task writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from automl_core.metrics.counting import StepCounter
from automl_core.metrics.errors import UnreadableMetrics
from automl_core.metrics.json_object import read_object, steps_of
from automl_core.metrics.points import News
from automl_core.metrics.sources import MetricSource
from automl_core.metrics.text import StepNames, number
from automl_core.spec.metrics import JsonMetrics

MAX_BYTES = 64 * 2**20
"""Largest file that is read."""

_WANTED = "one object, a list of objects, or JSON lines are wanted"


class JsonSource(MetricSource):
    """Reads a file that holds one object, a list of objects, or one object a line, whenever it has changed.

    An object is a step's metrics (``{"epoch": 3, "loss": 0.2}``, nested one level deep), or whole columns
    (``{"loss": [0.5, 0.3, 0.2]}``, as training histories are saved).
    """

    def __init__(self, model: JsonMetrics, path: Path, start: int = 0) -> None:
        self.path = path
        self._steps = StepNames(model.step)
        self._start = start
        self._signature: tuple[int, int, int] | None = None

    def poll(self) -> list[News]:
        """See `MetricSource.poll`."""
        try:
            points, _ = self._read(only_if_changed=True)
        except UnreadableMetrics:
            return []
        return points

    def finish(self) -> list[News]:
        """See `MetricSource.finish`."""
        points, problem = self._read(only_if_changed=False)
        if problem:
            raise UnreadableMetrics(self.path, problem)
        return points

    def _read(self, *, only_if_changed: bool) -> tuple[list[News], str | None]:
        """The points that can be read, and what is wrong with the rest."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                signature = (status.st_ino, status.st_size, status.st_mtime_ns)
                if only_if_changed and signature == self._signature:
                    return [], None
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UnreadableMetrics(self.path, error.strerror or str(error)) from None
        self._signature = signature
        if len(data) > MAX_BYTES:
            return [], f"larger than {MAX_BYTES // 2**20} MiB"
        return self._parse(data.decode("utf-8-sig", "replace"))

    def _parse(self, text: str) -> tuple[list[News], str | None]:
        counter = StepCounter(
            self._steps.names, self._start
        )  # the whole file is read each time, so it is counted afresh
        points: list[News] = []
        problem = None
        try:
            for body in _objects(text):
                points += self._points(body, counter)
        except (ValueError, RecursionError) as error:
            problem = f"{error}; {_WANTED}"
        return points, problem

    def _points(self, body: Mapping[str, Any], counter: StepCounter) -> list[News]:
        stated, values = read_object(body, self._steps)
        points = counter.points(stated, {}, values)
        columns = {str(key): [number(item) for item in member] for key, member in body.items() if _is_column(member)}
        steps = {name.lower(): columns.pop(name) for name in list(columns) if name in self._steps}
        counter.end_line()
        for row in range(max((len(column) for column in columns.values()), default=0)):
            points += counter.points(steps_of(_row(steps, row)), {}, _row(columns, row))
            counter.end_line()
        return points


def _row(columns: Mapping[str, list[float | None]], row: int) -> dict[str, float]:
    cells = ((name, column[row]) for name, column in columns.items() if row < len(column))
    return {name: value for name, value in cells if value is not None}


def _is_column(member: Any) -> bool:
    return isinstance(member, list) and any(number(item) is not None for item in member)


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    """The objects of a file, up to the first thing that is none.

    Raises:
        ValueError: there is such a thing.
    """
    if not text.strip():
        raise ValueError("the file is empty")
    try:
        body = json.loads(text)
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) < 2 or not _is_json(lines[0][1]):
            raise ValueError(f"not JSON: {error}") from None
        for place, line in lines:
            yield _object(_load_line(line, place), f"line {place}")
        return
    if isinstance(body, list):
        for place, item in enumerate(body):
            yield _object(item, f"item {place} of the list")
    else:
        yield _object(body, "the file")


def _load_line(line: str, place: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ValueError(f"line {place} is not JSON: {error}") from None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _object(body: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ValueError(f"{where} is {type(body).__name__} {body!r:.60}, not an object")
    return body
