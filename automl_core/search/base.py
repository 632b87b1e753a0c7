"""The one interface of every search algorithm.

An algorithm is stateless: it is made from a `Context` (what the experiment file says) and
asked with a history (what has happened). It never sees storage, backends or Airflow, and
keeps nothing between two calls, so a crash costs it nothing and any past suggestion can be
replayed. Values reach it as *losses*: lower is better, whatever the goal's direction.
"""

from __future__ import annotations

import heapq
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from automl_core.space import Params, Space
from automl_core.states import TrialState

_COUNTABLE = 100_000

BASELINE = "baseline"
"""Note of the trial of the defaults, where one comes before the search."""


@dataclass(frozen=True, slots=True)
class BudgetRange:
    """The budget that multi-fidelity algorithms spread (whole units, such as epochs)."""

    min: int
    max: int
    factor: int = 3


@dataclass(frozen=True, slots=True)
class Limit:
    """What runs out while trials are made.

    Attributes:
        total: how much there is for all trials together.
        unit: of it, and of `PastTrial.spent`: money (``cost``), or the seconds of all places together.
        hard: whether trials that are under way when it has run out are ended, and so lost.
    """

    total: float
    unit: Literal["cost", "seconds"]
    hard: bool = False


@dataclass(frozen=True, slots=True)
class PastTrial:
    """A trial as an algorithm sees it.

    Attributes:
        number: from 0, in the order in which trials were bound.
        params: its combination.
        state: RUNNING or WAITING (for a new attempt) while any work on it is bound and not ended; a promoted
            trial is RUNNING again; SUCCEEDED, EARLY_STOPPED, FAILED or one of the CANCELED states after that.
        loss: its final value as a loss (lower is better) at its highest finished budget; None while there
            is none. An early-stopped trial has the value it reached (a censored one); a failed one has None.
        budget: the budget of its latest work, None in experiments without budgets.
        losses_at: finished budget → loss, for multi-fidelity algorithms.
        curve: (step, loss) pairs in order of step.
        bracket, rung: where a multi-fidelity algorithm put its latest work.
        parent: number of the trial whose checkpoint it started from (PBT).
        objectives: with several objectives or with constraints, the loss in each objective at the highest finished
            budget; ``loss`` and ``losses_at`` are then places in the shared order (`automl_core.search.pareto`), and
            there is no curve. Else empty.
        constraints: one number an outcome constraint, satisfied when not above 0; NaN where it was never measured.
        spent: what its training took so far, in the unit of the context's limit; None without one.
    """

    number: int
    params: Params
    state: TrialState
    loss: float | None = None
    budget: int | None = None
    losses_at: Mapping[int, float] = field(default_factory=dict)
    curve: Sequence[tuple[float, float]] = ()
    bracket: int | None = None
    rung: int | None = None
    parent: int | None = None
    objectives: tuple[float, ...] = ()
    constraints: tuple[float, ...] = ()
    spent: float | None = None


History: TypeAlias = Sequence[PastTrial]
"""Every trial so far, by number: finished, failed and running ones."""


class LongHistory(Sequence[PastTrial]):
    """A history that knows what most algorithms ask of it without making each of its trials.

    It reads as any `History` does. Who can do with `keys`, `losses`, `states` and a few trials, spares fifty thousand
    others.
    """

    @abstractmethod
    def keys(self) -> Set[str]:
        """Keys of every combination (see `Space.key`). Not to be changed."""

    @abstractmethod
    def losses(self) -> Sequence[float | None]:
        """The loss of each trial, None while it has none."""

    @abstractmethod
    def states(self) -> Sequence[TrialState]:
        """The state of each trial."""


@dataclass(frozen=True, slots=True)
class NewTrial:
    """Start a new trial with this combination.

    Attributes:
        params: a whole combination of the space.
        budget: how far to train it, None in experiments without budgets.
        bracket, rung: where it stands in a multi-fidelity schedule.
        parent: number of the trial from whose checkpoint (at its last finished budget) it starts.
        note: why, in a few words for people (``initial design``, ``EI 0.013``).
    """

    params: Params
    budget: int | None = None
    bracket: int | None = None
    rung: int | None = None
    parent: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Promote:
    """Train a known trial on, from its own checkpoint, up to a higher budget."""

    trial: int
    budget: int
    bracket: int | None = None
    rung: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be handed out until a running trial has ended."""

    reason: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Nothing will be handed out any more, whatever happens."""

    reason: str


Decision: TypeAlias = NewTrial | Promote | Wait | Exhausted


@dataclass(frozen=True, slots=True)
class Plan:
    """What a search amounts to, known before it starts.

    Attributes:
        slots: pieces of work at most (with budgets, promotions count too).
        trials: combinations at most.
        units: budget units over all trials when all goes to plan (a promoted trial trains only the
            difference), None in experiments without budgets.
        note: what was chosen and why, for people and the journal.
    """

    slots: int
    trials: int
    units: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What the experiment file says, as far as a search needs it.

    Attributes:
        warm_start: combinations to try first.
        objectives: how many values a trial has.
        constraints: how many outcome constraints it has.
        reference: of each objective the worst loss that still counts, None where none was given; empty: none at all.
        earlier: trials of earlier experiments, brought into this space (`search.earlier.translate`), one history
            each; a combination may lack parameters that its experiment did not have.
        final: which of a trial's periodical values counts (``goal.final``): best, last or mean.
        baseline: whether the first trial is that of the defaults, trained all the way whatever the algorithm does.
        limit: what may run out before the trials do, None where nothing does.
    """

    space: Space
    max_trials: int
    concurrency: int = 1
    seed: int = 0
    budget: BudgetRange | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    warm_start: tuple[Params, ...] = ()
    objectives: int = 1
    constraints: int = 0
    reference: tuple[float | None, ...] = ()
    earlier: tuple[History, ...] = ()
    final: str = "best"
    baseline: bool = False
    limit: Limit | None = None

    @property
    def searched(self) -> int:
        """Trials that the algorithm may lay out: all but the baseline."""
        return self.max_trials - self.baseline

    @property
    def plain(self) -> bool:
        """Whether one loss says all: one objective, no constraints."""
        return self.objectives == 1 and not self.constraints


class Options(BaseModel):
    """Options of an algorithm (``search.options``): a subclass states them with types and limits."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Algorithm(ABC):
    """A search algorithm. A subclass states its name, summary and options and implements `suggest`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    uses_budget: ClassVar[bool] = False
    options_model: ClassVar[type[Options]] = Options

    def __init__(self, context: Context) -> None:
        """Validate the options.

        Raises:
            pydantic.ValidationError: an option is unknown or out of its limits.
            ValueError: the algorithm can't search this experiment (a budget is missing, say).
        """
        if self.uses_budget and context.budget is None:
            raise ValueError(f"search.algorithm {self.name} spreads a budget: give trials.budget")
        self.context = context
        self.options = self.options_model.model_validate(dict(context.options))
        self.leading = leading(context)

    @property
    def full_budget(self) -> int | None:
        """How far a trial is trained by an algorithm that spreads no budget: all the way."""
        return self.context.budget.max if self.context.budget else None

    def plan(self) -> Plan:
        """How much work this will be at most."""
        size = self.context.space.size(limit=min(self.context.max_trials, _COUNTABLE))
        return self.plan_of(min(self.context.max_trials, size or self.context.max_trials))

    def with_baseline(self, plan: Plan) -> Plan:
        """A plan of what is searched, with the baseline before it: for algorithms that spread a budget."""
        if not self.context.baseline:
            return plan
        units = None if plan.units is None else plan.units + (self.full_budget or 0)
        note = f"the defaults first, as baseline; {plan.note}" if plan.note else "the defaults first, as baseline"
        return replace(plan, slots=plan.slots + 1, trials=plan.trials + 1, units=units, note=note)

    def without_baseline(self, history: History) -> History:
        """The trials that the algorithm has laid out itself."""
        return [trial for trial in history if trial.number > 0] if self.context.baseline else history

    def plan_of(self, trials: int, note: str = "") -> Plan:
        """The plan of so many trials, each trained once and all the way."""
        units = None if self.full_budget is None else trials * self.full_budget
        return Plan(slots=trials, trials=trials, units=units, note=note)

    def opening(self, number: int, seen: Set[str]) -> NewTrial | Exhausted | None:
        """What comes before an algorithm's own choice, for every algorithm alike.

        Args:
            number: of the trial to come.
            seen: keys of the trials before it (`seen_keys`).

        Returns:
            Exhausted when ``trials.max`` is reached, else the first combination of `leading` that was not
            handed out yet, else None: the algorithm chooses.
        """
        if number >= self.context.max_trials:
            return Exhausted(f"all {self.context.max_trials} trials are handed out")
        for params, note in self.leading:
            if Space.key(params) not in seen:
                return NewTrial(params, budget=self.full_budget, note=note)
        return None

    def at_start(self, opening: NewTrial, **place: int) -> NewTrial:
        """A leading combination where a schedule starts it; the baseline stays as it is, outside the schedule.

        Args:
            opening: from `opening`.
            place: ``budget``, ``bracket``, ``rung``.
        """
        return opening if opening.note == BASELINE else replace(opening, **place)  # type: ignore[arg-type]

    def proposals(self) -> int:
        """How many combinations `propose` makes, unless the space has fewer: counted, not made."""
        return 0

    def propose(self, most: int | None = None) -> list[NewTrial]:
        """The combinations known before any result, in the order in which they will be handed out.

        `suggest` returns the same ones for trial numbers 0, 1, … when they are asked in order.

        Args:
            most: how many of them at most, for who wants to look at the first ones; None: all.
        """
        return []

    def _numbers(self, most: int | None) -> range:
        """Numbers of the trials that `propose` makes."""
        return range(self.proposals() if most is None else min(most, self.proposals()))

    @abstractmethod
    def suggest(self, history: History) -> Decision:
        """What to do next, given everything that is known.

        A pure function of the context and the history; the new trial's number will be ``len(history)``.
        """

    def describe(self, history: History) -> dict[str, Any]:
        """The algorithm's state for a person to read (brain.json)."""
        return {}


def leading(context: Context) -> tuple[tuple[Params, str], ...]:
    """What every algorithm hands out first: the baseline, the warm start, the best of earlier runs, the defaults.

    Returns:
        (whole combination, note) pairs without duplicates.

    Raises:
        ValueError: a combination of ``search.warm_start`` doesn't fit the space.
    """
    first: dict[str, tuple[Params, str]] = {}
    if context.baseline:
        params = context.space.complete({})
        first[Space.key(params)] = (params, BASELINE)
    for index, given in enumerate(context.warm_start):
        try:
            params = context.space.complete(given)
        except (TypeError, ValueError) as error:
            raise ValueError(f"search.warm_start[{index}]: {error}") from None
        first.setdefault(Space.key(params), (params, "warm start"))
    if context.earlier:
        from automl_core.search.earlier import first_tried

        for params, note in first_tried(context):
            first.setdefault(Space.key(params), (params, note))
    defaults = context.space.defaults()
    if defaults is not None:
        first.setdefault(Space.key(defaults), (defaults, "defaults"))
    return tuple(first.values())


def rng_for(seed: int, *place: int | str) -> random.Random:
    """A random generator of its own for one place of one search: the same on every machine.

    Args:
        seed: the experiment's seed.
        place: what it is for (an algorithm's name, a trial's number).
    """
    return random.Random(":".join(str(p) for p in (seed, *place)))


def known_keys(history: Iterable[PastTrial]) -> Set[str]:
    """The same as `seen_keys` for who only looks: not to be changed, and of a long history not copied."""
    return history.keys() if isinstance(history, LongHistory) else seen_keys(history)


def seen_keys(history: Iterable[PastTrial]) -> set[str]:
    """Keys of every combination in a history (see `Space.key`); the caller's own."""
    if isinstance(history, LongHistory):
        return set(history.keys())
    return {Space.key(trial.params) for trial in history}


def ranked(history: History, most: int | None = None) -> list[PastTrial]:
    """Trials with a finite loss, best first, ties to the lower number.

    Args:
        history: every trial so far.
        most: how many of them at most, None: all.
    """
    if isinstance(history, LongHistory):
        losses = history.losses()
        places = ((loss, place) for place, loss in enumerate(losses) if loss is not None and math.isfinite(loss))
        best = sorted(places) if most is None else heapq.nsmallest(most, places)
        return [history[place] for _, place in best]
    known = [trial for trial in history if trial.loss is not None and math.isfinite(trial.loss)]
    return sorted(known, key=lambda trial: (trial.loss, trial.number))[:most]
