"""From the study's state to plain JSON: the experiment and its trials, as published and as shown.

Pure functions of the state: no clock and no store, so the same journal always gives the same result.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from automl_core.results.inputs import input_entries, warnings_of
from automl_core.spec.models import Experiment
from automl_core.spec.reason import REASON
from automl_core.states import ExperimentState, TrialState
from automl_core.study.baseline import baseline_of
from automl_core.study.history import ranking
from automl_core.study.points import front_of, values_of
from automl_core.study.queued import never_began
from automl_core.study.state import Attempt, State, Trial, Work

FORMAT_VERSION = 1
"""Version of the published files' format."""


def controller(experiment: Experiment, state: State) -> dict[str, Any]:
    """The whole experiment as one object: ``experiment`` and ``trials``, the content of controller.json."""
    ranks = {trial.number: rank for rank, (trial, _) in enumerate(ranking(state, experiment), start=1)}
    trials = [trial_entry(experiment, state, trial, ranks.get(trial.number)) for trial in state.trials]
    if experiment.goal.several:
        members = {trial.number for trial, _ in front_of(state, experiment)}
        trials = [entry | {"front": entry["number"] in members} for entry in trials]
    return {"experiment": experiment_entry(experiment, state), "trials": trials}


def experiment_entry(experiment: Experiment, state: State) -> dict[str, Any]:
    """The experiment without its trials. Seconds are those of training, over all attempts."""
    ranked = ranking(state, experiment)
    stop = state.stop
    entry: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "name": state.name,
        "run": state.run,
        "description": experiment.description,
        "state": str(experiment_state(state)),
        "stop_reason": stop.reason if stop else None,
        "stop_kind": stop.kind if stop else None,
        "stopped_by": (stop.by or None) if stop else None,
        "goal": goal_entry(experiment),
        "metric": experiment.goal.label,
        "best_trial": ranked[0][0].number if ranked else None,
        "best_value": ranked[0][1].value if ranked else None,
        **_best_values(experiment, ranked[0][1] if ranked else None),
        "started": iso(state.created),
        "ended": iso(ended_at(state)),
        "algorithm": state.algorithm,
        "plan": state.plan,
        "overrides": state.overrides,
        "counts": {str(each): number for each, number in counts(state).items()},
        "seconds": _seconds(state.seconds),
        "cost": _cost(state.cost),
    }
    baseline = baseline_entry(experiment, state)
    if baseline is not None:
        entry["baseline"] = baseline
    if reason := state.identity.get(REASON):
        entry["reason"] = reason
    if experiment.template is not None:
        entry["template"] = experiment.template.model_dump(mode="json")
    if experiment.trials.budget is not None:
        entry["budget"] = experiment.trials.budget.model_dump(mode="json")
    entry |= input_entries(state)
    if state.skipped:
        entry["skipped_records"] = {str(seq): reason for seq, reason in sorted(state.skipped.items())}
    return entry


def baseline_entry(experiment: Experiment, state: State) -> dict[str, Any] | None:
    """The trial of the defaults and what the search has gained over it, None without one.

    Gains are above 0 where the best trial is better, whatever the direction.
    """
    found = baseline_of(state, experiment)
    if found is None:
        return None
    entry: dict[str, Any] = {
        "trial": found.trial, "state": str(found.state), "value": found.value, "best_trial": found.best,
        "gain": found.gain.absolute if found.gain else None,
        "relative_gain": found.gain.relative if found.gain else None,
    }  # fmt: skip
    if experiment.goal.several:
        entry["gains"] = {
            name: {"gain": each.absolute, "relative_gain": each.relative} for name, each in found.gains.items()
        }
    return entry


def baseline_words(entry: Mapping[str, Any] | None) -> str:
    """What the search has gained, for people: ``0.031 (3.5 %) better than the defaults (0.88, trial 0)``."""
    if entry is None:
        return ""
    which = f"trial {entry['trial']}"
    if entry["value"] is None:
        return f"the defaults ({which}) have no value: {str(entry['state']).lower()}"
    value = f"{entry['value']:.6g}, {which}"
    gain = entry["gain"]
    if gain is None:
        return f"the defaults: {value}"
    if entry["best_trial"] == entry["trial"] or gain == 0:
        return f"nothing better than the defaults ({value})"
    share = f" ({abs(entry['relative_gain']) * 100:.3g} %)" if entry["relative_gain"] is not None else ""
    return f"{abs(gain):.4g}{share} {'better' if gain > 0 else 'worse'} than the defaults ({value})"


def goal_entry(experiment: Experiment) -> dict[str, Any]:
    """What a better trial is; with several objectives ``direction`` and ``weights`` are those of the first."""
    goal = experiment.goal
    entry: dict[str, Any] = {"direction": goal.first.direction, "final": goal.final, "weights": goal.weights}
    if goal.several:
        entry["objectives"] = [
            {"name": each.label, "direction": each.direction, "reference": each.reference, "weights": each.weights}
            for each in goal.all_objectives
        ]
    if goal.constraints:
        entry["constraints"] = [str(constraint) for constraint in goal.constraints]
    return entry


def point_entry(experiment: Experiment, work: Work | None) -> dict[str, Any]:
    """What a work is worth where one value doesn't say all: empty for a plain goal.

    Returns:
        With several objectives ``values`` (by their names), with constraints ``feasible`` and ``constraints`` (each
        with what was measured); null where the work has none.
    """
    goal = experiment.goal
    entry: dict[str, Any] = {}
    values = values_of(experiment, work) if work is not None else None
    if goal.several:
        names = [each.label for each in goal.all_objectives]
        entry["values"] = dict(zip(names, values, strict=True)) if values is not None else None
    if goal.constraints:
        known = work.metrics if work is not None and values is not None else None
        entry["feasible"] = goal.satisfied_by(known) if known is not None else None
        entry["constraints"] = {str(each): (known or {}).get(each.metric) for each in goal.constraints}
    return entry


def trial_entry(experiment: Experiment, state: State, trial: Trial, rank: int | None) -> dict[str, Any]:
    """One trial.

    Its value, step and metrics are those of the work that counts (with budgets: at the highest budget that it
    finished); a trial without such work shows the metrics last seen and no value.

    Args:
        experiment: its file.
        state: the experiment's state.
        trial: one of the state's.
        rank: its place in the `ranking`, from 1.
    """
    works = [state.works[slot] for slot in trial.slots]
    latest, counted = works[-1], state.counted(trial)
    shown = counted or latest
    entry: dict[str, Any] = {
        "number": trial.number,
        "state": str(latest.state),
        "reason": latest.reason or None,
        "rank": rank,
        "params": trial.params,
        "value": counted.value if counted else None,
        **point_entry(experiment, counted),
        "step": shown.step,
        "metrics": dict(sorted(shown.metrics.items())),
        "started": iso(works[0].bound),
        "ended": iso(latest.ended),
        "seconds": _seconds(sum(work.seconds for work in works)),
        "cost": _cost(sum(work.cost for work in works)),
        "note": trial.note or None,
        "seen": trial.seen,
        "parent": trial.parent,
        "attempts": [attempt_entry(experiment, work, attempt) for work in works for attempt in work.attempts],
    }
    if warnings := warnings_of(state, trial):
        entry["warnings"] = warnings
    if experiment.trials.budget is not None:
        entry |= {"budget": shown.budget, "rung": shown.rung, "bracket": shown.bracket}
        entry["works"] = [work_entry(work) for work in works]
    return entry


def work_entry(work: Work) -> dict[str, Any]:
    """One piece of a trial's work: training up to one budget."""
    return {
        "slot": work.slot,
        "state": str(work.state),
        "reason": work.reason or None,
        "budget": work.budget,
        "resumed_from": work.resume_budget,
        "rung": work.rung,
        "bracket": work.bracket,
        "value": work.value if work.state.has_value else None,
        "step": work.step,
        "metrics": dict(sorted(work.metrics.items())),
        "started": iso(work.bound),
        "ended": iso(work.ended),
        "seconds": _seconds(work.seconds),
        "cost": _cost(work.cost),
    }


def attempt_entry(experiment: Experiment, work: Work, attempt: Attempt) -> dict[str, Any]:
    """One attempt at a training task; with ``began``: false where it was ended before anything of it had run."""
    tasks = experiment.tasks
    entry: dict[str, Any] = {
        "task": tasks[attempt.task].name if attempt.task < len(tasks) else str(attempt.task),
        "slot": work.slot,
        "number": attempt.number,
        "state": str(attempt.state),
        "reason": attempt.reason or None,
        "started": iso(attempt.started),
        "ended": iso(attempt.ended),
        "worker": attempt.worker or None,
        "external": attempt.external or None,
    }
    if never_began(attempt):
        entry["began"] = False
    return entry


def _best_values(experiment: Experiment, work: Work | None) -> dict[str, Any]:
    return {f"best_{name}": value for name, value in point_entry(experiment, work).items() if name != "constraints"}


def counts(state: State) -> dict[TrialState, int]:
    """Trials by state, every state named."""
    return dict.fromkeys(TrialState, 0) | state.states()


def has_ended(state: State) -> bool:
    """Whether the experiment has stopped and no trial of it runs, drains or waits for a retry any more."""
    return state.stop is not None and not state.unended


def experiment_state(state: State) -> ExperimentState:
    """The experiment's state; one whose trials still drain is RUNNING."""
    if state.stop is not None and has_ended(state):
        return ExperimentState(state.stop.state)
    return ExperimentState.RUNNING if state.works or state.stop else ExperimentState.CREATED


def ended_at(state: State) -> float | None:
    """When the experiment had stopped and its last trial had ended; seconds since 1970, None while it runs."""
    if state.stop is None or not has_ended(state):
        return None
    last = state.works[state.order[-1]].ended if state.order else None  # no record has an earlier time than one before
    return max(state.stop.time, last or 0.0)


def iso(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond; None where no calendar has such a time."""
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # a record may bring any number as its time
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(seconds: float) -> float:
    return round(seconds, 3)


def _cost(cost: float) -> float:
    return round(cost, 6)
