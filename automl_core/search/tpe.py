"""The tree-structured Parzen estimator (Bergstra et al. 2011), multivariate (Falkner et al. 2018).

Control parameters follow the ablations of Watanabe 2023 (arXiv 2304.11127): a linear share of good trials,
one multivariate kernel an observation, bandwidths that don't become too narrow, good trials weighted by
their improvement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import Field

from automl_core.search.base import (
    Algorithm,
    Decision,
    Exhausted,
    History,
    LongHistory,
    NewTrial,
    Options,
    ranked,
    rng_for,
    seen_keys,
)
from automl_core.search.drawing import draw_new
from automl_core.search.sobol import sobol_points
from automl_core.space import Params, Space

if TYPE_CHECKING:
    from automl_core.search.bayesian.encoding import Encoding


_MODELLED = 3000  # trials at most whose densities are estimated


class TpeOptions(Options):
    """Options of the tree-structured Parzen estimator."""

    startup: int = Field(10, ge=1, description="Trials along a Sobol sequence before the first estimate.")
    good: float = Field(0.15, gt=0, lt=1, description="Share of the trials that counts as good (gamma).")
    most_good: int = Field(25, ge=1, description="Good trials at most.")
    candidates: int = Field(64, ge=1, description="Combinations drawn from the good ones' density, the best is taken.")


class Tpe(Algorithm):
    """Draws from the density of the good trials and takes what the density of the others likes least.

    Running trials count among the others (a constant liar), so that pending trials spread; so do failed ones.
    """

    name = "tpe"
    summary = "tree-structured Parzen estimator: the density of good trials over that of the others"
    options_model = TpeOptions
    options: TpeOptions

    def proposals(self) -> int:
        """The start."""
        return min(self.options.startup, self.context.max_trials)

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The start along the Sobol sequence."""
        proposed: list[NewTrial] = []
        seen: set[str] = set()
        for number in self._numbers(most):
            decision = self.opening(number, seen) or self._explore(number, seen)
            if not isinstance(decision, NewTrial):
                break
            proposed.append(decision)
            seen.add(Space.key(decision.params))
        return proposed

    def suggest(self, history: History) -> Decision:
        """The candidate with the highest ratio of the two densities."""
        number, seen = len(history), seen_keys(history)
        opening = self.opening(number, seen)
        if opening is not None:
            return opening
        losses = history.losses() if isinstance(history, LongHistory) else [trial.loss for trial in history]
        told = sum(1 for loss in losses if loss is not None and math.isfinite(loss))
        if number > _MODELLED:
            history = self._thinned(history, losses)
        known = [
            (trial.params, trial.loss) for trial in history if trial.loss is not None and math.isfinite(trial.loss)
        ]
        if number < self.options.startup or not known or not self.context.space.dimensions:
            return self._explore(number, seen)
        others = [trial.params for trial in history if trial.loss is None or not math.isfinite(trial.loss)]
        count = good_count(told, self.options.good, self.options.most_good)  # of all: a thinned history has all of them
        params = estimate(self._encoding, known, others, seen, count, self.options.candidates, self._seeds(number))
        if params is None:
            return self._explore(number, seen)
        return NewTrial(params, budget=self.full_budget, note=f"near {count} good ones of {told}")

    def describe(self, history: History) -> dict[str, Any]:
        """Numbers of the trials that count as good, best first."""
        known = ranked(history)
        count = good_count(len(known), self.options.good, self.options.most_good) if known else 0
        return {"good": [trial.number for trial in known[:count]]}

    def _thinned(self, history: History, losses: Sequence[float | None]) -> History:
        """Of a long history the good trials, those that run, and as many of the others, by chance, as are modelled.

        The density of fifty thousand others is that of three thousand of them, as far as a choice among sixty-four
        candidates can tell.
        """
        number = len(history)
        kept = {trial.number for trial in ranked(history, self.options.most_good + 1)}
        kept.update(n for n, loss in enumerate(losses) if loss is None and not history[n].state.ended)
        others = [n for n in range(number) if n not in kept]
        rng = rng_for(self.context.seed, self.name, number, "thinned")
        kept.update(rng.sample(others, min(len(others), max(0, _MODELLED - len(kept)))))
        return [history[n] for n in sorted(kept)]

    @cached_property
    def _encoding(self) -> Encoding:
        from automl_core.search.bayesian.encoding import Encoding

        return Encoding(self.context.space)

    def _seeds(self, number: int) -> tuple[int, int]:
        return self.context.seed, number

    def _explore(self, number: int, seen: set[str]) -> NewTrial | Exhausted:
        space, rng = self.context.space, rng_for(self.context.seed, self.name, number)
        points = sobol_points(space, self.context.seed, self.name)
        params = draw_new(space, seen, rng, lambda: next(points))
        if params is None:
            return Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=self.full_budget, note="initial design")


def good_count(known: int, share: float, most: int) -> int:
    """How many of so many trials count as good."""
    return max(1, min(math.ceil(share * known), most))


def estimate(
    encoding: Encoding,
    known: Sequence[tuple[Params, float]],
    others: Sequence[Params],
    seen: set[str],
    good: int,
    candidates: int,
    seeds: Sequence[int],
) -> Params | None:
    """The new combination of the highest density ratio among some drawn near the good ones.

    Args:
        encoding: of the space.
        known: combinations with their losses.
        others: combinations that are running or failed.
        seen: keys of all combinations handed out.
        good: how many of the known ones count as good, at least 1.
        candidates: how many are drawn.
        seeds: of the random numbers.

    Returns:
        None when every candidate was handed out before.
    """
    import numpy as np

    from automl_core.search.kde import Parzen

    rng = np.random.default_rng([*seeds, len(known)])
    order = sorted(range(len(known)), key=lambda i: (known[i][1], i))
    best, rest = order[:good], order[good:]
    weights = _improvements([known[i][1] for i in best], known[rest[0]][1] if rest else known[best[-1]][1])
    near = Parzen(encoding, encoding.rows([known[i][0] for i in best]), np.array(weights))
    far_params = [known[i][0] for i in rest] + list(others)
    far = Parzen(encoding, encoding.rows(far_params), np.ones(len(far_params)))
    rows = near.sample(candidates, rng)
    ratio = np.round(near.log_density(rows) - far.log_density(rows), 9)
    for index in np.argsort(-ratio, kind="stable"):
        params = encoding.params(rows[index])
        if Space.key(params) not in seen:
            return params
    return None


def _improvements(losses: Sequence[float], threshold: float) -> list[float]:
    """Weights of good trials by how far they are below the threshold, half of it shared out equally; mean 1."""
    gains = [min(threshold - loss, 1e300) for loss in losses]
    largest = max(gains)
    if not largest > 0:
        return [1.0] * len(gains)
    shares = [gain / largest for gain in gains]
    mean = sum(shares) / len(shares)
    return [0.5 + 0.5 * share / mean for share in shares]
