"""Trial tasks whose training runs outside Airflow: start it, defer, and come back only where a worker must act."""

from __future__ import annotations

import importlib
import json
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from automl_airflow.slots import SlotTask

if TYPE_CHECKING:
    from automl_airflow.watching import TrialTrigger
    from automl_core.backends.remote import NotYet
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Answer, Binding, Ended, Study


PAUSE = timedelta(seconds=60)
"""How long a trial waits whose job can't be started for now."""

SWEEPERS = {
    "kubernetes": "automl_airflow.kubernetes.sweep:sweep",
    "custom_resource": "automl_airflow.kubernetes.resource_sweep:sweep",
    "maxcompute": "automl_airflow.maxcompute.sweep:sweep",
}
"""Backend → what ends all that an experiment has left running there; called by the reducer."""


def sweep(context: Any, study: Study) -> list[str]:
    """End whatever of an experiment still runs outside Airflow, and remove what was made for it.

    Returns:
        What could not be done, for people; empty when all is well.

    Raises:
        StorageUnavailable: the store is away, and knows what there is to end.
    """
    from automl_core.storage.base import StorageUnavailable

    problems = []
    for backend in sorted({task.backend for task in study.experiment.tasks} & SWEEPERS.keys()):
        module, _, name = SWEEPERS[backend].partition(":")
        try:
            getattr(importlib.import_module(module), name)(context, study)
        except StorageUnavailable:  # waited for
            raise
        except Exception as error:  # the result is published all the same
            problems.append(f"{backend}: {type(error).__name__}: {error}")
    return problems


class RemoteTrial(SlotTask):
    """Mixin of the operators whose training tasks run elsewhere. A subclass knows how to start and to find a job."""

    bound_now = False
    """Whether this very process has bound the attempt: nobody else can have started its job."""

    @abstractmethod
    def launch(self, context: Any, study: Study, store: ObjectStore, binding: Binding) -> dict[str, Any]:
        """Start the job of an attempt, once: a job of this very attempt that is there already is taken over.

        Returns:
            Where it is to be found; plain JSON without secrets.

        Raises:
            StartError: it can't be started; the message says why.
            NotYet: it can't be started for now.
        """

    @abstractmethod
    def is_there(self, study: Study, binding: Binding) -> bool:
        """Whether the job of an attempt exists, running or ended, though perhaps nobody knows to have started it."""

    @abstractmethod
    def watcher(self, context: Any, study: Study, binding: Binding, job: dict[str, Any]) -> TrialTrigger:
        """The trigger that watches a job."""

    def attend(self, context: Any, event: dict[str, Any] | str | None = None) -> Any:
        """What `execute` of such an operator does: bind and start, or conclude what a trigger has watched.

        Args:
            context: of the task instance.
            event: what its trigger handed over; a state's name where the trigger has ended the task and Airflow
                resumes it all the same. `airflow dags test` does (sdk/definitions/dag.py:1545); the end stands in the
                journal then, and is all that there is to conclude.

        Raises:
            AirflowFailException: a trigger has ended the task, and the journal knows of no end.
        """
        store, study = self.open_study(context)
        self.woken = event is not None
        if isinstance(event, dict) and "outcome" in event:
            if study.state.lanes is None:
                return self._conclude(context, study, event)
            self.log.info("trial ended: %s %s", event["outcome"]["state"], event["outcome"]["reason"])
        if isinstance(event, str):
            from airflow.sdk.exceptions import AirflowFailException

            from automl_core.study import Ended
            from automl_core.study.telling import end_of

            slot = int(self.slot or 0)
            end = end_of(study.state, slot, self.task_index)
            if end is None:
                raise AirflowFailException(f"its trigger has ended the task as {event}, but no end is in the journal")
            return self.conclude_again(context, study, Ended(study.binding(slot, self.task_index), end))
        from automl_core.backends.remote import NotYet
        from automl_core.study import Ended

        try:
            binding = self._left_running(study)
        except NotYet as error:
            self._pause(error)
        if binding is None:
            answer = self._next(context, study)
            if isinstance(answer, Ended):
                return self.conclude_again(context, study, answer)
            binding, self.bound_now = answer, True
        self._start(context, study, store, binding)
        return None

    def start_again(self, context: Any, event: Any = None) -> Any:
        """Go on after a pause: the same attempt, of which nothing runs yet, unless it is not to run any more.

        Args:
            context: of the task instance.
            event: of the trigger that waited.
        """
        from automl_core.states import NEVER_BEGAN
        from automl_core.study import Outcome

        store, study = self.open_study(context)
        binding = self._unfinished(study)
        if binding is None:
            return self.attend(context)
        order = self.patiently(lambda: study.order(binding))
        if order is None:
            return self._start(context, study, store, binding)
        outcome = Outcome(*order, kind=NEVER_BEGAN)
        told = self.patiently(lambda: study.tell(binding, outcome))
        return self.attend(context) if study.state.lanes else self.conclude(context, study, binding, outcome, told)

    def _pause(self, error: NotYet) -> NoReturn:
        """Give the worker back, and keep the place: Airflow counts a deferred instance."""
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.log.warning("it is tried again in %.0f s: %s", PAUSE.total_seconds(), error)
        self.defer(trigger=TimeDeltaTrigger(PAUSE), method_name="start_again")
        raise AssertionError("a task that has deferred goes on")

    def _next(self, context: Any, study: Study) -> Binding | Ended:
        if study.state.lanes is None:
            return self.bind(context, study)
        from automl_airflow.compat import worker_name
        from automl_core.study import Binding, Ended, NotNow

        def ask() -> Answer:
            return study.ask(lane=int(self.slot or 0), worker=worker_name())

        answer = self.patiently(ask)
        if isinstance(answer, NotNow) and answer.full and self.ahead:
            answer = self.wait_ahead(context, study, answer, ask)
        if isinstance(answer, NotNow):
            self.wait(context, answer, study)
        assert not isinstance(answer, Ended), "a lane asks for what is unfinished"
        if not isinstance(answer, Binding):
            from airflow.sdk.exceptions import AirflowSkipException

            raise AirflowSkipException(f"the lane ends: {answer.reason}")
        return answer

    def _left_running(self, study: Study) -> Binding | None:
        """The attempt whose worker died between starting its job and handing it to a trigger."""
        binding = self._unfinished(study)
        return binding if binding is not None and self.is_there(study, binding) else None

    def _unfinished(self, study: Study) -> Binding | None:
        """The attempt of this slot (or lane) that nobody has told the end of."""
        slot = int(self.slot or 0)
        if study.state.lanes is not None:
            mine = [work.slot for work in study.state.unended if work.lane == slot]
            if not mine:
                return None
            slot = mine[0]
        return study.unfinished(slot, self.task_index)

    def _start(self, context: Any, study: Study, store: ObjectStore, binding: Binding) -> None:
        from automl_airflow.data_access import look_at_data
        from automl_core.backends.base import StartError
        from automl_core.backends.remote import NotYet
        from automl_core.backends.substitution import PlaceholderError
        from automl_core.running.attempt import not_started

        self.announce(context, study, binding)
        self.patiently(lambda: look_at_data(study, binding, context, self.log))
        self._record_reads(study, binding)
        try:
            job = self.patiently(lambda: self.launch(context, study, store, binding))
        except NotYet as error:
            self._pause(error)
        except (StartError, PlaceholderError) as error:
            outcome = not_started(study, binding, error)
            told = self.patiently(lambda: study.tell(binding, outcome))
            self.conclude(context, study, binding, outcome, told)
            return
        self.patiently(lambda: study.external(binding, json.dumps(job, sort_keys=True)))
        self.defer(trigger=self.watcher(context, study, binding, job), method_name="execute")

    def _record_reads(self, study: Study, binding: Binding) -> None:
        """Of a closed run: what the attempt is given to read stands in the audit before it starts."""
        from automl_airflow.closed import is_closed

        if study.state.inputs and is_closed(study.experiment):
            from automl_core.running.reads import record_reads

            self.patiently(lambda: record_reads(study, binding))

    def _conclude(self, context: Any, study: Study, event: dict[str, Any]) -> dict[str, Any]:
        from automl_core.states import TrialState
        from automl_core.study import Outcome, Told

        given = dict(event["outcome"])
        outcome = Outcome(**{**given, "state": TrialState(given["state"]), "curve": ()})
        told = Told(accepted=bool(event["accepted"]), retry=bool(event["retry"]), stop=study.state.stop)
        return self.conclude(context, study, study.binding(int(event["slot"]), self.task_index), outcome, told)
