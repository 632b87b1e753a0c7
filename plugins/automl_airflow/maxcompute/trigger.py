"""The trigger of a trial in MaxCompute."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_airflow.threads import threads_of
from automl_airflow.watching import TrialTrigger

if TYPE_CHECKING:
    from automl_core.backends.base import Exit
    from automl_core.backends.maxcompute.hub import Hub
    from automl_core.backends.maxcompute.job import SqlJob
    from automl_core.backends.maxcompute.ledger import Ledger
    from automl_core.backends.remote import RemoteJob
    from automl_core.metrics.sources import MetricSource
    from automl_core.study import Binding


class MaxComputeTrialTrigger(TrialTrigger):
    """Watches the statements of one attempt, and submits the next when one has ended."""

    _hub: Hub | None = None
    _job: SqlJob | None = None

    async def find(self) -> RemoteJob:
        """The statements of the attempt, as far as its instances are known."""
        from automl_airflow.maxcompute.hubs import borrow

        if self._hub is None:
            self._hub = await borrow(str(self.job["connection"]), str(self.job["project"]))
        self._job = await self.threads.call(self._open, self._hub)  # it reads the journal
        return self._job

    def source(self, binding: Binding, spool: Path) -> MetricSource:
        """Metrics from the rows of a query, or as with any other backend."""
        from automl_core.metrics.rows import RowSource
        from automl_core.spec.maxcompute import RowMetrics

        assert self._shared is not None
        metrics = self._shared.study.experiment.tasks[self.task_index].metrics
        return RowSource() if isinstance(metrics, RowMetrics) else super().source(binding, spool)

    def price(self, status: Exit) -> float:
        """What the attempt cost: by what its instances used, and by time where the file has a price for that."""
        from automl_core.spec.maxcompute import MaxComputeTask

        assert self._shared is not None
        task = self._shared.study.experiment.tasks[self.task_index]
        cost = super().price(status)
        if self._job is not None and isinstance(task, MaxComputeTask):
            usage = self._job.usage
            cost += usage.cu_seconds / 3600 * task.prices.cu_hour + usage.input_bytes / 1e9 * task.prices.input_gb
        return cost

    async def close(self) -> None:
        """Let go of the hub too."""
        await super().close()
        if self._hub is not None:
            from automl_airflow.maxcompute.hubs import give_back

            hub, self._hub = self._hub, None
            give_back(hub)

    def _open(self, hub: Hub) -> SqlJob:
        """Fill in the statements and go on where the journal says that the attempt is."""
        from automl_airflow.studies import shared_study
        from automl_core.backends.maxcompute.job import SqlJob
        from automl_core.backends.maxcompute.ledger import Ledger
        from automl_core.running.places import Places
        from automl_core.running.statements import Statements, ledger_of

        shared = shared_study(self.storage, self.connection, self.experiment, self.run_id, self.stage)
        with shared.lock:
            study = shared.study
            binding = replace(study.binding(self.slot, self.task_index), attempt=self.attempt)
            attempts = study.state.works[self.slot].attempts
            mine = next((a for a in attempts if a.task == self.task_index and a.number == self.attempt), None)
            ledger = ledger_of(mine) or Ledger.from_json(self.job)
            places = Places(shared.store, study.journal.prefix, binding, self.root)
            statements = Statements(study, binding, places)
        run = statements.open(hub.client, ledger, record=lambda known: self._remember(binding, known))
        return SqlJob(hub, run, self.interval(), cleanup=statements.clean, call=self._call)

    async def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call what asks MaxCompute and writes into the store: in threads of that store, apart from its own."""
        return await threads_of(self.storage, self.connection, "statements").call(function, *args)

    def _remember(self, binding: Binding, ledger: Ledger) -> None:
        """Write to the journal which instances there are.

        Raises:
            Unreachable: the store is away.
        """
        from automl_core.backends.remote import Unreachable
        from automl_core.storage.base import StorageError

        assert self._shared is not None
        try:
            with self._shared.lock:
                self._shared.study.external(binding, json.dumps(ledger.to_json(), sort_keys=True))
        except StorageError as error:
            raise Unreachable(f"the journal can't be reached: {error}") from error
