"""From the study's state to what a search algorithm and a stopping rule see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from typing import TypeVar, overload

from automl_core.search.base import BudgetRange as SearchBudget
from automl_core.search.base import Context, History, Limit, LongHistory, PastTrial
from automl_core.search.outcomes import Result, counted, finished, finished_budget, losses_at
from automl_core.search.pareto import Point, with_places
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study.chunks import Chunk
from automl_core.study.entities import unpack_curve
from automl_core.study.points import best_by_points, point_of, ranked_by_points
from automl_core.study.state import State, Trial, Work

T = TypeVar("T")


def sign(experiment: Experiment) -> float:
    """What a value is multiplied with to be a loss (lower is better); with several objectives that of the first."""
    return experiment.goal.first.sign


def context_of(experiment: Experiment, space: Space) -> Context:
    """What an algorithm is told of the experiment file."""
    budget, goal = experiment.trials.budget, experiment.goal
    return Context(
        space=space,
        max_trials=experiment.trials.max,
        concurrency=experiment.trials.concurrency,
        seed=experiment.search.seed,
        budget=SearchBudget(budget.min, budget.max, budget.factor) if budget else None,
        options=dict(experiment.search.options),
        warm_start=tuple(space.complete(given) for given in experiment.search.warm_start),
        objectives=len(goal.all_objectives),
        constraints=len(goal.constraints),
        reference=tuple(None if each.reference is None else each.sign * each.reference for each in goal.all_objectives),
        final=goal.final,
        baseline=experiment.search.baseline,
        limit=limit_of(experiment),
    )


def limit_of(experiment: Experiment) -> Limit | None:
    """What may end the search before its trials are used up: money, else the time of all places together."""
    stop = experiment.stop
    cancels = stop.running_trials == "cancel"
    if stop.max_cost is not None:
        return Limit(stop.max_cost, "cost", cancels)
    allowed = [seconds for seconds in (stop.deadline, stop.max_duration) if seconds is not None]
    if not allowed:
        return None
    return Limit(min(allowed) * experiment.trials.concurrency, "seconds", cancels or stop.deadline == min(allowed))


def _spent(state: State, trial: Trial, limit: Limit | None) -> float | None:
    """What a trial's training took so far, in the limit's unit."""
    if limit is None:
        return None
    works = [state.works[slot] for slot in trial.slots]
    return sum(work.cost if limit.unit == "cost" else work.seconds for work in works)


def past_trial(state: State, trial: Trial, direction: float, limit: Limit | None = None) -> PastTrial:
    """One trial as an algorithm sees it; ``direction`` as from `sign`, ``limit`` as from `limit_of`."""
    work = state.latest(trial)
    value = state.value_of(trial)
    return PastTrial(
        number=trial.number,
        params=trial.params,
        state=work.state,
        loss=direction * value if value is not None else None,
        budget=work.budget,
        losses_at=losses_at([state.works[slot] for slot in trial.slots], direction),
        curve=Curve(work.curve, direction) if work.curve else (),
        bracket=work.bracket,
        rung=work.rung,
        parent=trial.parent,
        spent=_spent(state, trial, limit),
    )


def history_of(state: State, experiment: Experiment) -> History:
    """Every trial so far, by number, on the state as it is now: to be asked before it changes.

    With several objectives, or with constraints, losses are places in the order that all algorithms share
    (`automl_core.search.pareto`), and the values themselves stand in ``objectives`` and ``constraints``.
    """
    found = StateHistory(state, experiment)
    if experiment.goal.plain:
        return found
    history = list(found)
    reached: list[dict[int, Point]] = []
    for trial in state.trials:
        points = [(work, point_of(experiment, work)) for work in map(state.works.__getitem__, trial.slots)]
        known = [(work, point) for work, point in points if point is not None]
        reached.append({work.budget: point for work, point in known if work.budget is not None and finished(work)})
        past = history[trial.number]
        counts = state.counted(trial)
        point = next((point for work, point in known if work is counts), None)
        if point is not None:
            past = replace(past, objectives=point.objectives, constraints=point.constraints)
        history[trial.number] = past if point is not None else replace(past, loss=None)
    return with_places(history, reached)


class Curve(Sequence[tuple[float, float]]):
    """(step, loss) pairs, unpacked when they are first looked at: most algorithms never do."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("_direction", "_known", "_text")

    def __init__(self, text: str | Callable[[], str], direction: float) -> None:
        """Nothing is looked at yet.

        Args:
            text: as `pack_curve` makes it, or what gives it.
            direction: as from `sign`.
        """
        self._text, self._direction = text, direction
        self._known: tuple[tuple[float, float], ...] | None = None

    @property
    def _pairs(self) -> tuple[tuple[float, float], ...]:
        if self._known is None:
            text = self._text if isinstance(self._text, str) else self._text()
            self._known = tuple((step, self._direction * value) for step, value in unpack_curve(text))
        return self._known

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, index: int) -> tuple[float, float]: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[tuple[float, float], ...]: ...
    def __getitem__(self, index: int | slice) -> tuple[float, float] | tuple[tuple[float, float], ...]:
        return self._pairs[index]

    def __eq__(self, other: object) -> bool:
        return self._pairs == tuple(other) if isinstance(other, Curve | tuple) else NotImplemented

    def __repr__(self) -> str:
        return repr(self._pairs)


class StateHistory(LongHistory):
    """The trials of a state as algorithms see them, each made when it is first looked at, and remembered."""

    def __init__(self, state: State, experiment: Experiment) -> None:
        """Nothing is looked at yet.

        Args:
            state: as it is now.
            experiment: its file.
        """
        self._state, self._sign, self._limit = state, sign(experiment), limit_of(experiment)
        self._past = state.remembered.past_by((self._sign, self._limit and self._limit.unit))
        self._length = len(state.trials)

    def keys(self) -> Set[str]:
        """See `LongHistory.keys`."""
        return self._state.combinations()

    def losses(self) -> list[float | None]:
        """See `LongHistory.losses`: of what is set apart by its columns."""
        found: list[float | None] = [None] * self._length
        for number in self._state.trials.live:
            value = self._state.value_of(self._state.trials[number])
            found[number] = None if value is None else self._sign * value
        for chunk in self._state.sealed.chunks:
            if len(chunk.columns.slots) == len(chunk.columns.trials):  # one piece of work each, as without budgets
                numbers, values = chunk.fresh("trials_of_works", "values")
                _put(found, numbers, [None if value is None else self._sign * value for value in values])
            else:
                for place, number in enumerate(chunk.columns.trials):
                    if place not in chunk.stale:
                        found[number] = self._at(number).loss
        return found

    def states(self) -> list[TrialState]:
        """See `LongHistory.states`: of what is set apart by its columns."""
        found = [TrialState.RUNNING] * self._length
        for number in self._state.trials.live:
            found[number] = self._state.latest(self._state.trials[number]).state
        for chunk in self._state.sealed.chunks:
            numbers, states = chunk.fresh("trials_of_works", "states")
            _put(found, numbers, states)  # of a trial's works the last one's stays
        return found

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> PastTrial: ...
    @overload
    def __getitem__(self, index: slice) -> list[PastTrial]: ...
    def __getitem__(self, index: int | slice) -> PastTrial | list[PastTrial]:
        numbers = range(self._length)[index]
        return self._at(numbers) if isinstance(numbers, int) else [self._at(number) for number in numbers]

    def _at(self, number: int) -> PastTrial:
        found = self._past.get(number)
        if found is None:
            chunk = self._state.sealed.trials.get(number)
            if chunk is None:
                found = past_trial(self._state, self._state.trials[number], self._sign, self._limit)
            else:
                found = past_in(chunk, chunk.place_of[number], self._sign, self._limit)
            self._past[number] = found
        return found

    def __iter__(self) -> Iterator[PastTrial]:
        if len(self._past) < self._length:
            for chunk in self._state.sealed.chunks:
                chunk.every_params  # noqa: B018 - of all at once in a tenth of the time
        return map(self._at, range(self._length))


def _put(found: list[T], numbers: Sequence[int], values: Sequence[T]) -> None:
    """Give places their values, the last one where a number comes again; in one piece where they are consecutive.

    Args:
        found: by number.
        numbers: not falling.
        values: of each.
    """
    if numbers and len(set(numbers)) == numbers[-1] - numbers[0] + 1 == len(numbers):
        found[numbers[0] : numbers[-1] + 1] = values
        return
    for number, value in zip(numbers, values, strict=True):
        found[number] = value


def past_in(chunk: Chunk, place: int, direction: float, limit: Limit | None) -> PastTrial:
    """One trial of a chunk as an algorithm sees it: what `past_trial` says of it, without unpacking the chunk's rest.

    Args:
        chunk: in which it is set apart.
        place: of the trial.
        direction: as from `sign`.
        limit: as from `limit_of`.
    """
    columns, works = chunk.columns, chunk.works_of(place)
    last = works[-1]
    budget = columns.budgets[last] if columns.budgets else None
    if len(works) == 1 and budget is None:  # nearly always: there is nothing to choose from
        value, reached = columns.values[last], {}
    else:
        results = [
            Result(columns.states[work], columns.budgets[work] if columns.budgets else None, columns.values[work])
            for work in works
        ]
        counts = counted(results)
        value, reached = None if counts is None else counts.counts, losses_at(results, direction)
    spent = None
    if limit is not None:
        amounts = columns.costs if limit.unit == "cost" else columns.seconds
        spent = sum(amounts[work] for work in works)
    return PastTrial(
        number=columns.trials[place],
        params=chunk.params(place),
        state=columns.states[last],
        loss=None if value is None else direction * value,
        budget=budget,
        losses_at=reached,
        curve=Curve(lambda: chunk.works[last].curve, direction) if columns.curved and columns.curved[last] else (),
        bracket=columns.brackets[last] if columns.brackets else None,
        rung=columns.rungs[last] if columns.rungs else None,
        parent=columns.parents[place] if columns.parents else None,
        spent=spent,
    )


def ranking(state: State, experiment: Experiment) -> list[tuple[Trial, Work]]:
    """The trials whose value counts, best first, each with the work that gave it.

    Ties go to the lower trial number. With budgets, a value at a higher finished budget is worth more than any at a
    lower one, and those of trials that finished none come last. With several objectives, or with constraints, see
    `ranked_by_points`.
    """
    if not experiment.goal.plain:
        return ranked_by_points(state, experiment)
    direction = sign(experiment)
    valued = [(trial, work) for trial in state.trials if (work := state.counted(trial)) is not None]

    def rank(item: tuple[Trial, Work]) -> tuple[int, float, int]:
        trial, work = item
        assert work.value is not None
        return (-finished_budget(work), direction * work.value, trial.number)

    return sorted(valued, key=rank)


def best_trial(state: State, experiment: Experiment) -> Trial | None:
    """The first trial of the `ranking`, None while no trial has a value that counts."""
    if not experiment.goal.plain:
        return best_by_points(state, experiment)
    ranked = ranking(state, experiment)
    return ranked[0][0] if ranked else None
