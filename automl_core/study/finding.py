"""Where a run lies that exists already: in its own folder, or in one that an earlier build gave it."""

from __future__ import annotations

from automl_core.journal import JOURNAL, BadRecord, decode, key_of
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import experiment_prefix, folders_of, safe


def find_prefix(store: ObjectStore, name: str, run: str, *, by_folder: bool = False) -> str:
    """The folder of one run of an experiment, ending with '/'; of nearly every id known without a look.

    Args:
        store: the model storage path.
        name: of the experiment.
        run: the run's id.
        by_folder: whether a folder's name stands for the run that lies in it, whatever that run's id is.

    Raises:
        StorageError: the store is away.
    """
    own, *others = (f"{safe(name)}/{folder}/" for folder in folders_of(run))
    if others and _run_at(store, own) is None:
        for prefix in others:
            found = _run_at(store, prefix)
            if found == run or (by_folder and found is not None):
                return prefix
    return experiment_prefix(name, run)


def _run_at(store: ObjectStore, prefix: str) -> str | None:
    """The id of the run that lies in a folder, None where none does."""
    try:
        return str(decode(store.get(f"{prefix}{JOURNAL}{key_of(1)}"), 1).record.data.get("run", ""))
    except (NotFound, BadRecord):
        return None
