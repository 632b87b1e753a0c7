"""Metrics in files that a training task elsewhere writes to the store: fetched now and then, then read as any other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from automl_core.backends.contract import substitute
from automl_core.metrics.points import News
from automl_core.metrics.sources import MetricSource, open_source
from automl_core.running.places import Places, context_of
from automl_core.spec.metrics import Metrics, StdoutMetrics, TensorBoardMetrics
from automl_core.storage.base import NotFound, ObjectStore, StorageError
from automl_core.study import Binding, Study

log = logging.getLogger(__name__)

FETCH_EVERY = 10.0
"""Seconds between two readings of files in a bucket."""


class FetchedSource(MetricSource):
    """A metric source over a local copy of what lies in the store."""

    def __init__(
        self, inner: MetricSource, fetch: Callable[[], None], every: float = FETCH_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Fetch nothing yet.

        Args:
            inner: reads the copy.
            fetch: renews the copy; may raise StorageError.
            every: least seconds between two of that, but for the last.
            clock: seconds.
        """
        self._inner, self._fetch, self._every, self._clock = inner, fetch, every, clock
        self._fetched, self._away = float("-inf"), False

    def feed(self, line: str) -> list[News]:
        """See `MetricSource.feed`."""
        return self._inner.feed(line)

    def poll(self) -> list[News]:
        """See `MetricSource.poll`; a store that is away gives nothing new."""
        now = self._clock()
        if now - self._fetched < self._every:
            return []
        self._fetched = now
        try:
            self._fetch()
        except StorageError as error:
            if not self._away:  # once: a thousand trials of one process share its log
                log.warning("the file with the metrics can't be fetched, it will be tried again: %s", error)
            self._away = True
            return []
        self._away = False
        return self._inner.poll()

    def finish(self) -> list[News]:
        """See `MetricSource.finish`.

        Raises:
            UnreadableMetrics: there is no file, or not what it should be.
            StorageError: the store is away.
        """
        self._fetch()
        return self._inner.finish()


def source_in_store(
    metrics: Metrics, study: Study, binding: Binding, places: Places, spool: Path, start: int
) -> MetricSource:
    """The metric source of an attempt that runs elsewhere.

    Args:
        metrics: what the file says; a path in it is one that the training sees.
        study: the experiment.
        binding: the attempt.
        places: its folders.
        spool: a folder of this machine.
        start: see `open_source`.
    """
    if isinstance(metrics, StdoutMetrics):
        return open_source(metrics, Path, start)
    path = substitute(metrics.path, context_of(study, binding, places))
    key = places.key_of(path)
    if key is None:  # nothing of it can be seen from here: the error at the end says which file is missing
        return open_source(metrics, lambda _: Path(path), start)
    here = places.store.local_path(key)
    if here is not None:
        return open_source(metrics, lambda _: here, start)
    copy = spool / "metrics"
    fetch = _fetch_folder if isinstance(metrics, TensorBoardMetrics) else _fetch_file
    return FetchedSource(open_source(metrics, lambda _: copy, start), lambda: fetch(places.store, key, copy))


def _fetch_file(store: ObjectStore, key: str, copy: Path) -> None:
    try:
        store.download_file(key, copy)
    except NotFound:
        return


def _fetch_folder(store: ObjectStore, key: str, copy: Path) -> None:
    store.download(key, copy)
