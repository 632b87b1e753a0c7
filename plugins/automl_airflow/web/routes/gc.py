"""Housekeeping: what could go, and what was seen to go deleted."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from automl_airflow.compat.acts import action_logging
from automl_airflow.web import cleaning
from automl_airflow.web.access import ACT, User, can_delete_runs
from automl_airflow.web.aside import AsideRoute, looks_through_storages
from automl_airflow.web.respond import reply
from automl_core.housekeeping.plan import DAY, KINDS, Kind, Options, made_at

router = APIRouter(
    route_class=AsideRoute, prefix="/gc", tags=["housekeeping"], dependencies=[ACT, Depends(can_delete_runs)]
)

GOOD_FOR = 3600
"""Seconds after which a plan is too old to be carried out."""


class Asked(BaseModel):
    """What is asked for; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")
    what: list[Kind] = Field(list(KINDS), description="Kinds of things that may go.")
    older_than: float = Field(30 * DAY, ge=0, allow_inf_nan=False, description="Seconds since the last change.")
    keep_last: int = Field(1, ge=0, le=1_000_000, description="Newest ended runs of each experiment that stay.")
    keep_best: bool = Field(False, description="Whether the best run of each experiment stays.")
    abandoned: float | None = Field(
        None, ge=DAY, allow_inf_nan=False, description="Seconds after which a run that never ended goes; null: never."
    )
    orphaned: bool = Field(False, description="Whether runs that are gone from Airflow go, of whatever age.")
    transferred: bool = Field(False, description="Whether runs may go that only ended ones have learned from.")
    keep_versions: int = Field(
        2, ge=0, le=1_000_000, description="Versions of each model that were in use last whose copies stay."
    )
    experiments: list[str] | None = Field(None, max_length=1000, description="Only these; null: all that you may.")

    def options(self) -> Options:
        """As the planner takes it."""
        given: dict[str, Any] = self.model_dump(include=set(Asked.model_fields))
        names = frozenset(self.experiments) if self.experiments is not None else None
        return Options(**given | {"what": frozenset(self.what), "experiments": names})


class Agreed(Asked):
    """A plan that is to be carried out, with the options that it was made with."""

    plan: str = Field(max_length=50, description="Its id.")


@router.post("")
@looks_through_storages
def post_plan(user: User, body: Asked) -> Response:
    """What could go, and what stays and why. Deletes nothing."""
    return reply(cleaning.planned(user, body.options(), int(time.time())).to_json())


@router.post("/apply", dependencies=[Depends(action_logging("automl_gc"))])
@looks_through_storages
def post_apply(user: User, body: Agreed) -> Response:
    """Delete what a plan names: just that, and only where nothing speaks for it by now."""
    now = int(time.time())
    try:
        at = made_at(body.plan)
    except ValueError as error:
        raise HTTPException(422, f"plan: {error}") from None
    if not now - GOOD_FOR <= at <= now:
        raise HTTPException(409, "the plan is older than an hour: look again")
    options = body.options()
    plans = cleaning.planned(user, options, at)
    if plans.id != body.plan:
        raise HTTPException(409, "something else would go by now than what the plan names: look again")
    return reply(cleaning.clean(user, plans, options))
