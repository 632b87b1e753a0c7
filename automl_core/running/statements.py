"""An attempt that trains in MaxCompute: from the study's binding to the statements that run, and what they leave."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from automl_core.backends.contract import TrialContext, substitute
from automl_core.backends.maxcompute.client import Client
from automl_core.backends.maxcompute.ddl import is_own
from automl_core.backends.maxcompute.ledger import Ledger, reusable
from automl_core.backends.maxcompute.plan import JobNames, plan, temporary_prefix
from automl_core.backends.maxcompute.rendering import render_name
from automl_core.backends.maxcompute.run import Run, Settings
from automl_core.backends.remote import Unreachable
from automl_core.running.data import data_of
from automl_core.running.once import StoredBoard
from automl_core.running.places import Places, context_of
from automl_core.spec.maxcompute import MaxComputeTask, RowMetrics
from automl_core.storage.base import StorageError
from automl_core.study import Binding, Study
from automl_core.study.state import Attempt

MODEL_NOTE = "model.json"
"""File of the model folder that says where in MaxCompute the model is."""


class Statements:
    """The statements of one attempt. Made on the study's state as last read; the study is not touched later."""

    def __init__(self, study: Study, binding: Binding, places: Places) -> None:
        """Fill in the statements.

        Raises:
            PlaceholderError: a ``${…}`` can't be filled in.
            TypeError: the training task is not one for MaxCompute.
        """
        task = study.experiment.tasks[binding.task]
        if not isinstance(task, MaxComputeTask):
            raise TypeError(f"{task.name} is no MaxCompute training task")
        self.task, self.binding, self.places = task, binding, places
        context = context_of(study, binding, places)
        self.context: TrialContext = replace(context, data=data_of(study, Path()).seen_by_sql())
        self.prefix = temporary_prefix(task, self.context)
        limits = [limit for limit in (task.timeout, study.experiment.trials.timeout) if limit is not None]
        place = f"{places.store.url}/{places.prefix}"
        self.settings = Settings(
            steps=tuple(plan(task, self.context)),
            names=JobNames(place, binding.slot, binding.task, binding.attempt),
            priority=task.priority,
            metrics=task.metrics if isinstance(task.metrics, RowMetrics) else None,
            timeout=min(limits, default=None),
            logview=task.logview,
        )

    def new_ledger(self, client: Client, began: float, earlier: Ledger | None) -> Ledger:
        """The ledger to begin with: what an earlier attempt did well need not be done again.

        Args:
            client: of the project.
            began: when the attempt began, seconds since 1970.
            earlier: that of the attempt before, None without.
        """
        ledger = Ledger(self.task.connection, client.access.project, began)
        if earlier is None or not self.binding.retried or self.task.tables.drop == "always":
            return ledger
        if earlier.project != ledger.project:
            return ledger
        kept = reusable(self.settings.steps, earlier.entries, lambda instance: client.state(instance) == "Success")
        return Ledger(ledger.connection, ledger.project, began, kept)

    def open(
        self, client: Client, ledger: Ledger, *, record: Callable[[Ledger], None] = lambda _: None, finish: bool = True
    ) -> Run:
        """The run of these statements.

        Args:
            client: of the project.
            ledger: what was submitted so far.
            record: remembers the ledger.
            finish: whether to keep what the statements made when they are done.
        """
        board = StoredBoard(self.places.store, self.places.prefix)
        keep: Callable[[], list[str]] = (lambda: self.keep(client)) if finish else list
        return Run(self.settings, client, ledger, board=board, record=record, finish=keep)

    def keep(self, client: Client) -> list[str]:
        """Export tables to the model folder and note where the model is. Returns notes for people.

        Raises:
            Unreachable: the service or the store can't be asked now.
            Refused: a table can't be read.
        """
        notes = []
        try:
            for table, file in self.task.export.items():
                name = render_name(table, self.context)
                with tempfile.TemporaryDirectory(prefix="automl-") as folder:
                    copy = Path(folder) / "table.csv"
                    count = client.export_table(name, copy)
                    self.places.store.upload_file(copy, self.places.model + substitute(file, self.context))
                notes.append(f"table {name}: {count} rows written to {file} in the model folder")
            if self.task.model is not None:
                body = json.dumps(self.model(client.access.project), indent=2, sort_keys=True) + "\n"
                self.places.store.put(self.places.model + MODEL_NOTE, body.encode())
        except StorageError as error:
            raise Unreachable(f"what the trial made can't be stored now: {error}") from error
        return notes

    def model(self, project: str) -> dict[str, str]:
        """Where the model is, as the result records it."""
        model = self.task.model
        assert model is not None
        if model.table is not None:
            return {"kind": "table", "project": project, "table": render_name(model.table, self.context)}
        if model.offline_model is not None:
            name = render_name(model.offline_model, self.context)
            return {"kind": "offline_model", "project": project, "offline_model": name}
        return {"kind": "export", "project": project, "url": substitute(model.export or "", self.context)}

    def clean(self, run: Run) -> None:
        """Drop the trial's temporary tables, where the file says so and the attempt has ended.

        Raises:
            BackendError: they can't be dropped now.
        """
        drop, prefix, ended = self.task.tables.drop, self.prefix, run.exit
        if prefix is None or ended is None or drop == "never":
            return
        if drop == "always" or ended.ok:
            run.client.drop_tables(prefix, lambda name: is_own(name, prefix))


def ledger_of(attempt: Attempt | None) -> Ledger | None:
    """What the journal has of an attempt's instances."""
    return Ledger.from_text(attempt.external) if attempt is not None and attempt.external else None


def earlier_ledger(study: Study, binding: Binding) -> Ledger | None:
    """What the journal has of the attempt before, at the same training task."""
    work = study.state.works.get(binding.slot)
    before = [a for a in (work.attempts if work else ()) if a.task == binding.task and a.number < binding.attempt]
    return next((found for attempt in reversed(before) if (found := ledger_of(attempt)) is not None), None)


def stop_all(client: Client, instances: set[str]) -> list[str]:
    """Stop those of some instances that still run. Returns which.

    Raises:
        BackendError: the service can't be asked.
    """
    left = sorted(instances & client.running()) if instances else []
    for instance in left:
        client.stop(instance)
    return left
