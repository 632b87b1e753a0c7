"""Downloads in a closed environment: a right of their own, and a record before anything is sent.

Elsewhere who may read a run may download its files, and nothing is recorded, as ever.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import Depends, HTTPException, Request

from automl_airflow.closed import is_closed
from automl_airflow.compat.metadata import create_session, noted
from automl_airflow.web.access import NO_RIGHT_TO_DOWNLOAD, User, may_download
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.held import HeldRun
from automl_core.audit import record
from automl_core.audit.records import DOWNLOAD
from automl_core.storage.base import ObjectStore, StorageError

MOST_NAMED = 1000
"""Files of one download whose names stand in its record; of more it says how many."""


class Asker:
    """Who asks for files, and from where."""

    def __init__(self, request: Request, user: User) -> None:
        self.user: BaseUser = user
        self.name = str(user.get_name())
        self.address = request.client.host if request.client is not None else ""


async def the_asker(request: Request, user: User) -> Asker:
    """Who asks; a coroutine, since what is none FastAPI calls in the threads that all of Airflow shares."""
    return Asker(request, user)


TheAsker = Annotated[Asker, Depends(the_asker)]


def sees_rows(user: BaseUser, run: RunInfo, held: HeldRun) -> bool:
    """Whether a user may have a run's files, and see rows of its data in pages.

    Args:
        user: who asks.
        run: the run.
        held: its read model.
    """
    return not is_closed(held.view.study.experiment) or may_download(user, run.dag_id)


def check_download(asker: Asker, run: RunInfo, held: HeldRun) -> None:
    """Demand the right to download, where the run is closed.

    Raises:
        HTTPException: 403.
    """
    if not sees_rows(asker.user, run, held):
        raise HTTPException(403, f"Forbidden: {run.dag_id}: {NO_RIGHT_TO_DOWNLOAD}")


def note_download(asker: Asker, run: RunInfo, held: HeldRun, files: Sequence[str]) -> None:
    """Record a download of a closed run, in its store and in Airflow's audit log; called before anything is sent.

    Args:
        asker: who.
        run: whose files.
        held: its read model.
        files: their names, below the run's folder.

    Raises:
        HTTPException: 503, it could not be recorded, so nothing is sent.
    """
    if not is_closed(held.view.study.experiment):
        return
    more = {
        "experiment": run.place.experiment, "run": run.run_id, "dag": run.dag_id, "files": list(files[:MOST_NAMED]),
        "count": len(files), "address": asker.address,
    }  # fmt: skip
    _note(asker, held.shared.store, run.dag_id, more, {"run": run.run_id, "files": list(files[:20])})


def note_rows(asker: Asker, store: ObjectStore, model: str, dag_id: str, what: str) -> None:
    """Record that rows of data of a closed model are looked at; as `note_download`.

    Args:
        asker: who.
        store: the model's.
        model: its name.
        dag_id: the DAG whose rights are the model's.
        what: the evidence that they stand beside.

    Raises:
        HTTPException: 503, it could not be recorded, so nothing is sent.
    """
    more = {"model": model, "dag": dag_id, "files": [f"evidence/{what}"], "count": 1, "address": asker.address}
    _note(asker, store, dag_id, more, {"model": model, "evidence": what})


def note_items(asker: Asker, store: ObjectStore, project: str, dag_id: str, items: Sequence[str]) -> None:
    """Record that what stands in items of a closed annotation project is looked at; as `note_download`.

    Args:
        asker: who.
        store: the project's.
        project: its name.
        dag_id: the DAG whose rights are the project's.
        items: ids of the items.
    """
    more = {
        "annotation": project, "dag": dag_id, "files": [f"items/{each}" for each in items[:MOST_NAMED]],
        "count": len(items), "address": asker.address,
    }  # fmt: skip
    _note(asker, store, dag_id, more, {"annotation": project})


def note_ledger(asker: Asker, store: ObjectStore, project: str, dag_id: str, what: str) -> None:
    """Record that single labels of a closed annotation project, or their items, are taken; as `note_download`.

    Args:
        asker: who.
        store: the project's.
        project: its name.
        dag_id: the DAG whose rights are the project's.
        what: which of them: ``ledger.csv``, say.
    """
    more = {"annotation": project, "dag": dag_id, "files": [what], "count": 1, "address": asker.address}
    _note(asker, store, dag_id, more, {"annotation": project, "files": [what]})


def note_labelling(asker: Asker, event: str, dag_id: str, count: int) -> None:
    """Note in Airflow's audit log that somebody labels: of how many items, and nothing of what stands in them.

    Airflow's own way to note an act writes the whole request there, and labels are data.

    Args:
        asker: who.
        event: what it is called there.
        dag_id: the DAG whose rights are the project's.
        count: of how many items.
    """
    with create_session() as session:
        session.add(noted(event, asker.name, dag_id, json.dumps({"items": count})))


def note_offer(asker: Asker, store: ObjectStore, dag_id: str, run: str, model: str) -> None:
    """Record that a closed run's model is copied to a model that is not closed; as `note_download`.

    Args:
        asker: who.
        store: the run's.
        dag_id: the experiment's DAG.
        run: its run.
        model: name of the model that it is offered to.
    """
    more = {
        "run": run, "dag": dag_id, "files": [f"its model, offered to {model}"], "count": 1, "address": asker.address,
    }  # fmt: skip
    _note(asker, store, dag_id, more, {"run": run, "model": model})


def _note(asker: Asker, store: ObjectStore, dag_id: str, more: dict[str, Any], extra: dict[str, Any]) -> None:
    try:
        key = record(store, DOWNLOAD, asker.name, more)
    except StorageError as error:
        words = f"the download can't be recorded now, and without a record nothing leaves a closed environment: {error}"
        raise HTTPException(503, words, {"Retry-After": "10"}) from None
    told = json.dumps({**extra, "count": more["count"], "record": key})
    with create_session() as session:  # not the request's, which would be held for as long as it is sent
        session.add(noted("automl_download", asker.name, dag_id, told))
