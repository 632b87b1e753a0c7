"""What a process has loaded before trials of series are forked from it: libraries, and the series themselves.

No thread is started here: see `automl_core.backends.forkserver`.
"""

from __future__ import annotations

import os
from contextlib import suppress

from automl_core.forecasting import trial
from automl_core.forecasting.learners import registry
from automl_core.forecasting.prepared import Prepared
from automl_core.training.preloading import Kept

_kept = Kept(Prepared.load)
load, before_fork = _kept.load, _kept.before_fork
"""What trials take the series from, and what the fork server calls before each of them."""


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
