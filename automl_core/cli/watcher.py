"""How a run stands: from its journal, and from Airflow's task instances as long as no journal can be read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from automl_core.cli.served import Served, failure_lines
from automl_core.client.airflow import AirflowClient
from automl_core.client.errors import ClientError
from automl_core.client.records import Run, TaskInstance
from automl_core.results.forecast import Forecast
from automl_core.results.summary import Summary, summary
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import StorageError
from automl_core.study.places import WAITING

if TYPE_CHECKING:
    from automl_core.cli.places import Place
    from automl_core.spec.models import Experiment
    from automl_core.study.journal import StudyJournal

_REST_INTERVAL = 5.0
"""Seconds between two looks at the task instances: a run may have a thousand."""


class Watcher:
    """Looks at one run, again and again."""

    def __init__(
        self, client: AirflowClient, place: Place | None, served: Served | None = None, *,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Nothing is read yet.

        Args:
            client: of the Airflow that runs it.
            place: where its journal is; None where that can't be known here.
            served: the run as AutoML's REST API has it, for where the journal can't be read.
            clock: seconds since 1970.
        """
        self._client, self._served, self._clock = client, served, clock
        self._journal: StudyJournal | None = place.journal() if place is not None else None
        self._experiment: Experiment | None = None
        self._last: Summary | None = None
        self._next_rest = 0.0

    def look(self, run: Run) -> Summary | None:
        """How the run stands now, as far as is known; None before anything is.

        A store that is away for a moment leaves the last answer standing.

        Args:
            run: as Airflow has it now.
        """
        try:
            found = self._from_journal()
        except StorageError:
            found = None
        if found is None and self._experiment is None and (run.over or self._clock() >= self._next_rest):
            self._next_rest = self._clock() + _REST_INTERVAL
            found = self._from_server()
            if found is None:
                found = summary_of_tasks(run, self._client.task_instances(run.dag_id, run.run_id), self._clock())
        self._last = found or self._last
        return self._last

    @property
    def reads_here(self) -> bool:
        """Whether the journal is read from here."""
        return self._experiment is not None

    def failures(self, limit: int = 3) -> list[str]:
        """Why trials failed, one line a reason."""
        if self._journal is None or self._experiment is None:
            try:
                return self._served.failures(limit) if self._served is not None else []
            except ClientError:
                return []
        state = self._journal.state
        failed = [trial for trial in state.trials if state.state_of(trial) is TrialState.FAILED]
        return failure_lines([(trial.number, state.latest(trial).reason) for trial in failed], limit)

    def _from_server(self) -> Summary | None:
        if self._served is None:
            return None
        try:
            return self._served.summary()
        except ClientError:  # no AutoML in it, or it has not begun: Airflow's own figures are all there is
            return None

    def _from_journal(self) -> Summary | None:
        if self._journal is None:
            return None
        state = self._journal.refresh()
        if not state.created:
            return None
        if self._experiment is None:
            from automl_core.spec.models import Experiment

            self._experiment = Experiment.model_validate(state.experiment)
        return summary(state, self._experiment, self._clock())


_AT_WORK = ("running", "deferred", "queued", "restarting")
"""States of a task instance that is held to be training; a slot that waits ahead of its place is not."""


def summary_of_tasks(run: Run, instances: Iterable[TaskInstance], now: float) -> Summary | None:
    """What Airflow's mapped task instances alone tell of a run: how many, and how they ended.

    Returns:
        None before there are any.
    """
    slots: dict[int, list[TaskInstance]] = {}
    for instance in instances:
        if instance.map_index >= 0 and instance.task_id.split(".")[0] == "trial":
            slots.setdefault(instance.map_index, []).append(instance)
    if not slots:
        return None
    states = [
        _slot_state([None if step.label == WAITING and step.state in _AT_WORK else step.state for step in steps])
        for steps in slots.values()
    ]
    counts = dict.fromkeys(TrialState, 0)
    for state in filter(None, states):
        counts[state] += 1
    ended = sum(state is not None and state.ended for state in states)
    ended_as = ExperimentState.FINISHED if run.state == "success" else ExperimentState.FAILED
    return Summary(
        name=run.dag_id,
        run=run.run_id,
        state=ended_as if run.over else ExperimentState.RUNNING,
        reason="",
        metric="",
        direction="",
        counts=counts,
        trials=len(slots),
        slots=len(slots),
        slots_ended=ended,
        best=None,
        units=None,
        left=Forecast(len(slots) - ended, None, None, None, None),
        elapsed=max(0.0, now - run.started.timestamp()) if run.started else 0.0,
        cost=0.0,
    )


def _slot_state(steps: list[str | None]) -> TrialState | None:
    """The state of a slot's trial from those of its training tasks; None before it has one."""
    if any(state in ("failed", "upstream_failed") for state in steps):
        return TrialState.FAILED
    if all(state in ("success", "skipped", "removed") for state in steps):
        return TrialState.SUCCEEDED if "success" in steps else TrialState.SYS_CANCELED
    if any(state in _AT_WORK for state in steps):
        return TrialState.RUNNING
    return TrialState.WAITING if "success" in steps or "up_for_retry" in steps else None
