"""The mapped trial task of an experiment that trains in MaxCompute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from automl_airflow.operators import ExperimentOperator
from automl_airflow.remote import RemoteTrial

if TYPE_CHECKING:
    from automl_airflow.watching import TrialTrigger
    from automl_core.backends.maxcompute.client import Client
    from automl_core.backends.maxcompute.run import Run
    from automl_core.running.statements import Statements
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study


class MaxComputeTrialOperator(RemoteTrial, ExperimentOperator):
    """One slot (or lane) at a training task of SQL statements and PAI commands.

    The worker submits the first statement; the trigger watches it and submits the others.
    """

    ui_color = "#fdebd3"
    backend = "maxcompute"
    template_fields: Sequence[str] = ("slot",)  # inside a mapped task group Airflow resolves these alone

    def __init__(
        self, *, slot: int | None = None, task_index: int = 0, step_ids: list[str], ahead: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.slot, self.task_index, self.step_ids, self.ahead = slot, task_index, step_ids, ahead
        self._run: Run | None = None

    def execute(self, context: Any, event: dict[str, Any] | str | None = None) -> Any:
        """Bind and start, or conclude what the trigger has watched (see `RemoteTrial.attend`)."""
        return self.attend(context, event)

    def launch(self, context: Any, study: Study, store: ObjectStore, binding: Binding) -> dict[str, Any]:
        """Submit the first statement, once (see `RemoteTrial.launch`).

        A service that can't take it now is left to the trigger, which waits without a worker.
        """
        from automl_core.backends.base import BackendError, StartError
        from automl_core.running.statements import ledger_of

        known = ledger_of(study.state.works[binding.slot].last_attempt(binding.task))
        if known is not None:
            return known.to_json()
        statements, client = self._prepare(study, store, binding)
        statements.places.prepare()
        try:
            ledger = self._ledger(study, statements, client)
            run = self._run = statements.open(client, ledger, finish=False)
            report = run.advance()
        except BackendError as error:
            self.log.warning("nothing could be submitted yet, the trigger goes on: %s", error)
            if self._run is None:
                raise StartError(str(error)) from error
            return self._run.ledger.to_json()
        for note in report.notes:
            self.log.info(note)
        return run.ledger.to_json()

    def is_there(self, study: Study, binding: Binding) -> bool:
        """Whether an instance of the attempt exists (see `RemoteTrial.is_there`)."""
        from automl_core.backends.base import BackendError
        from automl_core.backends.substitution import PlaceholderError
        from automl_core.running.statements import ledger_of

        if ledger_of(study.state.works[binding.slot].last_attempt(binding.task)) is not None:
            return True
        try:
            statements, client = self._prepare(study, study.journal.store, binding)
            ledger = self._ledger(study, statements, client)
            index = len(ledger.entries)
            step = statements.settings.steps[index] if index < len(statements.settings.steps) else None
            if step is None or step.once:
                return False
            name = statements.settings.names.of(step, index)
            return client.find(name, ledger.began - 300, command=step.command is not None) is not None
        except (BackendError, PlaceholderError):
            return False

    def watcher(self, context: Any, study: Study, binding: Binding, job: dict[str, Any]) -> TrialTrigger:
        """The trigger that watches the statements."""
        from automl_airflow.maxcompute.trigger import MaxComputeTrialTrigger
        from automl_core.spec.maxcompute import MaxComputeTask

        task = study.experiment.tasks[binding.task]
        assert isinstance(task, MaxComputeTask)
        self._run = None  # from here on they are the trigger's
        return MaxComputeTrialTrigger(
            storage=self.storage, connection=self.connection, experiment=self.experiment, run=context["run_id"],
            slot=binding.slot, task=binding.task, attempt=binding.attempt, root=study.journal.store.url, job=job,
            poll=task.poll, grace=0.0, stage=self.stage,
        )  # fmt: skip

    def on_kill(self) -> None:
        """The task was cleared or marked before a trigger had it: stop what was submitted."""
        self.killed = True
        if self._run is not None:
            self._run.order_end()

    def _prepare(self, study: Study, store: ObjectStore, binding: Binding) -> tuple[Statements, Client]:
        from automl_airflow.maxcompute.connection import access_of
        from automl_core.backends.base import BackendError, StartError
        from automl_core.backends.maxcompute.client import Client
        from automl_core.running.places import Places
        from automl_core.running.statements import Statements
        from automl_core.spec.maxcompute import MaxComputeTask

        places = Places(store, study.journal.prefix, binding, store.url)
        statements = Statements(study, binding, places)
        task = study.experiment.tasks[binding.task]
        assert isinstance(task, MaxComputeTask)
        try:
            client = Client(access_of(task.connection, task.project))
        except BackendError as error:
            raise StartError(str(error), systematic=True) from error
        return statements, client

    @staticmethod
    def _ledger(study: Study, statements: Statements, client: Client) -> Any:
        from automl_core.running.statements import earlier_ledger

        binding = statements.binding
        attempt = study.state.works[binding.slot].last_attempt(binding.task)
        began = attempt.started if attempt is not None else study.journal.clock()
        return statements.new_ledger(client, began, earlier_ledger(study, binding))
