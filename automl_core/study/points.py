"""From what a trial measured to its place among the others, where one value doesn't say all.

Nothing of it stands in the journal: objectives and constraints follow from a work's metrics and the goal, so
experiments of every release are read alike.
"""

from __future__ import annotations

import math

from automl_core.search.outcomes import finished_budget
from automl_core.search.pareto import Point, front, knee, places
from automl_core.spec.models import Experiment
from automl_core.study.state import State, Trial, Work


def values_of(experiment: Experiment, work: Work) -> tuple[float, ...] | None:
    """A work's value of each objective, on the metrics' own scales.

    Returns:
        None where the work has no value that counts, or lacks a metric of an objective.
    """
    value = work.counts
    if value is None:
        return None
    values = [value]
    for objective in experiment.goal.all_objectives[1:]:
        try:
            terms = [weight * work.metrics[name] for name, weight in objective.weights.items() if weight]
        except KeyError:
            return None
        values.append(math.fsum(terms))
    return tuple(values)


def point_of(experiment: Experiment, work: Work) -> Point | None:
    """A work's losses and how far it breaks the constraints.

    Returns:
        None where `values_of` is None. A constraint whose metric the work lacks (it was stopped before it was
        measured) is NaN: not satisfied.
    """
    values = values_of(experiment, work)
    if values is None:
        return None
    goal = experiment.goal
    losses = (objective.sign * value for objective, value in zip(goal.all_objectives, values, strict=True))
    excess = (each.excess(work.metrics.get(each.metric, math.nan)) for each in goal.constraints)
    return Point(tuple(losses), tuple(excess))


def ranked_by_points(state: State, experiment: Experiment) -> list[tuple[Trial, Work]]:
    """The trials whose value counts, best first: feasible ones, the highest budget, then the shared order.

    With several objectives the first is the `knee` of the front; the rest of the front follows.
    """
    valued = [(trial, work, point) for trial, work, point in _counted(state, experiment) if point is not None]
    place = dict.fromkeys(range(len(valued)), 0)
    budgets = {finished_budget(work) for _, work, _ in valued}
    for budget in budgets:
        there = [index for index, (_, work, _) in enumerate(valued) if finished_budget(work) == budget]
        place.update(zip(there, places([valued[index][2] for index in there]), strict=True))
    recommended = _recommended(front_of(state, experiment), experiment)

    def rank(index: int) -> tuple[bool, bool, int, int, int]:
        trial, work, point = valued[index]
        return (trial is not recommended, not point.feasible, -finished_budget(work), place[index], trial.number)

    return [valued[index][:2] for index in sorted(place, key=rank)]


def front_of(state: State, experiment: Experiment) -> list[tuple[Trial, Work]]:
    """The Pareto front by trial number: feasible trials that none other dominates.

    With budgets, of the trials that finished the highest budget at which one is feasible. With one objective it is
    the best trial and its equals.
    """
    valued = [(trial, work, point) for trial, work, point in _counted(state, experiment) if point is not None]
    highest = max((finished_budget(work) for _, work, point in valued if point.feasible), default=0)
    there = [each for each in valued if finished_budget(each[1]) == highest]
    return [there[index][:2] for index in front([point for _, _, point in there])]


def best_by_points(state: State, experiment: Experiment) -> Trial | None:
    """The first of `ranked_by_points`, without the order of all the others where there is a front."""
    recommended = _recommended(front_of(state, experiment), experiment)
    if recommended is not None:
        return recommended
    ranked = ranked_by_points(state, experiment)
    return ranked[0][0] if ranked else None


def _recommended(members: list[tuple[Trial, Work]], experiment: Experiment) -> Trial | None:
    points = [point_of(experiment, work) for _, work in members]
    losses = [point.objectives for point in points if point is not None]
    return members[knee(losses)][0] if losses else None


def _counted(state: State, experiment: Experiment) -> list[tuple[Trial, Work, Point | None]]:
    counted = ((trial, state.counted(trial)) for trial in state.trials)
    return [(trial, work, point_of(experiment, work)) for trial, work in counted if work is not None]
