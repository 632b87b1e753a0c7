"""Metrics from TensorBoard event files, by TensorBoard's own reader; TensorFlow is not needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automl_core.metrics.errors import UnreadableMetrics
from automl_core.metrics.series import Point
from automl_core.metrics.sources import MetricSource

_PATTERN = "*tfevents*"


class EventFileSource(MetricSource):
    """Reads the scalars of every event file below a folder, each file on from where the last reading ended.

    A scalar's tag is the metric's name; of files in a sub-folder, the folder and the tag (``validation/loss``),
    since several folders may well use the same tags.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaders: dict[Path, Any] = {}

    def poll(self) -> list[Point]:
        """See `MetricSource.poll`."""
        points: list[Point] = []
        for path in self._files():
            if path not in self._loaders:
                self._loaders[path] = _open(path)
            place = path.relative_to(self.folder).parent.as_posix()
            prefix = "" if place == "." else f"{place}/"
            points += (Point(step, {prefix + tag: value}) for step, tag, value in _scalars(self._loaders[path]))
        return points

    def finish(self) -> list[Point]:
        """See `MetricSource.finish`."""
        points = self.poll()
        if not self._loaders:
            problem = "no event file (…tfevents…) there" if self.folder.exists() else "no such folder"
            raise UnreadableMetrics(self.folder, problem)
        return points

    def _files(self) -> list[Path]:
        if self.folder.is_file():
            return [self.folder]
        return sorted(path for path in self.folder.rglob(_PATTERN) if path.is_file())


def _open(path: Path) -> Any:
    # heavy, and only wanted once there is a file
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    return EventFileLoader(str(path))


def _scalars(loader: Any) -> Iterator[tuple[int, str, float]]:
    """(step, tag, value) of what was written since the last call."""
    from tensorboard.util.tensor_util import make_ndarray

    for event in loader.Load():
        for value in event.summary.value:
            # the reader turns every older way to write a scalar into this one
            if value.metadata.plugin_data.plugin_name != "scalars":
                continue
            array = make_ndarray(value.tensor)
            if array.size == 1:
                # by way of its text: 0.4 is kept in 32 bits, and would come out as 0.4000000059604645
                yield int(event.step), str(value.tag), float(str(array.reshape(())))
