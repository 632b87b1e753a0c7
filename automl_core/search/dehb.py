"""DEHB (Awad et al. 2021): differential evolution on Hyperband's brackets."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence, Set
from itertools import count, islice

from pydantic import Field

from automl_core.search.base import (
    Context,
    Decision,
    Exhausted,
    History,
    NewTrial,
    PastTrial,
    Plan,
    Wait,
    rng_for,
    seen_keys,
)
from automl_core.search.brackets import BracketOptions, BracketSearch, ends_of
from automl_core.search.drawing import draw_new
from automl_core.search.schedule import totals
from automl_core.space import Params

_PARENTS = 3


class DehbOptions(BracketOptions):
    """Options of DEHB: Hyperband's and those of differential evolution."""

    F: float = Field(0.5, gt=0, le=2, description="Mutation factor: weight of the difference of two parents.")
    CR: float = Field(0.5, ge=0, le=1, description="Crossover rate: chance that a parameter comes from the mutant.")


class Dehb(BracketSearch):
    """The first bracket is Hyperband's; later ones evolve one subpopulation a budget (rand/1/bin).

    A mutant of a rung has its parents among the best of the budget below; it is a new trial, trained from the
    start. A subpopulation is told again from the history: its n-th trial challenges the member in place n
    modulo its size, and takes the place when it is better. So no slot waits after the first bracket.
    """

    name = "dehb"
    summary = "differential evolution on Hyperband's brackets, a population per budget"
    options_model = DehbOptions
    options: DehbOptions

    def __init__(self, context: Context) -> None:
        """Lay out the first bracket and the sizes of the subpopulations."""
        super().__init__(context)
        self.brackets = self.brackets[:1]
        self.sizes: dict[int, int] = {}
        for n, level in (rung for rungs in self.whole for rung in rungs):
            self.sizes[level] = max(n, self.sizes.get(level, 0))

    def plan(self) -> Plan:
        """The first bracket's rungs, and a trial of its own for each place of the later ones."""
        first = totals(self.brackets)
        later = self.context.searched - first.recommendations
        units = first.units_resumed + sum(level for _, _, level in islice(self._places(), later))
        note = f"a bracket of {first.recommendations} trials, then {later} mutants; {ends_of(self.whole)}"
        return self.with_baseline(Plan(slots=first.jobs + later, trials=self.context.searched, units=units, note=note))

    def draw(self, history: History, seen: Set[str], bracket: int) -> Params | None:
        """A combination of the first bracket: by chance."""
        rng = rng_for(self.context.seed, self.name, len(history))
        return draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))

    def suggest(self, history: History) -> Decision:
        """The first bracket's next step, else the next mutant."""
        seen = seen_keys(history)
        first = self.walk(history, seen)
        if not isinstance(first, Wait | Exhausted):
            return first
        if len(history) >= self.context.max_trials:
            return first
        mutants = sum(1 for trial in history if trial.bracket is not None and trial.bracket > 0)
        bracket, rung, level = next(islice(self._places(), mutants, None))
        rng = rng_for(self.context.seed, self.name, len(history))
        params = draw_new(self.context.space, seen, rng, lambda: self._mutant(history, bracket, rung, level, rng))
        if params is None:
            return first if isinstance(first, Wait) else Exhausted("every combination of the space is handed out")
        return NewTrial(params, budget=level, bracket=bracket, rung=rung, note="mutant")

    def _places(self) -> Iterator[tuple[int, int, int]]:
        """(bracket, rung, budget) of every mutant in order, without end."""
        for bracket in count(1):
            for rung, (n, level) in enumerate(self.whole[bracket % len(self.whole)]):
                for _ in range(n):
                    yield bracket, rung, level

    def _mutant(self, history: History, bracket: int, rung: int, level: int, rng: random.Random) -> Params:
        space = self.context.space
        population = self._population(history, level)
        rungs = self.whole[bracket % len(self.whole)]
        source = rungs[rung - 1][1] if rung > 0 else level
        pool = self._population(history, source)
        if rung > 0:
            pool = pool[: max(rungs[rung][0], _PARENTS)]
        if len(pool) < _PARENTS:  # too few parents: the best of the other budgets, the highest first
            others = [trial for other in sorted(self.sizes, reverse=True) for trial in self._population(history, other)]
            pool = list({trial.number: trial for trial in [*pool, *others]}.values())[:_PARENTS]
        if len(pool) < _PARENTS or not population:
            return space.sample(rng)
        a, b, c = (self._units(trial, rng) for trial in rng.sample(pool, 3))
        target = self._units(rng.choice(population), rng)
        certain = rng.randrange(len(target)) if target else 0
        child = []
        for i, unit in enumerate(target):
            if i == certain or rng.random() < self.options.CR:
                unit = a[i] + self.options.F * (b[i] - c[i])
            child.append(unit if 0 <= unit <= 1 else rng.random())
        return space.near(child)

    def _units(self, trial: PastTrial, rng: random.Random) -> Sequence[float]:
        """Its point of the unit cube; an inactive parameter stands anywhere."""
        return [rng.random() if math.isnan(unit) else unit for unit in self.context.space.units(trial.params)]

    def _population(self, history: History, level: int) -> list[PastTrial]:
        """The members of a budget's subpopulation after every challenge so far, best first."""
        size = self.sizes[level]
        members: dict[int, PastTrial] = {}
        trained = [trial for trial in history if math.isfinite(trial.losses_at.get(level, math.nan))]
        for position, trial in enumerate(trained):
            holder = members.get(position % size)
            if holder is None or trial.losses_at[level] <= holder.losses_at[level]:
                members[position % size] = trial
        return sorted(members.values(), key=lambda trial: (trial.losses_at[level], trial.number))
