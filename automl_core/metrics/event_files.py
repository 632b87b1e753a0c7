"""Metrics from TensorBoard event files, by TensorBoard's own parts; TensorFlow is not needed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automl_core.extras import needed_by
from automl_core.metrics.errors import DamagedMetrics, UnreadableMetrics
from automl_core.metrics.event_records import EventRecords
from automl_core.metrics.points import News, Point, Retraction, Step, step_of
from automl_core.metrics.sources import MetricSource

_PATTERN = "*tfevents*"
_WRITTEN = re.compile(r"tfevents\.(\d+)")
_AXIS = "step"


class EventFileSource(MetricSource):
    """Reads the scalars of every event file below a folder, each file on from where the last reading ended.

    A scalar's tag is the metric's name; of files in a sub-folder, the folder and the tag (``validation/loss``),
    since several folders may well use the same tags. What kind of summary a tag is may stand in the first event of a
    folder alone. A tag that is written without steps is counted. A session that starts at a step
    (``SummaryWriter(purge_step=5)`` after a resume) makes void what the files of its folder had from that step on, as
    in TensorBoard.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[Path, EventRecords] = {}
        self._plugins: dict[tuple[str, str], str] = {}
        self._at_zero: dict[tuple[Path, str], int] = {}
        self._damage: list[str] = []

    def poll(self) -> list[News]:
        """See `MetricSource.poll`."""
        news: list[News] = []
        for prefix, file in self._opened():
            with contextlib.suppress(OSError):  # it is being replaced, say: the next time
                for record in file.read():
                    news += self._of(record, prefix, file.path)
        return news

    def finish(self) -> list[News]:
        """See `MetricSource.finish`."""
        news: list[News] = []
        for prefix, file in self._opened():
            try:
                for record in file.read_on():
                    if isinstance(record, bytes):
                        news += self._of(record, prefix, file.path)
                    elif file.count or _WRITTEN.search(file.path.name):  # else it only has such a name
                        self._damage.append(self._lost(file, record))
            except OSError as error:
                raise UnreadableMetrics(file.path, error.strerror or str(error)) from None
        if self._damage:
            raise DamagedMetrics(self.folder, "; ".join(self._damage))
        if not self._files:
            problem = "no event file (…tfevents…) there" if self.folder.exists() else "no such folder"
            raise UnreadableMetrics(self.folder, problem)
        return news

    def _lost(self, file: EventRecords, what: str) -> str:
        name = file.path.relative_to(self.folder).as_posix() if file.path != self.folder else file.path.name
        return f"{name}: {what} (after {file.count} whole records): metrics are missing, so no value can be relied on"

    def _opened(self) -> Iterator[tuple[str, EventRecords]]:
        """The files in the order in which they were begun, each with the prefix of its folder."""
        if self.folder.is_file():
            paths = [self.folder]
        else:
            paths = sorted((path for path in self.folder.rglob(_PATTERN) if path.is_file()), key=_begun)
        for path in paths:
            place = path.relative_to(self.folder).parent.as_posix()
            yield "" if place == "." else f"{place}/", self._files.setdefault(path, EventRecords(path))

    def _of(self, record: bytes, prefix: str, path: Path) -> Iterator[News]:
        """What a record tells."""
        # heavy, and only wanted once there is a file
        with needed_by("reading metrics from event files"):
            from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # what TensorBoard raises
            from tensorboard import data_compat
            from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        try:
            event = Event.FromString(record)
        except DecodeError:
            self._damage.append(f"{path.name}: a record of {len(record)} bytes is no event")
            return
        step = step_of(int(event.step))
        if step is None:
            return
        if event.HasField("session_log") and event.session_log.status == SessionLog.START:
            tags = frozenset(prefix + tag for place, tag in self._plugins if place == prefix)
            if tags:
                yield Retraction(tags, step, axis=_AXIS)
        if not event.HasField("summary"):
            return
        # every older way to write a scalar is turned into one
        for value in data_compat.migrate_event(event).summary.value:
            tag = str(value.tag)
            plugin = value.metadata.plugin_data.plugin_name or self._plugins.get((prefix, tag), "")
            self._plugins.setdefault((prefix, tag), plugin)
            number = _scalar(value.tensor) if plugin == "scalars" else None
            if number is not None:
                yield from self._scalar(path, prefix + tag, step, number)

    def _scalar(self, path: Path, name: str, step: Step, value: float) -> Iterator[News]:
        """A value at its step; a writer that is given no step writes 0 each time, and its values are counted."""
        before = self._at_zero.setdefault((path, name), 0)
        if step == 0:
            self._at_zero[path, name] += 1
            step = before
        elif before:
            self._at_zero[path, name] = 0
            if before > 1:  # steps after all
                yield Retraction(frozenset({name}), 1, before - 1, _AXIS)
        yield Point(step, {name: value}, _AXIS)


def _scalar(tensor: Any) -> float | None:
    """The number that a tensor is, None for an array of several."""
    from tensorboard.util.tensor_util import make_ndarray

    array = make_ndarray(tensor)
    # by way of its text: 0.4 is kept in 32 bits, and would come out as 0.4000000059604645
    return float(str(array.reshape(()))) if array.size == 1 else None


def _begun(path: Path) -> tuple[str, int, int, str]:
    """A file's place in the order: by its folder, the second in its name, then when it was written last."""
    written = _WRITTEN.search(path.name)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    return str(path.parent), int(written[1]) if written else 0, changed, path.name
