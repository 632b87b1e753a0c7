"""The trial table for other programs and other plots: as CSV, and two of its columns as points."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from automl_airflow.web.access import CAN_READ
from automl_airflow.web.aside import AsideRoute
from automl_airflow.web.respond import send
from automl_airflow.web.routes.parts import Held, TheRun
from automl_core.study.layout import safe
from automl_core.views.sheets import scatter, trial_csv
from automl_core.views.table import BadQuery
from automl_core.views.table import Query as TableQuery

router = APIRouter(
    route_class=AsideRoute, prefix="/experiments/{dag_id}/runs/{run_id}", dependencies=[Depends(CAN_READ)], tags=["run"]
)

Sort = Annotated[str, Query(max_length=500)]
States = Annotated[str, Query(max_length=200, description="With commas between.")]
Search = Annotated[str, Query(max_length=200)]
Filters = Annotated[list[str] | None, Query(max_length=20)]
Column = Annotated[str, Query(max_length=500)]


def query_of(sort: str, state: str, search: str, filters: list[str] | None, offset: int, limit: int) -> TableQuery:
    """The query that a request's parameters make."""
    states = tuple(part.strip() for part in state.split(",") if part.strip())
    return TableQuery(sort, states, search, tuple(filters or ()), offset, limit)


@router.get("/trials.csv", response_class=Response)
def get_sheet(
    run: TheRun, held: Held, sort: Sort = "number", state: States = "", search: Search = "", filter: Filters = None,
    column: Annotated[list[str] | None, Query(max_length=500, description="Which columns; every one without.")] = None,
) -> Response:  # fmt: skip
    """The trials that a table shows, all pages of it, as CSV."""
    query = query_of(sort, state, search, filter, 0, 1)
    try:
        text = held.use(lambda view: trial_csv(view, query, column or ()))
    except BadQuery as error:
        raise HTTPException(422, str(error)) from None
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{safe(run.place.experiment)}-{safe(run.run_id)}-trials.csv")
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/scatter")
def get_scatter(
    request: Request, held: Held, x: Column, y: Column,
    sort: Sort = "number", state: States = "", search: Search = "", filter: Filters = None,
) -> Response:  # fmt: skip
    """Any two parameters, metrics or other columns of the trials that a table shows."""
    query = query_of(sort, state, search, filter, 0, 1)
    try:
        return send(request, held.answer(("scatter", query, x, y), lambda view: scatter(view, query, x, y)))
    except BadQuery as error:
        raise HTTPException(422, str(error)) from None
