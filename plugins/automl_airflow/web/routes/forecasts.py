"""What a search on series has come to: learners, what was found in the data, forecasts and how good they are."""

from __future__ import annotations

import gzip
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from automl_airflow.web.access import CAN_READ
from automl_airflow.web.aside import AsideRoute, touches_store
from automl_airflow.web.downloads import TheAsker, check_download, note_download
from automl_airflow.web.held import Answer, encode
from automl_airflow.web.respond import send
from automl_airflow.web.routes.parts import Fresh, TheRun
from automl_airflow.web.routes.tables import REPORT, left
from automl_core.views.forecasting import NONE, forecast_of, plot_of

router = APIRouter(
    route_class=AsideRoute,
    prefix="/experiments/{dag_id}/runs/{run_id}",
    dependencies=[Depends(CAN_READ)],
    tags=["run"],
)

PLOTS = "plots.json"


@router.get("/forecast")
@touches_store()
def get_forecast(request: Request, held: Fresh) -> Response:
    """What `conclude` has told of the search on series; ``kind`` is null where there is nothing of the kind."""
    raw = left(held, REPORT)
    return _answer(request, dict(NONE) if raw is None else forecast_of(raw))


@router.get("/forecast/series")
@touches_store()
def get_forecast_series(
    request: Request, run: TheRun, held: Fresh, asker: TheAsker,
    series: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:  # fmt: skip
    """A series with its forecasts, their intervals and what came; values of the data, so in a closed run a download."""
    check_download(asker, run, held)
    raw = left(held, PLOTS)
    found = None if raw is None else plot_of(raw, series)
    if found is None:
        raise HTTPException(
            404, "there is no plot of this series" if raw else "there is no plot yet: conclude makes it"
        )
    note_download(asker, run, held, [f"best_model/model/{PLOTS}"])
    return _answer(request, found)


def _answer(request: Request, told: dict[str, Any]) -> Response:
    body = encode(told)
    return send(request, Answer(f'"{hashlib.sha256(body).hexdigest()[:32]}"', gzip.compress(body, 5)))
