"""An experiment at a glance, for progress displays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from automl_core.results.entries import baseline_entry, counts, ended_at, experiment_state, point_entry
from automl_core.results.forecast import Forecast, forecast
from automl_core.results.inputs import data_entries
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import flatten
from automl_core.states import ExperimentState, TrialState
from automl_core.study.history import ranking
from automl_core.study.points import front_of
from automl_core.study.progress import spent
from automl_core.study.state import State


@dataclass(frozen=True, slots=True)
class Best:
    """The best trial so far: its number, value and combination, and the budget that it has that value at.

    Attributes:
        values: with several objectives the value of each; ``value`` is the first's, and the trial the best compromise.
        feasible: whether it satisfies the constraints; one that doesn't is best only while none does.
    """

    trial: int
    value: float
    params: Params
    budget: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    feasible: bool = True


@dataclass(frozen=True, slots=True)
class Summary:
    """How an experiment stands.

    Attributes:
        name, run: which one.
        state: CREATED, RUNNING (also while its last trials drain), or how it ended.
        reason: why it ends or ended; empty before that is known.
        metric, direction: what is searched for; with several objectives the first.
        counts: state → number of trials in it, every state named.
        trials, slots: combinations and pieces of work at most (with budgets promotions are pieces of their own).
        slots_ended: pieces of work that have ended.
        best: the best trial, None while none has a value.
        front: trials on the Pareto front, None with one objective.
        units: what a budget counts (``epochs``), None in experiments without budgets.
        left: forecast of what is left.
        elapsed: seconds from the experiment's start to now, or to its end.
        cost: so far, the trials that run included.
        data: the data sets by name (`results.inputs.data_entries`).
        template: the template version that it was made from, ``name@version``; None without.
        unsearched: parameters that nothing searches: every combination has them with the same value.
        baseline: the trial of the defaults and what is gained over it (`results.entries.baseline_entry`), None without.
    """

    name: str
    run: str
    state: ExperimentState
    reason: str
    metric: str
    direction: str
    counts: Mapping[TrialState, int]
    trials: int
    slots: int
    slots_ended: int
    best: Best | None
    units: str | None
    left: Forecast
    elapsed: float
    cost: float
    front: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    template: str | None = None
    unsearched: tuple[str, ...] = ()
    baseline: Mapping[str, Any] | None = None

    @property
    def done(self) -> int:
        """Trials that have ended, whatever came of them."""
        return sum(number for state, number in self.counts.items() if state.ended)

    @property
    def running(self) -> int:
        """Trials that run now."""
        return self.counts[TrialState.RUNNING]

    @property
    def waiting(self) -> int:
        """Trials that wait for a new attempt."""
        return self.counts[TrialState.WAITING]

    @property
    def failed(self) -> int:
        """Trials that failed."""
        return self.counts[TrialState.FAILED]

    @property
    def early_stopped(self) -> int:
        """Trials that a rule ended early; their values count."""
        return self.counts[TrialState.EARLY_STOPPED]

    @property
    def fraction(self) -> float:
        """Part of the work that is done, from 0 to 1, by pieces of work; 1 once the experiment has ended."""
        if self.state.ended:
            return 1.0
        return min(1.0, self.slots_ended / self.slots) if self.slots else 0.0

    def to_json(self) -> dict[str, Any]:
        """The summary as plain JSON, ``done`` and ``fraction`` included."""
        body = asdict(self) | {"done": self.done, "fraction": self.fraction, "state": str(self.state)}
        body["unsearched"] = list(self.unsearched)
        return body | {"counts": {str(state): number for state, number in self.counts.items()}}


def unsearched(experiment: Experiment) -> tuple[str, ...]:
    """The parameters of an experiment that are fixed, so that they say nothing of a trial."""
    return tuple(name for name, model in flatten(dict(experiment.space)).items() if model.type == "fixed")


def summary(state: State, experiment: Experiment, now: float) -> Summary:
    """Sum an experiment up.

    Args:
        state: the experiment's state.
        experiment: its file, with the run's overrides.
        now: seconds since 1970.
    """
    ranked = ranking(state, experiment)
    best = None
    if ranked:
        trial, work = ranked[0]
        assert work.value is not None
        point = point_entry(experiment, work)
        best = Best(
            trial.number, work.value, dict(trial.params), work.budget,
            values=point.get("values") or {}, feasible=point.get("feasible", True),
        )  # fmt: skip
    ended = ended_at(state)
    budget = experiment.trials.budget
    return Summary(
        name=state.name,
        run=state.run,
        state=experiment_state(state),
        reason=state.stop.reason if state.stop else "",
        metric=experiment.goal.label,
        direction=experiment.goal.first.direction,
        counts=counts(state),
        trials=int(state.plan.get("trials", 0)),
        slots=int(state.plan.get("slots", 0)),
        slots_ended=len(state.works) - len(state.unended),
        best=best,
        units=budget.name if budget else None,
        left=forecast(state, experiment, now),
        elapsed=max(0.0, (ended if ended is not None else now) - state.created) if state.created else 0.0,
        cost=spent(state, experiment, now),
        front=len(front_of(state, experiment)) if experiment.goal.several else None,
        data=data_entries(state),
        template=experiment.template.label if experiment.template is not None else None,
        unsearched=unsearched(experiment),
        baseline=baseline_entry(experiment, state),
    )
