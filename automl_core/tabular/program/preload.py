"""What a process has loaded before trials of a table are forked from it: libraries, and the table itself.

No thread is started here: see `automl_core.backends.forkserver`.
"""

from __future__ import annotations

import importlib
from contextlib import suppress

from automl_core.tabular import trial
from automl_core.tabular.learners import registry
from automl_core.tabular.prepared import Prepared
from automl_core.training.imports import without
from automl_core.training.preloading import Kept

_kept = Kept(Prepared.load)
load, before_fork = _kept.load, _kept.before_fork
"""What trials take the table from, and what the fork server calls before each of them."""


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
