"""What mapped task instances are called in front of people: ``7 · lr=0.003 · accuracy 0.941``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from automl_core.study import Binding, Outcome, Study


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
    if outcome.value is not None:
        parts.append(f"{study.experiment.goal.label} {outcome.value:.4g}")
    if outcome.state != "SUCCEEDED":
        parts.append(str(outcome.state).lower().replace("_", " "))
    return " · ".join(parts)
