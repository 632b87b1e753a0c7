"""Lanes: beyond a thousand slots a mapped task instance runs trial after trial.

Airflow's scheduler reads every task instance of a run in each of its loops, so ten thousand mapped
instances are slow; as many lanes as the concurrency are not. What a lane has done stands in the
journal: a lane that is tried again finds its unfinished trial there.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from automl_airflow.compat import name_map_index, worker_name
from automl_core.states import TrialState
from automl_core.study import Binding, Ended, NotNow, Over

if TYPE_CHECKING:
    from automl_airflow.operators import TrialOperator
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Study


def run_lane(operator: TrialOperator, context: Any, store: ObjectStore, study: Study) -> dict[str, Any]:
    """Run trials one after the other until the study has no more. Returns what the lane did, for people."""
    lane = int(operator.slot or 0)
    counts: dict[str, int] = {}
    steps = len(study.experiment.tasks)
    while True:
        answer = operator.patiently(lambda: study.ask(lane=lane, worker=worker_name()))
        if isinstance(answer, NotNow):
            operator.wait(context, answer, study)
        if isinstance(answer, Over):
            operator.log.info("lane %d ends: %s", lane, answer.reason)
            break
        assert isinstance(answer, Binding)
        state, reason = _run_trial(operator, context, store, study, answer, steps)
        counts[state] = counts.get(state, 0) + 1
        if state is TrialState.FAILED:
            operator.log.error("trial %d failed: %s", answer.trial, reason)
        if state is TrialState.WAITING:
            time.sleep(study.experiment.trials.retry_delay)
        if operator.killed:
            break
    best = study.best()
    done = sum(n for state, n in counts.items() if state != TrialState.WAITING)
    name_map_index(context, f"lane {lane} · {done} trials" + (f" · best so far {best[1]:.4g}" if best else ""))
    return {"lane": lane, "trials": {str(state): n for state, n in counts.items()}}


def _run_trial(
    operator: TrialOperator, context: Any, store: ObjectStore, study: Study, binding: Binding, steps: int
) -> tuple[TrialState, str]:
    """Run a trial's training tasks one after the other; WAITING means that a retry is due."""
    current: Binding = binding
    while True:
        outcome, told = operator.train(context, store, study, current)
        if told.retry:
            return TrialState.WAITING, outcome.reason
        if outcome.state is not TrialState.SUCCEEDED or current.task == steps - 1 or not told.accepted:
            return outcome.state, outcome.reason
        answer = operator.patiently(partial(study.resume, current.slot, current.task + 1, worker=worker_name()))
        assert not isinstance(answer, Ended), "a lane asks for what is unfinished"
        if not isinstance(answer, Binding):
            return TrialState.SYS_CANCELED, answer.reason
        current = answer
