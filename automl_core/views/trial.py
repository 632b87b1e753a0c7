"""One trial's page: its work and attempts, and how it differs from the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from automl_core.results.inputs import warnings_of
from automl_core.study.labels import NO_LABEL
from automl_core.study.reasons import headline
from automl_core.study.state import Attempt, Trial, Work
from automl_core.views.rows import COLUMNS
from automl_core.views.view import ExperimentView

Log = Callable[[Work, Attempt], Mapping[str, Any]]
"""Where a person finds the log of an attempt: fields that are added to it."""


def trial_page(view: ExperimentView, number: int, log: Log) -> dict[str, Any]:
    """Everything of one trial that the journal tells.

    Args:
        view: the experiment.
        number: of the trial.
        log: where a person finds the log of an attempt.

    Raises:
        LookupError: there is no such trial.
    """
    trial = trial_of(view, number)
    row = view.rows[number]
    label = view.state.labels.get(number, NO_LABEL)
    shown = {name: getattr(row, name) for name in COLUMNS}
    return {
        "seq": view.seq,
        "trial": {**shown, "params": row.params, "metrics": row.metrics},
        "works": [_work(view, view.state.works[slot], log) for slot in trial.slots],
        "difference": _difference(view, number),
        "warnings": warnings_of(view.state, trial),
        "labelled": {"by": label.by or None, "time": label.time or None},
    }


def trial_of(view: ExperimentView, number: int) -> Trial:
    """A trial by its number.

    Raises:
        LookupError: there is no such trial.
    """
    trials = view.state.trials
    if not 0 <= number < len(trials):
        known = f"0 to {len(trials) - 1} are there" if trials else "none is there yet"
        raise LookupError(f"there is no trial {number}; {known}")
    return trials[number]


def _work(view: ExperimentView, work: Work, log: Log) -> dict[str, Any]:
    tasks = view.experiment.tasks
    return {
        "slot": work.slot, "state": str(work.state), "reason": work.reason, "headline": headline(work.reason),
        "budget": work.budget, "rung": work.rung, "bracket": work.bracket, "resumed_from": work.resume_budget,
        "value": work.counts, "step": work.step,
        "metrics": work.metrics, "started": work.bound, "ended": work.ended, "seconds": work.seconds,
        "cost": work.cost, "retry": work.retry,
        "attempts": [
            {
                "task": tasks[each.task].name if each.task < len(tasks) else str(each.task), "number": each.number,
                "state": str(each.state), "reason": each.reason, "headline": headline(each.reason),
                "started": each.started, "ended": each.ended, "worker": each.worker, "external": each.external,
                **log(work, each),
            }
            for each in work.attempts
        ],
    }  # fmt: skip


def _difference(view: ExperimentView, number: int) -> dict[str, Any] | None:
    if not view.ranking:
        return None
    best, work = view.ranking[0]
    this, value = view.rows[number], view.rows[number].value
    names = [p.name for p in view.study.space.parameters if p.name in this.params or p.name in best.params]
    return {
        "best": best.number,
        "value": value - work.value if value is not None and work.value is not None else None,
        "params": [
            {
                "name": name, "this": this.params.get(name), "best": best.params.get(name),
                "same": this.params.get(name) == best.params.get(name),
            }
            for name in names
        ],
    }  # fmt: skip
