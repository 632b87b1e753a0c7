"""What mapped task instances are called in front of people: ``7 · lr=0.003 · accuracy 0.941``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from automl_core.spec.goal import Objective
    from automl_core.study import Binding, Outcome, Study


NOT_NEEDED = "no trial"
"""Name of an instance that nothing was bound to."""


def running_label(study: Study, binding: Binding) -> str:
    """Name of an instance whose trial is running."""
    parts = [str(binding.trial), study.space.label(binding.params)]
    if binding.budget is not None:
        budget = study.experiment.trials.budget
        parts.append(f"{budget.name if budget else 'budget'} {binding.budget}")
    if binding.attempt > 1:
        parts.append(f"attempt {binding.attempt}")
    return " · ".join(parts)


def ended_label(study: Study, binding: Binding, outcome: Outcome) -> str:
    """Name of an instance whose trial has ended."""
    parts = [running_label(study, binding)]
    goal = study.experiment.goal
    if outcome.value is not None:
        parts.append(f"{goal.label} {outcome.value:.4g}")
        parts += [_other(objective, outcome.metrics) for objective in goal.all_objectives[1:]]
        measured = [each for each in goal.constraints if each.metric in outcome.metrics]
        parts += [f"not {each}" for each in measured if each.excess(outcome.metrics[each.metric]) > 0]
    if outcome.state != "SUCCEEDED":
        parts.append(str(outcome.state).lower().replace("_", " "))
    return " · ".join(parts)


def _other(objective: Objective, metrics: Mapping[str, float]) -> str:
    """The value of an objective after the first, as far as its metrics are known."""
    if not objective.weights.keys() <= metrics.keys():
        return f"{objective.label} unknown"
    return f"{objective.label} {sum(weight * metrics[name] for name, weight in objective.weights.items()):.4g}"
