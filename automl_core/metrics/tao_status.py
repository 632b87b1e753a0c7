"""Metrics from the status file that TAO's networks write."""

from __future__ import annotations

import os
from pathlib import Path

from automl_core.metrics.errors import UnreadableMetrics
from automl_core.metrics.points import COUNTED, News, Point, step_of
from automl_core.metrics.sources import MetricSource
from automl_core.metrics.status_lines import BadLine, StatusLines, Values

MAX_BYTES = 64 * 2**20
"""Largest file that is read."""

AXIS = "epoch"


class TaoSource(MetricSource):
    """Reads the file from its beginning whenever it has changed: its epochs are the steps.

    A file that states no epoch at all, such as that of an evaluation, has one step.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self._start = start
        self._signature: tuple[int, int, int] | None = None

    def poll(self) -> list[News]:
        """See `MetricSource.poll`. An evaluation whose epoch is not stated yet is left for later."""
        try:
            data = self._read(only_if_changed=True)
        except UnreadableMetrics:
            return []
        if data is None or len(data) > MAX_BYTES:
            return []
        whole = data[: data.rfind(b"\n") + 1]  # the rest is still being written
        try:
            return _points(whole.decode("utf-8", "replace"), self._start, ended=False)
        except BadLine:
            return []

    def finish(self) -> list[News]:
        """See `MetricSource.finish`."""
        data = self._read(only_if_changed=False)
        assert data is not None
        if len(data) > MAX_BYTES:
            raise UnreadableMetrics(self.path, f"larger than {MAX_BYTES // 2**20} MiB")
        if not data.strip():
            raise UnreadableMetrics(self.path, "the file is empty")
        try:
            return _points(data.decode("utf-8", "replace"), self._start, ended=True)
        except BadLine as error:
            raise UnreadableMetrics(self.path, f"{error}; TAO's status file has one object a line") from None

    def _read(self, *, only_if_changed: bool) -> bytes | None:
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                signature = (status.st_ino, status.st_size, status.st_mtime_ns)
                if only_if_changed and signature == self._signature:
                    return None
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UnreadableMetrics(self.path, error.strerror or str(error)) from None
        self._signature = signature
        return data


def _points(text: str, start: int, *, ended: bool) -> list[News]:
    status = StatusLines()
    found: list[Values] = []
    for line in text.split("\n"):
        found += status.feed(line)
    if ended:
        found += status.end()
    return [_point(each, start) for each in found]


def _point(values: Values, start: int) -> Point:
    step = step_of(values.epoch) if values.epoch is not None else None
    if step is None:
        return Point(start, values.metrics, COUNTED)
    return Point(step, values.metrics, AXIS)
