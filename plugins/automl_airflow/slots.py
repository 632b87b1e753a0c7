"""What every trial task does, wherever its training runs: ask, wait, and turn an outcome into a task's state.

Mixins without a base of Airflow's, so that the same holds for an operator of ours and for a subclass of
KubernetesPodOperator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSkipException,
)

from automl_airflow.assets import AssetsFromItsFile

if TYPE_CHECKING:
    from automl_core.spec.stages import StageName
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Answer, Binding, Ended, NotNow, Outcome, Study, Told

T = TypeVar("T")

GIVE_WAY = timedelta(seconds=10)
"""How long a slot that waits leaves its place to trials that are to be tried again."""

LONGEST_WAIT = 600.0
"""Seconds after which a slot that waits for a moment rather than for the journal asks again all the same."""


class ExperimentTask(AssetsFromItsFile):
    """A task that knows where its experiment's journal lies."""

    storage: str
    connection: str | None
    experiment: str
    stage: StageName | None = None
    """The stage that it belongs to; None for what belongs to the experiment as a whole, and for trials."""
    made_from: dict[str, Any] | None = None
    """The template version that the file names now: name, version and digest; None without."""
    _asked_where = False
    killed = False
    """Whether the task was cleared or marked, or its worker is ending."""
    if TYPE_CHECKING:  # of Airflow's operators, which come after this class in the order of bases
        log: Any

    def open_store(self, context: Any) -> tuple[ObjectStore, Any]:
        """The store and journal of this DAG run, whatever the stage."""
        from automl_airflow.session import open_journal

        return open_journal(self.storage, self.connection, self.experiment, context["run_id"])

    def open_study(self, context: Any) -> tuple[ObjectStore, Study]:
        """The study of this DAG run, or of the task's stage.

        Raises:
            AirflowSkipException: there is nothing for the stage to do.
        """
        from automl_airflow.reporting import report
        from automl_core.study import Study

        def load() -> tuple[ObjectStore, Study]:
            store, journal = self.open_store(context)
            if self.stage is not None:
                from automl_airflow.compat import generation_of
                from automl_airflow.stages import open_stage

                index = getattr(self, "task_index", 0)
                return store, open_stage(Study.load(journal), self.stage, index, generation_of(context))
            return store, report(Study.load(journal))

        def load_where_it_began() -> tuple[ObjectStore, Study]:
            try:
                return load()
            except Exception as error:  # of every kind: an edited address may name no journal, store or connection
                if not self._moved_back(context, error):
                    raise
                return load()

        return self.patiently(load_where_it_began)

    def check_template(self, study: Study) -> None:
        """See that the template version which the run began with is what it was.

        Raises:
            AirflowFailException: it has changed.
        """
        if self.made_from is None:
            return
        from automl_core.spec.template import TemplateVersion
        from automl_core.templates.changed import why_changed

        problem = why_changed(study.experiment.template, TemplateVersion.model_validate(self.made_from))
        if problem:
            raise AirflowFailException(problem)

    def _moved_back(self, context: Any, why: Exception) -> bool:
        """Whether the run began elsewhere than the DAG says now; the task looks there from now on."""
        from automl_airflow.began import Beginning, told_by_propose

        if self._asked_where:
            return False
        self._asked_where = True
        began = told_by_propose(context)
        if began is None or began == Beginning.of(self):
            return False
        self.log.warning("%s: the file was edited since the run began; it goes on in %s", why, began.storage)
        began.apply(self)
        return True

    def patiently(self, call: Callable[[], T], *, most: float = float("inf"), refused: bool = True) -> T:
        """Do something with the store, waiting for one that is away: an outage is nobody's failure.

        Args:
            call: done again from its beginning.
            most: seconds to wait, where the deployment has more patience.
            refused: whether to wait for credentials that are refused, too. They were good when the experiment began
                (`propose` tries everything), so somebody is changing them; only `propose` fails at once.
        """
        from automl_airflow.session import patience
        from automl_core.running.patience import patiently

        return patiently(
            call, patience=min(most, patience()), refused=refused, say=self.log.warning, wanted=lambda: not self.killed
        )


class SlotTask(ExperimentTask):
    """One slot (or lane) at one training task of its trial.

    Attributes:
        slot: number of the slot, or of the lane.
        task_index: index of the training task.
        step_ids: ids of the Airflow tasks of all training tasks, in order.
        backend: what it runs trainings with.
        ahead: slots that Airflow lets start beyond the places, see `ahead`.
        woken: whether a trigger has started this process: it asks, whoever comes first.
    """

    slot: int | None
    task_index: int
    step_ids: list[str]
    ahead: int = 0
    woken: bool = False
    backend: ClassVar[str]

    def open_study(self, context: Any) -> tuple[ObjectStore, Study]:
        """The study of this DAG run.

        Raises:
            AirflowFailException: the file's training tasks are others than those that the run began with, or its
                template has changed.
        """
        from automl_airflow.began import edited_tasks

        store, study = super().open_study(context)
        problem = edited_tasks(study, self.step_ids, self.task_index, self.backend)
        if problem:
            raise AirflowFailException(problem)
        self.check_template(study)
        return store, study

    if TYPE_CHECKING:
        max_active_tis_per_dagrun: int | None
        defer: Any

    def bind(self, context: Any, study: Study) -> Binding | Ended:
        """What this slot is to do now; or how its attempt ended, where only the answer was lost.

        Raises:
            AirflowSkipException: nothing is left to do.
            TaskDeferred: nothing now; the task goes on when the journal has moved.
        """
        from automl_airflow.compat import name_map_index
        from automl_airflow.labels import NOT_NEEDED
        from automl_core.study import Binding, Ended, NotNow

        if self._comes_too_early(study):
            answer: Answer = NotNow("others that wait have the first claim on the places", study.state.seq, full=True)
        else:
            answer = self.patiently(lambda: self._ask(context, study))
        if isinstance(answer, NotNow) and answer.full and self.ahead:
            answer = self.wait_ahead(context, study, answer, lambda: self._ask(context, study))
        if isinstance(answer, NotNow):
            self.wait(context, answer, study)
        if not isinstance(answer, Binding | Ended):
            name_map_index(context, NOT_NEEDED)
            self.skip_unbound(context, study)
            raise AirflowSkipException(answer.reason)
        return answer

    def _ask(self, context: Any, study: Study) -> Answer:
        from automl_airflow.compat import generation_of, release_lost, stands_outside, states_of, worker_name
        from automl_airflow.figures import suggesting
        from automl_core.study import NotNow

        worker, generation = worker_name(), generation_of(context)
        if self.task_index > 0:
            return study.resume(int(self.slot or 0), self.task_index, worker=worker, generation=generation)
        # Airflow limits instances of one task; several training tasks of a trial share one limit only here
        places = self.max_active_tis_per_dagrun if len(self.step_ids) == 1 else None
        with suggesting(study):
            answer = study.ask(self.slot, worker=worker, places=places, generation=generation)
        ahead = isinstance(answer, NotNow) and answer.full and self.ahead > 0  # it looks when it gives its worker back
        if isinstance(answer, NotNow) and not ahead:
            states = states_of(context, self.step_ids)
            if release_lost(context, study, self.step_ids, states):
                answer = study.ask(self.slot, worker=worker, places=places, generation=generation)
            if isinstance(answer, NotNow) and stands_outside(study, states, self.step_ids):
                answer = replace(answer, give_way=True)
        return answer

    def wait_ahead(self, context: Any, study: Study, answer: NotNow, ask: Callable[[], Answer]) -> Answer:
        """Wait alive while a place is expected soon, then without a worker.

        Returns:
            What the study says once it is no longer for want of a place.

        Raises:
            AirflowException: the task was ended meanwhile.
            AirflowRescheduleException: whom it waits for needs Airflow's place.
            TaskDeferred: no place is expected soon.
        """
        from automl_airflow.ahead import seats, stay
        from automl_airflow.machine import seat
        from automl_airflow.naming import waiting
        from automl_core.study import NotNow

        slot, lane = self._who(study)
        wait = waiting(lambda: self._name_waiting(context))
        self.log.info("waiting ahead of its place: %s", answer.reason)
        self.make_ready(study)
        while True:
            with seat("waiting", seats()) as seated:
                said = self.patiently(
                    partial(
                        stay, study, answer, ask, slot=slot, lane=lane, wanted=lambda: not self.killed, alive=seated,
                        wait=wait)
                )  # fmt: skip
            if not isinstance(said, NotNow):  # bound in the last moment, perhaps: then it is the trial that was ended
                return said
            if self.killed:
                raise AirflowException("ended while it waited for a place")
            if not said.full:
                return said
            if lane is None and self._looks_after_others(context, study):
                answer = said
                continue
            self._wait_for_a_place(context, study, in_turn=not seated)

    def _who(self, study: Study) -> tuple[int | None, int | None]:
        """Slot and lane: the one that this task is, and None."""
        return (self.slot, None) if study.state.lanes is None else (None, int(self.slot or 0))

    def _comes_too_early(self, study: Study) -> bool:
        """Whether not even to ask: slots that start together would race for places that the first are to have."""
        from automl_core.study.progress import exhausted_by

        asks = self.woken or self.slot in study.state.works or study.state.stop is not None
        return self.ahead > 0 and not (asks or exhausted_by(study.state, study.experiment) or self._is_in_turn(study))

    def _is_in_turn(self, study: Study) -> bool:
        """Whether a place is free that no other slot has the first claim on."""
        from automl_core.study.places import is_in_turn

        return is_in_turn(study.state, study.experiment, *self._who(study))

    def _name_waiting(self, context: Any) -> None:
        from automl_airflow.compat import name_map_index
        from automl_core.study.places import WAITING

        name_map_index(context, WAITING)

    def _wait_for_a_place(self, context: Any, study: Study, *, in_turn: bool = False) -> None:
        from automl_airflow.ahead import patience_of
        from automl_airflow.places import PlaceTrigger

        self._name_waiting(context)
        trigger = PlaceTrigger(
            self.storage, self.connection, self.experiment, context["run_id"], *self._who(study), patience_of(study),
            in_turn=in_turn,
        )  # fmt: skip
        self.defer(trigger=trigger, method_name="execute", timeout=timedelta(days=30))

    def _looks_after_others(self, context: Any, study: Study) -> bool:
        """Note the trials whose worker was lost, as whoever waits does. Returns whether a place may be free now.

        Raises:
            AirflowRescheduleException: one of them needs Airflow's place to go on.
        """
        from automl_airflow.compat import release_lost, stands_outside, states_of

        states = states_of(context, self.step_ids)
        if self.patiently(lambda: release_lost(context, study, self.step_ids, states)):
            return True
        if stands_outside(study, states, self.step_ids):
            self.log.info("making room for a trial whose worker was lost")
            raise AirflowRescheduleException(datetime.now(UTC) + GIVE_WAY)
        return False

    def make_ready(self, study: Study) -> None:
        """Do what starting a training needs before it has a place: what takes time and decides nothing."""
        _ = study.algorithm

    def announce(self, context: Any, study: Study, binding: Binding) -> None:
        """Name the task instance after its trial, and say in its log what it is about."""
        from automl_airflow.compat import name_map_index
        from automl_airflow.labels import running_label

        if self.stage is not None:
            self.log.info("%s, attempt %d", self.stage, binding.attempt)
            return
        name_map_index(context, running_label(study, binding))
        self.say_trial(study, binding)

    def say_trial(self, study: Study, binding: Binding) -> None:
        """Say in the task's log which trial it is."""
        self.log.info("trial %d, attempt %d: %s", binding.trial, binding.attempt, study.space.key(binding.params))

    def subject(self, binding: Binding) -> str:
        """Whose attempt it is, for people."""
        return self.stage or f"trial {binding.trial}"

    def wait(self, context: Any, answer: NotNow, study: Study) -> None:
        """Give the worker back until the journal has moved, and the place too where a retry needs it.

        Airflow counts deferred instances against the concurrency, and rescheduled ones not. A slot ahead whose turn has
        not come is no better off for each record: a worker would be started for nothing.
        """
        from automl_airflow.triggers import JournalTrigger

        self.log.info("waiting: %s", answer.reason)
        if answer.give_way:
            raise AirflowRescheduleException(datetime.now(UTC) + GIVE_WAY)
        if self.ahead and not self._is_in_turn(study):
            self._wait_for_a_place(context, study, in_turn=True)
        more = {} if answer.patience is None else {"patience": min(answer.patience, LONGEST_WAIT)}
        trigger = JournalTrigger(
            self.storage, self.connection, self.experiment, context["run_id"], answer.seq, stage=self.stage, **more
        )
        self.defer(trigger=trigger, method_name="execute", timeout=timedelta(days=30))

    def conclude(self, context: Any, study: Study, binding: Binding, outcome: Outcome, told: Told) -> dict[str, Any]:
        """From an outcome to the state of the task instance.

        Raises:
            AirflowException: the training failed and is to be tried again.
            AirflowFailException: it failed for good.
            AirflowSkipException: it was cancelled.
        """
        from automl_airflow.compat import name_at_its_end
        from automl_airflow.labels import ended_label
        from automl_core.states import TrialState

        if self.stage is None:
            name_at_its_end(context, ended_label(study, binding, outcome))
        if told.stop is not None:
            self.log.info("the experiment ends: %s", told.stop.reason)
            self.skip_unbound(context, study)
        if not told.accepted:
            raise AirflowFailException("a later attempt has taken over; this one's result is not used")
        if outcome.state is TrialState.FAILED:
            message = f"{self.subject(binding)}, attempt {binding.attempt}: {outcome.reason}"
            raise AirflowException(message) if told.retry else AirflowFailException(message)
        if not outcome.state.has_value:
            raise AirflowSkipException(outcome.reason)
        self.log.info("%s: %s %s", self.subject(binding), outcome.state, outcome.reason)
        return result_of(binding, outcome)

    def conclude_again(self, context: Any, study: Study, ended: Ended) -> dict[str, Any]:
        """What `conclude` does, for an attempt whose end is told already: nothing is trained for it once more."""
        from automl_core.study import Told

        self.log.info("%s, attempt %d has ended already", self.subject(ended.binding), ended.binding.attempt)
        told = Told(accepted=True, stop=study.state.stop)
        return self.conclude(context, study, ended.binding, ended.outcome, told)

    def skip_unbound(self, context: Any, study: Study) -> None:
        """Skip every slot that nothing will be bound to, all at once, when the experiment has stopped."""
        from automl_airflow.compat import skip_instances

        if study.state.stop is None or study.state.lanes is not None:
            return
        rest = [slot for slot in study.unbound() if slot != self.slot]
        skip_instances(context, [(step, slot) for slot in rest for step in self.step_ids])


def result_of(binding: Binding, outcome: Outcome) -> dict[str, Any]:
    """What a trial's task instance returns, for people who look at its XCom."""
    return {
        "trial": binding.trial, "state": str(outcome.state), "value": outcome.value,
        "metrics": dict(outcome.metrics), "params": binding.params,
    }  # fmt: skip
