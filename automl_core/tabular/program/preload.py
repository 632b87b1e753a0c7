"""What a process has loaded before trials of a table are forked from it: libraries, and the table itself.

No thread is started here: see `automl_core.backends.forkserver`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from automl_core.tabular import trial
from automl_core.tabular.learners import registry
from automl_core.tabular.prepared import Prepared
from automl_core.training.imports import without

_KEPT: dict[tuple[str, int, int], Prepared] = {}
"""The table that was asked for last, by its file's path, time and size."""


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
    """Have the table of a run in memory, for all trials that are forked from here."""
    folder = environ.get("AUTOML_PREPARED_DIR")
    if folder:
        load(Path(folder))


MODULES = (
    "scipy.sparse", "scipy.special", "sklearn.ensemble", "sklearn.linear_model", "sklearn.naive_bayes",
    "sklearn.neighbors", "sklearn.neural_network", "sklearn.svm", "threadpoolctl",
)  # fmt: skip
"""What learners import when they fit, beside boosting libraries, which are asked for by `registry`."""


def libraries() -> None:
    """Import all that trials may need, as far as it is installed."""
    with without("pandas"):
        for name in MODULES:
            with suppress(ImportError):
                importlib.import_module(name)
        for name in registry.installed():
            module = importlib.import_module(type(registry.find(name)).__module__)
            if hasattr(module, "library"):
                with suppress(ImportError):
                    module.library()


assert trial.run_trial is not None  # imported for the forks
libraries()
