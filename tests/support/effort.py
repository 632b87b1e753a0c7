"""Searches by a model that try less hard than for users, for tests that ask nothing of how good suggestions are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest


@contextmanager
def less_effort() -> Iterator[None]:
    """Searches by a model look at fewer rows, climb from one place and fit in fewer steps than for users.

    What the contract asks of them (valid, new, the same again, to the end) depends on none of these numbers, and all of
    the code is gone through as ever: a suggestion takes a third of the time. How good suggestions are is asked by
    tests/unit/search and by the benchmark, with all the effort.
    """
    from automl_core.search.bayesian import gp, maximize, objectives, surrogate
    from automl_core.search.freeze_thaw import choice, model
    from automl_core.search.freeze_thaw.surrogate import Surrogate

    maximum, lay_out = gp.Fit.maximum, Surrogate.__init__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gp.Fit, "maximum", lambda self, iterations=50: maximum(self, min(iterations, 10)))
        patch.setattr(maximize, "maximise", partial(maximize.maximise, starts=1))
        for name, least in {"_POOL": 60, "_NEAR": 8, "_SCREENED": 30, "_MOVES": 10, "_ROUNDS": 6}.items():
            patch.setattr(maximize, name, least)
        for module in (surrogate, objectives):
            patch.setattr(module, "DRAWS", 2)
        patch.setattr(Surrogate, "__init__", lambda self, space, budget, candidates: lay_out(self, space, budget, 30))
        patch.setattr(choice, "_SCREENED", 6)
        patch.setattr(model, "_STEPS", 6)
        yield
