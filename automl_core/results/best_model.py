"""The folder best_model/: everything of the best trial, and nothing of any other."""

from __future__ import annotations

from collections.abc import Mapping

from automl_core.results.names import BEST_MODEL, STATUS
from automl_core.results.writing import copy_all, put_all
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import LOG_FILE, METRICS_FILE, MODEL_FOLDER, trial_prefix

_TRIES = 3
"""Times that a model is copied, should its trial replace it meanwhile."""

_MARK = BEST_MODEL + STATUS
"""Written last, and taken away first when something else is to come: where it stands, the folder is whole."""


def publish_best_model(
    store: ObjectStore, prefix: str, trial: int | None, files: Mapping[str, bytes], *, afresh: bool,
    model: str | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Bring best_model/ in line with the best trial.

    Args:
        store: where the experiment lies.
        prefix: the experiment's folder in it.
        trial: number of the best trial; None removes the folder.
        files: the derived files of the folder, by name below the experiment's folder.
        afresh: copy the model even where the folder is that of the same attempts already.
        model: folder in the store with the model to be published in place of the trial's own, ending with '/'.

    Returns:
        Names of the folder's files, below the experiment's folder.

    Raises:
        NotFound: the trial's model was replaced again and again while it was copied.
        StorageError: the store refuses.
    """
    there = {key.removeprefix(prefix) for key in store.list(prefix + BEST_MODEL)}
    if trial is None:
        store.delete_prefix(prefix + BEST_MODEL)
        return ()
    mark = _read(store, prefix + _MARK) if _MARK in there else None
    for tried in range(1, _TRIES + 1):
        sources = _sources(store, prefix, trial, model)
        wanted = {*files, *sources}
        if mark == files[_MARK] and there == wanted and not afresh:
            break
        if mark is not None and mark != files[_MARK]:
            store.delete(prefix + _MARK)
        if there - wanted:  # not one by one: in a folder, what was a folder may become a file
            store.delete_prefix(prefix + BEST_MODEL)
        try:
            copy_all(store, {prefix + target: source for target, source in sources.items()})
        except NotFound:
            if tried == _TRIES:
                raise
            there, mark = there | wanted, None
            continue
        put_all(store, {prefix + name: data for name, data in files.items() if name != _MARK})
        store.put(prefix + _MARK, files[_MARK])
        break
    return tuple(sorted(wanted))


def _sources(store: ObjectStore, prefix: str, trial: int, model: str | None) -> dict[str, str]:
    """What is copied of a trial: name below the experiment's folder → key of the source."""
    if model is not None:
        made = {BEST_MODEL + MODEL_FOLDER + key.removeprefix(model): key for key in store.list(model)}
        own = _sources(store, prefix, trial, None)
        return {name: key for name, key in own.items() if not name.startswith(BEST_MODEL + MODEL_FOLDER)} | made
    folder = prefix + trial_prefix(trial)
    names = [key.removeprefix(folder) for key in store.list(folder)]
    copied = (n for n in names if n in (LOG_FILE, METRICS_FILE) or n.startswith(MODEL_FOLDER))
    return {BEST_MODEL + name: folder + name for name in copied}


def _read(store: ObjectStore, key: str) -> bytes | None:
    try:
        return store.get(key)
    except NotFound:
        return None
