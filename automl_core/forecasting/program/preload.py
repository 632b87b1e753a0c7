"""What a process has loaded before trials of series are forked from it: libraries, and the series themselves.

No thread is started here: see `automl_core.backends.forkserver`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from automl_core.forecasting import trial
from automl_core.forecasting.learners import registry
from automl_core.forecasting.prepared import Prepared

_KEPT: dict[tuple[str, int, int], Prepared] = {}
"""The series that were asked for last, by their file's path, time and size."""


def load(folder: Path) -> Prepared:
    """What `prepare` has left in a folder; of a process that has it in memory already, that.

    Raises:
        TrainingError: there is none.
    """
    file = folder / "prepared.json"
    try:
        found = file.stat()
    except OSError:
        return Prepared.load(folder)  # which says what is wrong
    key = (str(file), found.st_mtime_ns, found.st_size)
    if key not in _KEPT:
        fresh = Prepared.load(folder)
        _KEPT.clear()
        _KEPT[key] = fresh
    return _KEPT[key]


def before_fork(environ: Mapping[str, str]) -> None:
    """Have the series of a run in memory, for all trials that are forked from here."""
    folder = environ.get("AUTOML_PREPARED_DIR")
    if folder:
        load(Path(folder))


def libraries() -> None:
    """Import all that trials may need, as far as it is installed."""
    # statsforecast loads PyArrow, whose allocator (jemalloc, in 26.0) starts a thread when it is loaded, unless this
    # variable, which it reads then, says otherwise: memory is given back by the threads that free it
    os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")
    for name in registry.installed():
        with suppress(ImportError):
            registry.find(name).warm()


assert trial.run_trial is not None  # imported for the forks
libraries()
