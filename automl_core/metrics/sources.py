"""The one interface of every place that metrics are read from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from automl_core.metrics.points import News
from automl_core.spec.metrics import JsonMetrics, Metrics, StdoutMetrics, TaoMetrics


class MetricSource(ABC):
    """Where one attempt at a training task reports its metrics. Not shared between threads.

    A source only reads: what it returns goes into a `Series`, which makes nothing of points that come twice.
    """

    reads_output: ClassVar[bool] = False
    """Whether all that it tells comes from the lines it is fed with, so that there is nothing to `poll` for."""

    def feed(self, line: str) -> list[News]:
        """Look for metrics in a line of the training task's output, whatever it holds.

        Args:
            line: without its newline; ANSI colours and megabytes are taken. Where it is drawn again with carriage
                returns, the same comes of it whole and in pieces that end with one: such a piece is a part of a line
                that goes on.

        Raises:
            PatternTooSlow: a pattern of the user's took too long. Nothing more is to be fed.
        """
        return []

    @abstractmethod
    def poll(self) -> list[News]:
        """What files tell that they didn't at the last call. A file that is missing or half-written is no error yet."""

    def finish(self) -> list[News]:
        """What is left to read once the training task has ended by itself.

        Use `poll` where it was ended early: it may have been in the middle of a write.

        Raises:
            UnreadableMetrics: there is no file, or not what it should be.
        """
        return self.poll()


def open_source(model: Metrics, resolve_path: Callable[[str], Path], start: int = 0) -> MetricSource:
    """The source that an experiment file asks for.

    Args:
        model: a training task's ``metrics``.
        resolve_path: from the path in the file, with its ``${…}``, to one on this machine.
        start: the step of a metric's first occurrence where no step is given with it: 0, or for a trial that
            trains on, one after the last step of its earlier work.
    """
    # Each kind is imported where it is used: a trial that prints its metrics needs no reader of event files.
    if isinstance(model, StdoutMetrics):
        from automl_core.metrics.stdout import StdoutSource

        return StdoutSource(model, start)
    if isinstance(model, JsonMetrics):
        from automl_core.metrics.json_file import JsonSource

        return JsonSource(model, resolve_path(model.path), start)
    if isinstance(model, TaoMetrics):
        from automl_core.metrics.tao_status import TaoSource

        return TaoSource(resolve_path(model.path), start)
    from automl_core.metrics.event_files import EventFileSource

    return EventFileSource(resolve_path(model.path))
