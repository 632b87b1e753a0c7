"""What a table's search has come to: pipelines, what was found in the data, how good the model is; and its report."""

from __future__ import annotations

import gzip
import hashlib

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from automl_airflow.web.access import CAN_READ
from automl_airflow.web.aside import AsideRoute, touches_store
from automl_airflow.web.downloads import TheAsker, check_download, note_download
from automl_airflow.web.held import Answer, HeldRun, encode
from automl_airflow.web.respond import send
from automl_airflow.web.routes.parts import Fresh, TheRun
from automl_core.storage.base import NotFound
from automl_core.study.stages import made_by
from automl_core.views.shapes import MOST_BYTES
from automl_core.views.tabular import NONE, table_of

router = APIRouter(
    route_class=AsideRoute,
    prefix="/experiments/{dag_id}/runs/{run_id}",
    dependencies=[Depends(CAN_READ)],
    tags=["run"],
)

REPORT, PAGE = "report.json", "report.html"

HEADERS = {
    # the file is what a training process has left: it may be looked at, and do nothing
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "Cache-Control": "private, no-store",
}


@router.get("/table")
@touches_store()
def get_table(request: Request, held: Fresh) -> Response:
    """What `conclude` has told of the search on a table; ``kind`` is null where there is nothing of the kind."""
    raw = left(held, REPORT)
    body = encode(dict(NONE) if raw is None else table_of(raw))
    return send(request, Answer(f'"{hashlib.sha256(body).hexdigest()[:32]}"', gzip.compress(body, 5)))


@router.get("/table/report", response_class=HTMLResponse)
@touches_store()
def get_table_report(run: TheRun, held: Fresh, asker: TheAsker) -> Response:
    """The report as a page in which no script runs and that loads nothing; of a closed run a download as any other."""
    check_download(asker, run, held)
    raw = left(held, PAGE)
    if raw is None:
        raise HTTPException(404, "there is no report yet: conclude makes it")
    note_download(asker, run, held, [f"best_model/model/{PAGE}"])
    return HTMLResponse(raw, headers=HEADERS)


def left(held: HeldRun, name: str) -> bytes | None:
    """A file that `conclude` has left, None where there is none.

    Raises:
        HTTPException: 413, it is larger than any report.
    """
    key = made_by(held.view.study.journal.prefix, "conclude") + name
    try:
        raw = held.shared.store.get_range(key, 0, MOST_BYTES + 1)
    except NotFound:
        return None
    if len(raw) > MOST_BYTES:
        raise HTTPException(413, f"{name} has more than {MOST_BYTES >> 20} MiB: download it instead")
    return raw
