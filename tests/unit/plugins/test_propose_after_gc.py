"""A run that begins in a folder which housekeeping has not emptied to the end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from automl_airflow.operators import ProposeOperator
from automl_core.housekeeping import BeingDeleted
from automl_core.housekeeping.mark import FRESH, Mark, first_record, write_mark
from automl_core.storage.folder import FolderStore
from automl_core.study import Study, StudyJournal
from tests.unit.plugins.files import body, write
from tests.unit.plugins.test_operators import TaskInstance, prints


def test_propose_finishes_the_deletion_first_and_waits_for_one_that_goes_on(tmp_path: Path) -> None:
    file = write(tmp_path, "first.yaml", body(tasks=prints("accuracy=${x}")))
    where = {"storage": f"file://{tmp_path}/runs", "connection": None, "experiment": "first"}
    context = {"run_id": "one", "ti": TaskInstance({}), "dag_run": type("Run", (), {"conf": {}})()}
    propose = ProposeOperator(task_id="propose", file=str(file), **where)
    propose.execute(context)
    store, prefix = FolderStore(tmp_path / "runs"), "first/one/"
    Study.load(StudyJournal(store, prefix)).ask(0)
    first = first_record(store, prefix)
    assert first is not None
    seq = StudyJournal(store, prefix).refresh().seq
    write_mark(store, prefix, Mark(first.id, seq, time.time(), "ann"))
    with pytest.raises(BeingDeleted, match="is being deleted by ann"):
        propose.execute(context)
    assert first_record(store, prefix) == first
    write_mark(store, prefix, Mark(first.id, seq, time.time() - FRESH, "ann"))
    store.delete("first/one/journal-snapshot.json")
    store.delete("first/one/journal/0000000001.json")  # as far as it came before it was killed
    propose.execute(context)
    state = StudyJournal(store, prefix).refresh()
    assert state.trials == []  # nothing of the run before mixes with this one
    assert not state.skipped
    assert store.list("first/one/housekeeping.json") == []
