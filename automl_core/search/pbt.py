"""Population-based training (Jaderberg et al. 2017): members train on, and the worst copy the best."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Set
from typing import Any

from pydantic import Field

from automl_core.search.base import (
    BASELINE,
    Algorithm,
    Context,
    Decision,
    Exhausted,
    History,
    NewTrial,
    Options,
    PastTrial,
    Plan,
    Promote,
    Wait,
    rng_for,
    seen_keys,
)
from automl_core.search.drawing import draw_new
from automl_core.search.list_moves import perturbed_list
from automl_core.space import ListParameter, Parameter, Params, Space, Value
from automl_core.states import TrialState


class PbtOptions(Options):
    """Options of population-based training."""

    population: int = Field(10, ge=2, description="Members trained side by side.")
    perturbation: float = Field(1.2, gt=1, le=10, description="Explore: numbers are multiplied or divided by this.")
    resample: float = Field(0.25, ge=0, le=1, description="Explore: chance that a parameter is drawn anew instead.")
    quantile: float = Field(0.2, gt=0, le=0.5, description="Exploit: this share of the worst copies the best share.")
    interval: int | None = Field(
        None, ge=1, description="Budget units between two decisions. Left out: trials.budget.min."
    )


_INTERVALS = 10_000
"""Intervals of a member: each is a level that is kept in a list, and a piece of work."""


class Pbt(Algorithm):
    """Each member trains an interval at a time; after it, the worst ones take a checkpoint of the best.

    A member of the worst share becomes a new trial: it starts from the checkpoint of one of the best (exploit)
    with that one's hyperparameters perturbed (explore). So does one whose training failed. The others are
    promoted to the next interval. ``bracket`` is the member, ``rung`` its interval. A member goes on as soon as
    half of the population has finished its interval.
    """

    name = "pbt"
    summary = "population-based training: the worst take the best's checkpoint and perturb its values"
    uses_budget = True
    options_model = PbtOptions
    options: PbtOptions

    def __init__(self, context: Context) -> None:
        """Lay out the population and its intervals.

        Raises:
            ValueError: there is no budget, or the interval is longer than it.
        """
        super().__init__(context)
        budget = context.budget
        assert budget is not None
        step = self.options.interval or budget.min
        if step > budget.max:
            raise ValueError(f"search.options.interval: found {step}; trials.budget.max is {budget.max}")
        if budget.max // step > _INTERVALS:
            raise ValueError(
                f"search.options.interval: {budget.max // step:,} intervals of {step} up to trials.budget.max; "
                f"{_INTERVALS:,} are allowed"
            )
        self.levels = (*range(step, budget.max, step), budget.max)
        self.population = min(self.options.population, context.searched)

    def plan(self) -> Plan:
        """Every member trains every interval once."""
        slots = self.population * len(self.levels)
        trials = min(self.context.searched, slots)
        note = f"{self.population} members, {len(self.levels)} intervals"
        return self.with_baseline(Plan(slots=slots, trials=trials, units=self.population * self.levels[-1], note=note))

    def proposals(self) -> int:
        """A combination a member, and the baseline."""
        return self.population + self.context.baseline

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The first interval of every member."""
        proposed: list[NewTrial] = []
        seen: set[str] = set()
        for number in self._numbers(most):
            new = self._first_interval(number - self.context.baseline, number, seen)
            if new is None:
                break
            proposed.append(new)
            seen.add(Space.key(new.params))
        return proposed

    def suggest(self, history: History) -> Decision:
        """The next interval of the member that has trained least."""
        seen = seen_keys(history)
        latest: dict[int, PastTrial] = {}
        for trial in history:
            if trial.bracket is not None and trial.rung is not None:
                latest[trial.bracket] = trial  # a member's newest trial has the highest number
        if len(latest) < self.population:
            new = self._first_interval(len(latest), len(history), seen)
            if new is not None:
                return new
        last = len(self.levels) - 1
        ready = [(trial.rung or 0, member) for member, trial in latest.items() if trial.state.ended]
        for rung, member in sorted(ready):
            if rung < last or latest[member].state is not TrialState.SUCCEEDED:
                step = self._step(member, latest[member], latest, history, seen)
                if step is not None:
                    return step
        running = len(latest) - len(ready)
        if running:
            return Wait(f"{running} members of the population are in mid-interval")
        return Exhausted("every member has trained to its end")

    def describe(self, history: History) -> dict[str, Any]:
        """Each member's present trial, its interval, and the trial from which it came."""
        latest = {trial.bracket: trial for trial in history if trial.bracket is not None}
        return {
            "members": [
                {"member": member, "trial": trial.number, "interval": trial.rung, "parent": trial.parent}
                for member, trial in sorted(latest.items())
            ]
        }

    def _first_interval(self, member: int, number: int, seen: Set[str]) -> NewTrial | None:
        opening = self.opening(number, seen)
        if isinstance(opening, Exhausted):
            return None
        if opening is not None and opening.note == BASELINE:
            return opening
        rng = rng_for(self.context.seed, self.name, number)
        params = (
            opening.params
            if opening is not None
            else draw_new(self.context.space, seen, rng, lambda: self.context.space.sample(rng))
        )
        if params is None:
            return None
        note = opening.note if opening is not None else "population"
        return NewTrial(params, budget=self.levels[0], bracket=member, rung=0, note=note)

    def _step(
        self, member: int, trial: PastTrial, latest: dict[int, PastTrial], history: History, seen: Set[str]
    ) -> Decision | None:
        """What a member does after an interval; None while too few others have come as far, or at its end."""
        rung = trial.rung or 0
        level = self.levels[rung]
        failed = trial.state is not TrialState.SUCCEEDED or _loss(trial, level) is None
        through = [t for t in latest.values() if (t.rung or 0) > rung or ((t.rung or 0) == rung and t.state.ended)]
        if 2 * len(through) < len(latest):
            return None
        cohort = self._cohort(history, level)
        share = max(1, math.floor(self.options.quantile * len(cohort)))
        best = [t for t in cohort[:share] if t.number != trial.number]
        worst = {t.number for t in cohort[max(share, len(cohort) - share) :]}
        if best and (failed or trial.number in worst):
            exploit = self._exploit(member, best, history, seen)
            if exploit is not None:
                return exploit
        if failed or rung + 1 >= len(self.levels):
            return None
        return Promote(trial.number, budget=self.levels[rung + 1], bracket=member, rung=rung + 1, note="trains on")

    @staticmethod
    def _cohort(history: History, level: int) -> list[PastTrial]:
        """Each member's trial that finished an interval, best first: also of those that went on or were replaced."""
        own = (trial for trial in history if trial.bracket is not None)
        through = {trial.bracket: trial for trial in own if _loss(trial, level) is not None}
        return sorted(through.values(), key=lambda trial: (trial.losses_at[level], trial.number))

    def _exploit(self, member: int, best: list[PastTrial], history: History, seen: Set[str]) -> NewTrial | None:
        number = len(history)
        if number >= self.context.max_trials:
            return None
        rng = rng_for(self.context.seed, self.name, number)
        source = best[rng.randrange(len(best))]
        rung = bisect_right(self.levels, max(source.losses_at))
        if rung >= len(self.levels):
            return None
        space = self.context.space
        params = draw_new(space, seen, rng, lambda: explore(space, source.params, rng, self.options))
        if params is None:
            return None
        return NewTrial(
            params,
            budget=self.levels[rung],
            bracket=member,
            rung=rung,
            parent=source.number,
            note=f"from trial {source.number}, perturbed",
        )


def explore(space: Space, params: Params, rng: random.Random, options: PbtOptions) -> Params:
    """A perturbed combination: numbers multiplied or divided, some parameters drawn anew.

    Of a subset one member changes, of a sorted list each number; ordered options move one step.

    Args:
        space: of the combination.
        params: of the trial whose checkpoint is taken.
        rng: chooses.
        options: ``perturbation`` and ``resample``.
    """
    explored: Params = {}
    for parameter in space.parameters:
        if not space.is_active(parameter, explored):
            continue
        low, high = space.bounds(parameter, explored)
        known = parameter.name in params and rng.random() >= options.resample
        if parameter.kind == "fixed":
            explored[parameter.name] = parameter.value_at(0.5)
        elif isinstance(parameter, ListParameter):
            explored[parameter.name] = _explored_list(parameter, params, known, rng, options, (low, high))
        elif not known:
            explored[parameter.name] = parameter.value_at(rng.random(), low, high)
        elif parameter.kind == "ordinal":
            explored[parameter.name] = _stepped(parameter, params[parameter.name], 1 if rng.random() < 0.5 else -1)
        else:
            value = params[parameter.name]
            if parameter.kind != "categorical":
                value = _perturbed(
                    parameter, value, options.perturbation if rng.random() < 0.5 else 1 / options.perturbation
                )
            explored[parameter.name] = parameter.value_at(parameter.unit_of(value, low, high), low, high)
    return explored


def _explored_list(
    parameter: ListParameter,
    params: Params,
    known: bool,
    rng: random.Random,
    options: PbtOptions,
    limits: tuple[float, float],
) -> Value:
    if not parameter.tunable:
        return parameter.middle(*limits)
    if not known:
        return parameter.list_at([rng.random() for _ in parameter.dimensions], *limits)
    return perturbed_list(parameter, params[parameter.name], rng, options.perturbation, *limits)


def _stepped(parameter: Parameter, value: Value, step: int) -> Value:
    """The option before or after one, inwards at the ends."""
    options = list(parameter.values_within(-math.inf, math.inf) or ())
    place = options.index(value)
    return options[place - step] if not 0 <= place + step < len(options) else options[place + step]


def _perturbed(parameter: Parameter, value: Value, factor: float) -> float:
    """A number times a factor, moved by one step of its grid at least and kept within its limits."""
    assert isinstance(value, int | float)
    moved = value * factor
    step = parameter.step or 0.0
    if parameter.power is not None:
        moved = value * float(parameter.power) ** (1 if factor > 1 else -1)
    elif abs(moved - value) < step:
        moved = value + math.copysign(step, factor - 1)
    return min(max(moved, parameter.low), parameter.high)


def _loss(trial: PastTrial, level: int) -> float | None:
    loss = trial.losses_at.get(level)
    return loss if loss is not None and math.isfinite(loss) else None
