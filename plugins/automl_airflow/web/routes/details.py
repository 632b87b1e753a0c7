"""What a trial's model gets right and wrong: a summary without rows, and the worst errors with theirs.

Both were made where the trial's end was told (`automl_core.running.details`); here they are handed on.
"""

from __future__ import annotations

import gzip
import hashlib

from fastapi import APIRouter, Depends, Request, Response

from automl_airflow.web.access import CAN_READ
from automl_airflow.web.aside import AsideRoute, touches_store
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.downloads import Asker, TheAsker, check_download, note_download
from automl_airflow.web.held import Answer, HeldRun
from automl_airflow.web.respond import send
from automl_airflow.web.routes.parts import Fresh, TheRun, TrialNumber
from automl_core.storage.base import NotFound
from automl_core.study.layout import details_keys, stage_prefix
from automl_core.views.trial import trial_of

router = APIRouter(
    route_class=AsideRoute,
    prefix="/experiments/{dag_id}/runs/{run_id}",
    dependencies=[Depends(CAN_READ)],
    tags=["trial"],
)

NONE = b'{"kind":null}'
"""What is answered where a training task has left no predictions, or they are not summed up yet."""


@router.get("/trials/{number}/details")
@touches_store()
def get_trial_details(request: Request, held: Fresh, number: TrialNumber) -> Response:
    """How a trial's predictions compare with the truth: confusion, figures of classes, curves."""
    held.use(lambda view: trial_of(view, number))
    return _answer(request, held, details_keys(number)[0])


@router.get("/trials/{number}/details/rows")
@touches_store()
def get_trial_details_rows(
    request: Request, run: TheRun, held: Fresh, asker: TheAsker, number: TrialNumber
) -> Response:
    """The worst errors of each class with their ids and rows; in a closed environment for who may download."""
    held.use(lambda view: trial_of(view, number))
    return _rows(request, run, held, asker, details_keys(number)[1])


@router.get("/conclude/details")
@touches_store()
def get_conclude_details(request: Request, held: Fresh) -> Response:
    """The same for the model that `conclude` has made."""
    return _answer(request, held, stage_prefix("", "conclude") + details_keys(0)[0])


@router.get("/conclude/details/rows")
@touches_store()
def get_conclude_details_rows(request: Request, run: TheRun, held: Fresh, asker: TheAsker) -> Response:
    """The worst errors of that model."""
    return _rows(request, run, held, asker, stage_prefix("", "conclude") + details_keys(0)[1])


def _rows(request: Request, run: RunInfo, held: HeldRun, asker: Asker, key: str) -> Response:
    """Rows of data: they leave a closed environment as a file does, by right and with a record."""
    check_download(asker, run, held)
    note_download(asker, run, held, [key])
    return _answer(request, held, key)


def _answer(request: Request, held: HeldRun, key: str) -> Response:
    """An object as it lies in the store: JSON that was made by us, bounded in size."""
    try:
        body = held.shared.store.get(held.view.study.journal.prefix + key)
    except NotFound:
        body = NONE
    return send(request, Answer(f'"{hashlib.sha256(body).hexdigest()[:32]}"', gzip.compress(body, 5)))
