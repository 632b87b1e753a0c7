"""Bayesian optimisation: the suggestion that the evidence so far makes most promising."""

from __future__ import annotations

from collections.abc import Set
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from automl_core.search.base import Algorithm, Decision, Exhausted, History, NewTrial, Options, known_keys, rng_for
from automl_core.search.bayesian.initial import BESIDE, CONTRAST
from automl_core.search.drawing import draw_new
from automl_core.search.threads import one_thread
from automl_core.space import Params, Space

if TYPE_CHECKING:  # numpy and scipy load with the first suggestion, not with the experiment file
    import numpy as np

    from automl_core.search.bayesian.belief import Belief
    from automl_core.search.bayesian.encoding import Array, Encoding
    from automl_core.search.bayesian.expense import Expense
    from automl_core.search.bayesian.source import Source
    from automl_core.search.bayesian.surrogate import Evidence, Surrogate

_LISTED = 4096  # spaces with at most so many combinations are searched over all of them
_SCREENED = 200  # of them, looked at closely
_MARGIN = 0.05  # of a standard deviation of the losses: an improvement worth looking elsewhere for
_SOURCES = 8  # earlier experiments at most that are modelled: each costs a fit in every process that asks
_GUIDANCE = 0.5  # share of earlier experiments from which the rest of the initial design is left out
_HOPELESS = -10.0  # log EI below which a model only says that it knows of nothing better


class BayesianOptions(Options):
    """Options of `Bayesian`."""

    initial_trials: int | None = Field(
        None, ge=1, description="Trials of the initial design, defaults and warm start included."
    )


class Bayesian(Algorithm):
    """Gaussian process, log expected improvement, fantasies for running trials (see the package's modules)."""

    name: ClassVar[str] = "bayesian"
    summary: ClassVar[str] = "Gaussian process with expected improvement: few trials, each costly."
    options_model: ClassVar[type[Options]] = BayesianOptions
    options: BayesianOptions

    def proposals(self) -> int:
        """The initial design, as far as earlier runs don't take its place."""
        if self.context.earlier:
            return min(self._unguided, len(self._initial))
        return max(self._count, len(self.leading) + 1)

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The initial design, in the order in which it is handed out."""
        known = self._initial if most is None or self.context.earlier else self._design(most)
        known = known[: len(self._numbers(most))]
        return [NewTrial(params, budget=self.full_budget, note=note) for params, note in known]

    def suggest(self, history: History) -> Decision:
        """The next combination: of the initial design, else the acquisition's maximum.

        A pure function of the context and the history. Never a combination that stands in the history.
        """
        seen = known_keys(history)
        opening = self.opening(len(history), seen)
        if opening is not None:
            return opening
        for params, note in self._initial[len(history) :]:
            if Space.key(params) not in seen and not self._has_guidance(history):
                return NewTrial(params, budget=self.full_budget, note=note)
        if not self.context.space.dimensions and seen:
            return Exhausted("the space has one combination, and it is evaluated")
        listed = self._unseen(seen)
        if listed is not None and not listed:
            return Exhausted(f"all {len(seen)} combinations of the space are handed out")
        return self._best(history, seen, listed)

    @one_thread()
    def describe(self, history: History) -> dict[str, Any]:
        """Length scales, noise and the losses' warp, as fitted to the history."""
        surrogate = self._surrogate(self._evidence(history), self._rng(history))
        described = surrogate.describe()
        if self._sources:
            described["earlier"] = [round(share, 3) for share in surrogate.shares]
        return described

    @cached_property
    def _encoding(self) -> Encoding:
        from automl_core.search.bayesian.encoding import Encoding

        return Encoding(self.context.space)

    @property
    def _count(self) -> int:
        dimensions = len(self.context.space.dimensions)
        count = self.options.initial_trials or max(min(4 + dimensions // 4, 10), self.context.concurrency)
        if any(p.prior is not None for p in self.context.space.tunable) and self.options.initial_trials is None:
            count += max(count // BESIDE, 1)  # beside the others: a wrong belief costs these, and hides nothing
        return min(count, max(self.context.max_trials, 1))

    def _design(self, most: int | None = None) -> list[tuple[Params, str]]:
        from automl_core.search.bayesian.initial import design

        return design(self.context, self._count, most)

    @cached_property
    def _initial(self) -> list[tuple[Params, str]]:
        return self._design()

    @property
    def _unguided(self) -> int:
        """Trials of the initial design that come whatever earlier experiments say."""
        return len(self.leading) + CONTRAST

    @cached_property
    def _sources(self) -> list[Source]:
        if not self.context.plain or not self.context.space.dimensions:
            return []  # earlier losses are of one goal; of several, only the best combinations are taken over
        import numpy as np

        from automl_core.search.bayesian.source import Source, usable

        telling = [history for history in self.context.earlier if usable(history)]
        return [
            Source(self._encoding, history, np.random.default_rng([self.context.seed, index]))
            for index, history in enumerate(telling[:_SOURCES])
        ]

    def _has_guidance(self, history: History) -> bool:
        """Whether earlier experiments rank today's trials well enough to need no more of the initial design."""
        if not self.context.earlier or len(history) < self._unguided or not self._sources:
            return False
        with one_thread():
            return sum(self._surrogate(self._evidence(history), self._rng(history)).shares) > _GUIDANCE

    def _rng(self, history: History) -> np.random.Generator:
        import numpy as np

        return np.random.default_rng([self.context.seed, len(history)])

    def _unseen(self, seen: Set[str]) -> list[Params] | None:
        """The combinations not yet handed out, None where the space has too many to list."""
        space = self.context.space
        if space.size(limit=max(_LISTED, len(seen))) is None:
            return None
        return [params for params in space.combinations() if Space.key(params) not in seen]

    @one_thread()
    def _best(self, history: History, seen: Set[str], listed: list[Params] | None) -> Decision:
        evidence = self._evidence(history)
        if len(evidence.finished) + len(evidence.censored) < 2 and not evidence.failed:
            return self._exploration(history, seen, listed)
        rng = self._rng(history)
        surrogate = self._surrogate(evidence, rng)
        belief = self._belief(surrogate, evidence)
        expense = self._expense(history)
        surrogate.acquisition.terms = tuple(term for term in (belief, expense) if term is not None)
        rows, note = self._ranked(surrogate, rng, listed, belief, look_elsewhere=len(history) % 2 == 1)
        params = self._first_unseen(rows, seen)
        if params is None:
            return self._exploration(history, seen, listed)
        if self._sources:
            note += f", {sum(surrogate.shares):.0%} by earlier experiments"
        return NewTrial(params, budget=self.full_budget, note=note)

    def _evidence(self, history: History) -> Evidence:
        from automl_core.search.bayesian.surrogate import LOOKED_AT, Evidence

        # of several goals the whole front counts, and it may have any number of trials
        return Evidence.of(history, LOOKED_AT if self.context.plain else None)

    def _surrogate(self, evidence: Evidence, rng: np.random.Generator) -> Surrogate:
        """The processes that the goal asks for: of the loss, or of each objective and constraint."""
        if not self.context.plain:
            from automl_core.search.bayesian.objectives import PointSurrogate

            return PointSurrogate(self._encoding, evidence, rng, self.context)
        from automl_core.search.bayesian.surrogate import Surrogate

        return Surrogate(self._encoding, evidence, rng, sources=self._sources)

    def _belief(self, surrogate: Surrogate, evidence: Evidence) -> Belief | None:
        """What is left of the user's belief; None at every other trial, which goes by evidence alone."""
        from automl_core.search.bayesian.belief import Belief, believed

        if not self.context.plain or not believed(self.context.space) or evidence.all % 2 == 1:
            return None
        belief = Belief(self._encoding).settled(*surrogate.ended, self.context.max_trials, evidence.ended)
        return belief if belief.powers.any() else None

    def _expense(self, history: History) -> Expense | None:
        """What trials cost, where money or time runs out before they do."""
        if self.context.limit is None or not self.context.plain:
            return None
        from automl_core.search.bayesian.expense import Expense, allowed_of, weight_of

        weight = weight_of(history, self.context.limit, self.context.max_trials)
        allowed = allowed_of(history, self.context.limit, self.context.concurrency)
        if weight <= 0 and allowed is None:
            return None
        import numpy as np

        rng = np.random.default_rng([self.context.seed, len(history), 1])  # of its own: without a limit nothing changes
        return Expense.of(self._encoding, history, weight, rng, allowed)

    def _ranked(
        self, surrogate: Surrogate, rng: np.random.Generator, listed: list[Params] | None, belief: Belief | None,
        *, look_elsewhere: bool,
    ) -> tuple[Array, str]:  # fmt: skip
        """Rows in the order in which they are worth trying, and why the first one is.

        Where the model only asks for the last digits of a basin that it knows, every other trial looks for
        an improvement that is worth a trial, and where it knows of none, for what it knows least about.
        """
        from automl_core.search.bayesian.maximize import candidates, maximise, ranked

        acquisition = surrogate.acquisition
        if listed is not None:
            rows = acquisition.screen(self._encoding.rows(listed), _SCREENED)
            rows, values = ranked(rows, acquisition(rows))
            return rows, f"{acquisition.label} {values[0]:.2f}"
        best = surrogate.best_rows(5 * self.context.objectives)
        pool = candidates(self._encoding, best, rng, belief)
        rows, values = maximise(acquisition, self._encoding, pool, rng)
        if not (look_elsewhere and acquisition.knows and surrogate.refines(rows[0])):
            return rows, f"{acquisition.label} {values[0]:.2f}"
        acquisition = acquisition.demanding(_MARGIN)
        rows, values = maximise(acquisition, self._encoding, pool, rng)
        if values[0] >= _HOPELESS:
            return rows, f"{acquisition.label} {values[0]:.2f} beyond the known basin"
        return ranked(pool, acquisition.uncertainty(pool))[0], "most uncertain"

    def _first_unseen(self, rows: Array, seen: Set[str]) -> Params | None:
        combinations = (self._encoding.params(row) for row in rows)
        return next((params for params in combinations if Space.key(params) not in seen), None)

    def _exploration(self, history: History, seen: Set[str], listed: list[Params] | None) -> Decision:
        """A combination that spreads out, where there is nothing to model (or the model knows of nothing new)."""
        from automl_core.search.sobol import sobol_points

        space = self.context.space
        points = islice(sobol_points(space, self.context.seed, self.name), len(history) + 64)
        spread = next((params for params in points if Space.key(params) not in seen), None)
        if spread is None and listed is not None:
            spread = next(iter(listed), None)
        elif spread is None:
            rng = rng_for(self.context.seed, self.name, len(history))
            spread = draw_new(space, seen, rng, lambda: space.sample(rng))
        if spread is None:
            return Exhausted(f"all {len(seen)} combinations of the space are handed out")
        return NewTrial(spread, budget=self.full_budget, note="exploration")
