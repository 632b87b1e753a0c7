"""Ending what an experiment has left running in MaxCompute: the reducer's last look around."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from automl_core.running.once import StoredBoard
from automl_core.running.statements import ledger_of, stop_all
from automl_core.spec.maxcompute import MaxComputeTask

if TYPE_CHECKING:
    from automl_core.study import Study

log = logging.getLogger(__name__)


def sweep(context: Any, study: Study) -> None:
    """Stop every instance of a run that still runs.

    Raises:
        BackendError: a project can't be asked.
        StorageError: the store can't.
    """
    from automl_airflow.maxcompute.connection import access_of
    from automl_core.backends.maxcompute.client import Client

    shared = set(StoredBoard(study.journal.store, study.journal.prefix).instances())
    known = {
        index: {
            entry.instance
            for work in study.state.works.values()
            for attempt in work.attempts
            if attempt.task == index and (ledger := ledger_of(attempt)) is not None
            for entry in ledger.entries
        }
        for index, task in enumerate(study.experiment.tasks)
        if isinstance(task, MaxComputeTask)
    }
    for index, instances in known.items():
        task = study.experiment.tasks[index]
        assert isinstance(task, MaxComputeTask)
        for instance in stop_all(Client(access_of(task.connection, task.project)), instances | shared):
            log.warning("instance %s was still running: stopped", instance)
