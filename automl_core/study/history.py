"""From the study's state to what a search algorithm and a stopping rule see."""

from __future__ import annotations

from dataclasses import replace

from automl_core.search.base import BudgetRange as SearchBudget
from automl_core.search.base import Context, Limit, PastTrial
from automl_core.search.outcomes import finished, finished_budget, losses_at
from automl_core.search.pareto import Point, with_places
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.study.points import best_by_points, point_of, ranked_by_points
from automl_core.study.state import State, Trial, Work


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
        curve=tuple((step, direction * v) for step, v in work.points),
        bracket=work.bracket,
        rung=work.rung,
        parent=trial.parent,
        spent=_spent(state, trial, limit),
    )


def history_of(state: State, experiment: Experiment) -> list[PastTrial]:
    """Every trial so far, by number.

    With several objectives, or with constraints, losses are places in the order that all algorithms share
    (`automl_core.search.pareto`), and the values themselves stand in ``objectives`` and ``constraints``.
    """
    direction = sign(experiment)
    limit = limit_of(experiment)
    history = [past_trial(state, trial, direction, limit) for trial in state.trials]
    if experiment.goal.plain:
        return history
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
