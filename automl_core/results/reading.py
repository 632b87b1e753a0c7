"""Finding and reading an experiment's result by path or URL, published or not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automl_core.journal import JOURNAL, BadRecord, decode, key_of
from automl_core.results.entries import controller
from automl_core.results.names import CONTROLLER
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState
from automl_core.storage import open_store
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.storage.credentials import Credentials
from automl_core.study.journal import StudyJournal
from automl_core.study.state import State

_NAMED = 10
"""Folders that a message names."""


def read_result(path_or_url: str | Path, *, credentials: Credentials | None = None) -> dict[str, Any]:
    """An experiment's result, as in its controller.json.

    What was published of a running experiment is older than its journal, so the journal is read instead.

    Args:
        path_or_url: see `automl_core.results.leaderboard.leaderboard`.
        credentials: of a bucket.

    Raises:
        LookupError: there is no experiment at that place; the message says what there is.
        ValueError: a controller.json that is none.
        StorageError: the store refuses or is away.
    """
    text = os.fspath(path_or_url)
    if "://" not in text or text.startswith("file://"):
        path = Path(text.removeprefix("file://")).expanduser().absolute()
        if not path.exists():
            raise LookupError(f"there is no file or folder {path}")
        if path.is_file():
            return _parse(path.read_bytes(), str(path))
        text = str(path)
    elif text.endswith(".json"):
        folder, _, name = text.rpartition("/")
        return _parse(open_store(folder, credentials).get(name), text)
    store = open_store(text.rstrip("/"), credentials)
    prefix = find_run(store)
    found = _result_at(store, prefix)
    if found is None:
        raise LookupError(f"the journal of {store.url}/{prefix} has no experiment in it")
    return found


def _result_at(store: ObjectStore, prefix: str) -> dict[str, Any] | None:
    """The result of the run at a prefix, None where there is no run."""
    try:
        published = _parse(store.get(prefix + CONTROLLER), f"{store.url}/{prefix}{CONTROLLER}")
    except NotFound:
        return _from_journal(store, prefix)
    if ExperimentState(published["experiment"]["state"]).ended:
        return published
    return _from_journal(store, prefix) or published  # a copied folder may come without its journal


def _from_journal(store: ObjectStore, prefix: str) -> dict[str, Any] | None:
    state = StudyJournal(store, prefix).refresh()
    return controller(Experiment.model_validate(state.experiment), state) if state.created else None


def find_run(store: ObjectStore) -> str:
    """Where a run lies in a store: its root is the folder of a run, or of an experiment (its newest run is taken).

    Returns:
        The run's prefix: empty, or ending with '/'.

    Raises:
        LookupError: there is no run; the message says what there is.
    """
    if _started(store, "") is not None:
        return ""
    folders = list(_folders(store))
    runs = [(started, folder) for folder in folders if (started := _started(store, f"{folder}/")) is not None]
    if runs:
        return f"{max(runs)[1]}/"
    named = ", ".join(folders[:_NAMED]) + (", …" if len(folders) > _NAMED else "")
    raise LookupError(
        f"no experiment in {store.url}: wanted is the folder of a run (with {CONTROLLER} or {JOURNAL} in it), the "
        f"folder of an experiment (with the folders of its runs), or a {CONTROLLER}; "
        + (f"found the folders {named}" if folders else "it holds no folders")
    )


def _folders(store: ObjectStore) -> Iterator[str]:
    """Names of the folders at the top of a store, one request each, whatever they hold."""
    after = ""
    while keys := store.list("", start_after=after, limit=1):
        name, slash, _ = keys[0].partition("/")
        if slash:
            yield name
        after = f"{name}0" if slash else name  # '0' follows '/': everything below the folder is passed over


def _started(store: ObjectStore, prefix: str) -> float | None:
    """When the run at a prefix began, None where there is no run: a model's journal begins otherwise."""
    try:
        first = decode(store.get(prefix + JOURNAL + key_of(1)), 1).record
        return first.time if first.kind in State.kinds else None
    except NotFound:
        return 0.0 if store.list(prefix + CONTROLLER, limit=1) else None
    except BadRecord:
        return 0.0


def _parse(data: bytes, where: str) -> dict[str, Any]:
    """The object in a controller.json.

    Raises:
        ValueError: it is not one.
    """
    try:
        body = json.loads(data)
        ExperimentState(body["experiment"]["state"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where} is not the {CONTROLLER} of an experiment: {error}") from None
    return dict(body)
