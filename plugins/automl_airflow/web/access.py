"""Who may do what: Airflow's own users and rights, and nothing that another site has a browser do.

Every route names its right through one of the dependencies below (`ACCESS` holds those there are; a test looks that
no route is without). Reading needs what reading the DAG's runs needs in Airflow; an act needs what the same act needs
there.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request

User = Annotated[BaseUser, GetUserDep.__metadata__[0]]
"""Whoever asks: by Airflow's session cookie or a bearer token; 401 where neither is good."""

HEADER = "X-AutoML-Request"
"""A browser sends it for a page of this origin only: a form or an image of another site can't."""

CAN_LOOK = requires_access_dag("GET")
CAN_READ = requires_access_dag("GET", DagAccessEntity.RUN)
CAN_EDIT_RUN = requires_access_dag("PUT", DagAccessEntity.RUN)
CAN_EDIT_TASKS = requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)
CAN_START = requires_access_dag("POST", DagAccessEntity.RUN)


def can_save(request: Request, user: User) -> None:
    """Demand the right to edit some DAG; the route looks at the one that the file names."""
    if not may(user, "PUT", None, None):
        raise HTTPException(403, "Forbidden: saving an experiment file needs the right to edit its DAG")


def can_try(user: User) -> None:
    """Demand the rights to edit and to run some DAG; the route looks at the one that the file names."""
    if not may_try(user, None):
        raise HTTPException(403, "Forbidden: trying a file needs the rights to edit its DAG and to run it")


def may_try(user: BaseUser, dag_id: str | None) -> bool:
    """Whether a user may do in two steps what a try does in one: save a file, and have its command run."""
    return may(user, "PUT", None, dag_id) and may(user, "POST", DagAccessEntity.RUN, dag_id)


def can_delete_runs(user: User) -> None:
    """Demand the right to delete runs of some DAG; housekeeping looks at each experiment's."""
    if not may(user, "DELETE", DagAccessEntity.RUN, None):
        raise HTTPException(403, "Forbidden: cleaning up needs the right to delete DAG runs")


ACCESS: frozenset[Any] = frozenset(
    {CAN_LOOK, CAN_READ, CAN_EDIT_RUN, CAN_EDIT_TASKS, CAN_START, can_save, can_try, can_delete_runs}
)
"""Every dependency that demands a right."""


def may(user: BaseUser, method: Any, entity: DagAccessEntity | None, dag_id: str | None) -> bool:
    """Whether Airflow's auth manager allows something of a DAG (of any where it is None)."""
    team = DagModel.get_team_name(dag_id) if dag_id else None
    details = DagDetails(id=dag_id, team_name=team)
    return bool(get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user))


def may_act(user: BaseUser, dag_id: str) -> dict[str, bool]:
    """A user's rights on one experiment, by what they allow: what pages show as possible."""
    return {
        "edit": may(user, "PUT", DagAccessEntity.RUN, dag_id),
        "tasks": may(user, "PUT", DagAccessEntity.TASK_INSTANCE, dag_id),
        "start": may(user, "POST", DagAccessEntity.RUN, dag_id),
        "file": may(user, "PUT", None, dag_id),
    }


def may_see_import_errors(user: BaseUser) -> bool:
    """Whether Airflow shows a user what is wrong with DAG files."""
    return bool(get_auth_manager().is_authorized_view(access_view=AccessView.IMPORT_ERRORS, user=user))


def readable(user: BaseUser) -> set[str]:
    """Ids of every DAG that a user may read."""
    return set(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))


def from_this_site(request: Request) -> None:
    """Refuse what another site has a browser do: acts bear a header of ours, are JSON, and come from this origin.

    Browsers send a cookie along with requests that any page makes them send, so a cookie alone proves no intent.
    """
    if request.headers.get(HEADER) != "1":
        raise HTTPException(403, f"the header {HEADER}: 1 is missing: acts are refused without it")
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise HTTPException(403, f"an act must come from Airflow's own pages; this one is {site}")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc not in _own_hosts(request):
        raise HTTPException(403, "an act must come from Airflow's own pages; this one comes from another origin")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "the body of an act is application/json")


def _own_hosts(request: Request) -> set[str]:
    configured = urlsplit(conf.get("api", "base_url", fallback="") or "").netloc
    return {host for host in (request.headers.get("host"), configured) if host}


ACT = Depends(from_this_site)
"""Of every route that changes something."""
