"""The baseline: the trial of the defaults before the search, and what the search gains over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study.history import best_trial
from automl_core.study.points import values_of
from automl_core.study.state import State

NUMBER = 0
"""Of the trial that is the baseline."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better one objective is at the best trial than at the baseline.

    Attributes:
        absolute: on the metric's own scale, above 0 where the best trial is better whatever the direction.
        relative: the same as a share of the baseline's value; None where that is 0.
    """

    absolute: float
    relative: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The trial of the defaults, and what the search has gained over it so far.

    Attributes:
        trial: its number.
        state: its state.
        value: of the goal (the first objective), None while it has none.
        best: number of the best trial, None while none has a value.
        gain: of the first objective, None while one of the two has no value.
        gains: with several objectives, of each by its name.
    """

    trial: int
    state: TrialState
    value: float | None = None
    best: int | None = None
    gain: Gain | None = None
    gains: Mapping[str, Gain] = field(default_factory=dict)


def is_baseline(experiment: Experiment, trial: int) -> bool:
    """Whether a trial of this number is the baseline."""
    return experiment.search.baseline and trial == NUMBER


def baseline_of(state: State, experiment: Experiment) -> Baseline | None:
    """The baseline of a run, None where it has none or that is not bound yet."""
    if not experiment.search.baseline or not state.trials:
        return None
    trial, best = state.trials[NUMBER], best_trial(state, experiment)
    found = Baseline(NUMBER, state.state_of(trial), state.value_of(trial), best.number if best is not None else None)
    work, other = state.counted(trial), state.counted(best) if best is not None else None
    before = values_of(experiment, work) if work is not None else None
    after = values_of(experiment, other) if other is not None else None
    if before is None or after is None:
        return found
    objectives = experiment.goal.all_objectives
    gains = {
        each.label: gain(old, new, maximize=each.direction == "maximize")
        for each, old, new in zip(objectives, before, after, strict=True)
    }
    return Baseline(
        found.trial, found.state, found.value, found.best, next(iter(gains.values())),
        gains if experiment.goal.several else {},
    )  # fmt: skip


def gain(before: float, after: float, *, maximize: bool) -> Gain:
    """What a value gains over another one: above 0 where it is better."""
    absolute = after - before if maximize else before - after
    return Gain(absolute, absolute / abs(before) if before != 0 else None)
