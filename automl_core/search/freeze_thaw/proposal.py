"""The new combination that the curve model expects to improve most once it is trained to the highest budget."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from automl_core.search.base import BudgetRange, History
from automl_core.search.freeze_thaw.model import NEW, Array, CurveModel
from automl_core.search.freeze_thaw.observations import Observations, observe
from automl_core.search.freeze_thaw.rate import expected_improvement
from automl_core.search.freeze_thaw.surrogate import Surrogate
from automl_core.search.threads import one_thread
from automl_core.space import Params, Space


class Proposer:
    """Proposes new combinations for one space and one range of budgets, whoever decides how far to train them."""

    def __init__(self, space: Space, budget: BudgetRange, candidates: int) -> None:
        """Lay out what doesn't change; ``candidates`` as for `Surrogate`."""
        self.budget = budget
        self.surrogate = Surrogate(space, budget, candidates)

    @one_thread()
    def propose(self, history: History, seen: Set[str], seed: int, doubt: float = 0.0) -> Params | None:
        """The combination of the highest expected improvement at the highest budget.

        MOBSTER (Klein et al. 2020, section 3.2) asks about the highest budget of which a loss is known, and improves
        on the lowest loss there. This model reaches further than what was trained, so it is asked about what is
        wanted; and it improves on what it believes of the best trial, which one lucky loss doesn't move.

        Args:
            history: every trial so far.
            seen: keys of their combinations.
            seed: of all that is drawn.
            doubt: from 0 to 1; the model is asked nothing where its `skill.trust` is no higher. Drawn evenly for each
                proposal, it makes the trust the share of them that the model makes; 0 asks it always.

        Returns:
            None where no loss is known, the space is exhausted, or the model isn't trusted.
        """
        known = observe(history, self.budget)
        if not len(known):
            return None
        rng = np.random.default_rng(seed)
        rows = self.surrogate.encoding.rows([trial.params for trial in history])
        fresh, fresh_rows = self.surrogate.fresh(rows, known, seen, rng)
        if not fresh:
            return None
        model = self.surrogate.trusted(history, rows, known, rng, doubt)
        if model is None:
            return None
        gain = _gain(model, known, rows, fresh_rows)
        return fresh[int(np.argmax(gain))]


def _gain(model: CurveModel, known: Observations, rows: Array, fresh: Array) -> Array:
    """Expected improvement of new combinations (their rows) on what is believed of the best trial, fully trained."""
    end = np.array([1.0])
    trained = np.unique(known.trials)
    best = float(model.curves(rows[trained], trained, end)[0].min())
    mean, covariance = model.curves(fresh, np.full(len(fresh), NEW, dtype=np.intp), end)
    deviation = np.sqrt(np.maximum(covariance[:, 0, 0], 1e-10))
    # Rounded, so that candidates which differ by rounding errors alone are taken in their order on every machine.
    return np.asarray(np.round(expected_improvement(best - mean[:, 0], deviation), 12))
