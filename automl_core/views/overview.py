"""An experiment's page at a glance: how it stands, what is left, its limits, and what people did."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from automl_core.results.entries import ended_at
from automl_core.results.forecast import Forecast
from automl_core.results.summary import Summary
from automl_core.spec.goal import Goal
from automl_core.spec.models import Experiment
from automl_core.spec.reason import REASON
from automl_core.study.editing import concurrency_at_most
from automl_core.study.labels import NO_LABEL, RUN
from automl_core.study.state import Act
from automl_core.views.parameters import parameters_of
from automl_core.views.view import ExperimentView

_ACTS = 20


def overview(view: ExperimentView) -> dict[str, Any]:
    """How an experiment stands, with TAO's figures (current trial, epochs left, time left, time per epoch, best)."""
    state, now, found = view.state, view.clock(), view.summary()
    label = state.labels.get(RUN, NO_LABEL)
    return {
        "experiment": state.name,
        "run": state.run,
        "seq": state.seq,
        "state": str(found.state),
        "reason": found.reason,
        "created": state.created,
        "updated": state.updated,
        "ended": ended_at(state),
        "stop": asdict_of(state.stop) if state.stop else None,
        "goal": goal_of(view.experiment.goal),
        "template": template_of(view.experiment),
        "algorithm": state.algorithm,
        "seed": view.experiment.search.seed,
        "plan": state.plan,
        "parameters": parameters_of(view.study),
        "counts": {str(each): number for each, number in found.counts.items()},
        "trials": found.trials,
        "slots": found.slots,
        "slots_ended": found.slots_ended,
        "done": found.done,
        "fraction": found.fraction,
        "best": _best(view),
        "baseline": dict(found.baseline) if found.baseline is not None else None,
        "tao": tao_figures(view, found, now),
        "forecast": asdict(found.left),
        "elapsed": found.elapsed,
        "cost": found.cost,
        "training_seconds": round(state.seconds, 3),
        "limits": limits_of(view.experiment, concurrency_at_most(state)),
        "overrides": state.overrides,
        "started_because": state.identity.get(REASON),
        "data": dict(found.data),
        "acts": [act_of(act) for act in state.acts[: -_ACTS - 1 : -1]],
        "problems": [f"record {seq}: {reason}" for seq, reason in sorted(state.skipped.items())],
        "lanes": state.lanes,
        "label": {
            "name": label.name, "tags": label.tags, "comment": label.comment, "by": label.by or None,
            "time": label.time or None,
        },
    }  # fmt: skip


def tao_figures(view: ExperimentView, found: Summary, now: float) -> dict[str, Any]:
    """What NVIDIA TAO shows of an experiment: seconds, and budget units over all trials still to run."""
    running = sorted({work.trial for work in view.state.running})
    left: Forecast = found.left
    return {
        "current_trial": running[-1] if running else None,
        "running_trials": running,
        "units": found.units,
        "units_left": left.units_left,
        "seconds_left": left.seconds_left,
        "eta": now + left.seconds_left if left.seconds_left is not None and not found.state.ended else None,
        "seconds_per_unit": left.seconds_per_unit,
        "best_value": found.best.value if found.best else None,
    }


def template_of(experiment: Experiment) -> dict[str, Any] | None:
    """The template version that an experiment was made from, None without one."""
    return experiment.template.model_dump(mode="json") if experiment.template is not None else None


def goal_of(goal: Goal) -> dict[str, Any]:
    """What a better trial is, with one objective or several."""
    return {
        "metric": goal.label,
        "direction": goal.first.direction,
        "final": goal.final,
        "weights": goal.weights,
        "objectives": [
            {"metric": each.label, "direction": each.direction, "reference": each.reference}
            for each in goal.all_objectives
        ],
        "constraints": [each.model_dump(mode="json") for each in goal.constraints],
    }


def limits_of(experiment: Experiment, at_most: int) -> dict[str, Any]:
    """What can be edited while it runs, or changed for a new run, as it stands now.

    Args:
        experiment: its file, or what a run has made of it.
        at_most: how far its concurrency can be raised.
    """
    trials = experiment.trials
    return {
        "max_trials": trials.max,
        "concurrency": trials.concurrency,
        "concurrency_at_most": at_most,
        "max_failed": trials.max_failed,
        "retries": trials.retries,
        "timeout": trials.timeout,
        "budget": trials.budget.model_dump(mode="json") if trials.budget else None,
        "stop": experiment.stop.model_dump(mode="json"),
    }


def act_of(act: Act) -> dict[str, Any]:
    """What a person did."""
    return {
        "seq": act.seq, "time": act.time, "by": act.by, "act": act.act, "text": act.text,
        "data": {"trial": act.trial, "changes": act.changes},
    }  # fmt: skip


def asdict_of(struct: Any) -> dict[str, Any]:
    """The fields of a plain record."""
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _best(view: ExperimentView) -> dict[str, Any] | None:
    if not view.ranking:
        return None
    trial, work = view.ranking[0]
    return {
        "trial": trial.number, "value": work.value, "params": trial.params, "budget": work.budget,
        "metrics": work.metrics,
    }  # fmt: skip
