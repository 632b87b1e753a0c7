"""The three tasks of an experiment's DAG. What they decide is decided in automl_core."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
)

if TYPE_CHECKING:
    from automl_core.running.local import LocalRun
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, NotNow, Outcome, Study, Told


GIVE_WAY = timedelta(seconds=10)
"""How long a slot that waits leaves its place to trials that are to be tried again."""


class ExperimentOperator(BaseOperator):
    """What the three have in common: where the experiment's journal lies."""

    def __init__(self, *, storage: str, connection: str | None, experiment: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.storage = storage
        self.connection = connection
        self.experiment = experiment

    def open_store(self, context: Any) -> tuple[ObjectStore, Any]:
        """The store and journal of this DAG run."""
        from automl_airflow.session import open_journal

        return open_journal(self.storage, self.connection, self.experiment, context["run_id"])

    def open_study(self, context: Any) -> tuple[ObjectStore, Study]:
        """The study of this DAG run."""
        from automl_core.study import Study

        store, journal = self.open_store(context)
        return store, Study.load(journal)


class ProposeOperator(ExperimentOperator):
    """Reads the file and the run's conf, opens the journal, and emits one slot per piece of work."""

    ui_color = "#d5e8f7"

    def __init__(self, *, file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file

    def execute(self, context: Any) -> list[int]:
        """Slot numbers (or lane numbers, beyond a thousand slots) to map the trial task over.

        Raises:
            AirflowFailException: the file or the run's conf is wrong; trying again won't help.
        """
        from automl_airflow.form import overrides_of
        from automl_core.spec.errors import SpecError
        from automl_core.spec.loader import load_experiment
        from automl_core.spec.overrides import apply_overrides
        from automl_core.storage import check_store
        from automl_core.study import Study

        conf = dict(context["dag_run"].conf or {})
        try:
            experiment = load_experiment(Path(self.file))
            experiment, changes = apply_overrides(experiment, overrides_of(experiment, conf))
            store, journal = self.open_store(context)
            check_store(store)
            study = Study.create(journal, experiment, context["run_id"], [change.to_json() for change in changes])
        except (SpecError, ValueError) as error:
            raise AirflowFailException(str(error)) from error
        state = study.state
        for change in changes:
            self.log.info("conf: %s: %r → %r", change.path, change.old, change.new)
        self.log.info("%s: %s", state.algorithm, state.plan["note"] or f"{state.plan['slots']} slots")
        self.log.info("journal: %s/%s", store.url, journal.prefix)
        context["ti"].xcom_push(
            key="search",
            value={
                "algorithm": state.algorithm, "plan": state.plan, "combinations": state.proposals[:50],
                "folder": f"{store.url}/{journal.prefix}",
            },
        )  # fmt: skip
        return list(range(state.lanes or state.plan["slots"]))


class TrialOperator(ExperimentOperator):
    """One slot (or lane) at one training task of its trial."""

    ui_color = "#e4f2dc"
    template_fields: Sequence[str] = ("slot",)  # inside a mapped task group Airflow resolves these alone

    def __init__(self, *, slot: int | None = None, task_index: int = 0, step_ids: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slot = slot
        self.task_index = task_index
        self.step_ids = step_ids
        self._run: LocalRun | None = None
        self.killed = False

    def execute(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Ask what to do, do it, and record what became of it.

        Raises:
            AirflowSkipException: nothing is left to do, or the trial was cancelled.
            AirflowException: the training failed and is to be tried again.
            AirflowFailException: the trial failed for good.
        """
        store, study = self.open_study(context)
        if study.state.lanes is not None:
            from automl_airflow.lanes import run_lane

            return run_lane(self, context, store, study)
        from automl_airflow.compat import release_lost, worker_name
        from automl_core.study import Binding, NotNow

        worker = worker_name()
        if self.task_index > 0:
            answer = study.resume(int(self.slot or 0), self.task_index, worker=worker)
        else:
            # Airflow limits instances of one task; several training tasks of a trial share one limit only here
            places = self.max_active_tis_per_dagrun if len(self.step_ids) == 1 else None
            answer = study.ask(self.slot, worker=worker, places=places)
            if isinstance(answer, NotNow) and release_lost(context, study, self.step_ids):
                answer = study.ask(self.slot, worker=worker, places=places)
        if isinstance(answer, NotNow):
            self.wait(context, answer)
        if not isinstance(answer, Binding):
            self.skip_unbound(context, study)
            raise AirflowSkipException(answer.reason)
        outcome, told = self.train(context, store, study, answer)
        return self.conclude(context, study, answer, outcome, told)

    def wait(self, context: Any, answer: NotNow) -> None:
        """Give the worker back until the journal has moved, and the place too where a retry needs it.

        Airflow counts deferred instances against the concurrency, and rescheduled ones not.
        """
        from automl_airflow.triggers import JournalTrigger

        self.log.info("waiting: %s", answer.reason)
        if answer.give_way:
            raise AirflowRescheduleException(datetime.now(UTC) + GIVE_WAY)
        trigger = JournalTrigger(self.storage, self.connection, self.experiment, context["run_id"], answer.seq)
        self.defer(trigger=trigger, method_name="execute", timeout=timedelta(days=30))

    def train(self, context: Any, store: ObjectStore, study: Study, binding: Binding) -> tuple[Outcome, Told]:
        """Run one attempt at one training task on this worker."""
        from automl_airflow.compat import name_map_index
        from automl_airflow.labels import running_label
        from automl_airflow.session import home
        from automl_core.running.local import LocalRun
        from automl_core.states import TrialState
        from automl_core.study import Outcome

        name_map_index(context, running_label(study, binding))
        self.log.info("trial %d, attempt %d: %s", binding.trial, binding.attempt, study.space.key(binding.params))
        self._run = LocalRun(study, store, binding, home=home(), emit=self.log.info)
        try:
            return self._run.run()
        except Exception as error:  # of ours, not of the training: the study must not take it for running
            self.log.exception("the attempt broke off")
            reason = f"the attempt broke off: {type(error).__name__}: {error}"
            outcome = Outcome(TrialState.FAILED, reason, retryable=True)
            return outcome, study.tell(binding, outcome)

    def conclude(self, context: Any, study: Study, binding: Binding, outcome: Outcome, told: Told) -> dict[str, Any]:
        """From an outcome to the state of the task instance."""
        from automl_airflow.compat import name_map_index
        from automl_airflow.labels import ended_label
        from automl_core.states import TrialState

        name_map_index(context, ended_label(study, binding, outcome))
        if told.stop is not None:
            self.log.info("the experiment ends: %s", told.stop.reason)
            self.skip_unbound(context, study)
        if not told.accepted:
            raise AirflowFailException("a later attempt at this trial has taken over; this one's result is not used")
        if outcome.state is TrialState.FAILED:
            message = f"trial {binding.trial}, attempt {binding.attempt}: {outcome.reason}"
            raise AirflowException(message) if told.retry else AirflowFailException(message)
        if not outcome.state.has_value:
            raise AirflowSkipException(outcome.reason)
        self.log.info("trial %d: %s %s", binding.trial, outcome.state, outcome.reason)
        return {
            "trial": binding.trial, "state": str(outcome.state), "value": outcome.value,
            "metrics": dict(outcome.metrics), "params": binding.params,
        }  # fmt: skip

    def skip_unbound(self, context: Any, study: Study) -> None:
        """Skip every slot that nothing will be bound to, all at once, when the experiment has stopped."""
        from automl_airflow.compat import skip_instances

        if study.state.stop is None or study.state.lanes is not None:
            return
        rest = [slot for slot in study.unbound() if slot != self.slot]
        skip_instances(context, [(step, slot) for slot in rest for step in self.step_ids])

    def on_kill(self) -> None:
        """The task was cleared or marked in the UI, or its worker is ending: end the training, record why."""
        from automl_core.states import TrialState

        self.killed = True
        if self._run is not None:
            self._run.kill(TrialState.USER_CANCELED, "ended from Airflow (cleared, marked, or its worker stopped)")


class ReduceOperator(ExperimentOperator):
    """Judges the whole and publishes. May be cleared and run again: it gives the same files."""

    ui_color = "#f7e6d5"

    def execute(self, context: Any) -> dict[str, Any]:
        """Close the experiment and publish it.

        Raises:
            AirflowFailException: the experiment failed; what there is was published.
        """
        from automl_core.results import publish_study
        from automl_core.states import ExperimentState

        try:
            _, study = self.open_study(context)
        except LookupError as error:
            raise AirflowFailException(f"nothing to publish: {error}; see the log of `propose`") from error
        stop = study.finish()
        published = publish_study(study)
        best = study.best()
        self.log.info("%s: %s", stop.state, stop.reason)
        self.log.info("result: %s", published.folder)
        result = {
            "state": stop.state, "reason": stop.reason, "result": published.folder,
            "best_trial": best[0] if best else None, "best_value": best[1] if best else None,
            "best_params": study.state.trials[best[0]].params if best else None,
        }  # fmt: skip
        context["ti"].xcom_push(key="result", value=result)
        if stop.state in (ExperimentState.FAILED, ExperimentState.SYS_CANCELED) or best is None:
            raise AirflowFailException(f"experiment {stop.state}: {stop.reason} (published in {published.folder})")
        return result
