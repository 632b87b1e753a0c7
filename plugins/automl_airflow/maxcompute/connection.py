"""From an Airflow connection to a MaxCompute project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_airflow.closed import check_project
from automl_core.backends.base import BackendError
from automl_core.backends.maxcompute.access import Access, access_from

WHERE = {
    "access_id": "login (the access key id)",
    "secret": "password (the access key secret)",
    "project": "extra.project",
    "endpoint": "extra.endpoint",
    "tunnel_endpoint": "extra.tunnel_endpoint",
    "sts_token": "extra.sts_token",
    "logview_host": "extra.logview_host",
}
"""Field of `Access` → what it is called in a connection."""


def access_of(connection: str, project: str | None = None) -> Access:
    """The way into the project of a connection.

    Args:
        connection: id of the connection. Login and password are the access key; the extra has ``project``,
            ``endpoint``, and where needed ``tunnel_endpoint``, ``sts_token`` and ``logview_host``.
        project: another project than the connection's.

    Raises:
        BackendError: there is no such connection, something in it is missing (names it), or it leads to what is not on
            the list of a closed environment.
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = Connection.get(connection)
    except AirflowNotFoundException:
        raise BackendError(f"connection: there is no Airflow connection {connection!r}") from None
    access = access_in(found.login, found.password, dict(found.extra_dejson), connection, project)
    check_project(access.project, access.endpoint, access.tunnel_endpoint)
    return access


def access_in(
    login: str | None, password: str | None, extra: Mapping[str, Any], connection: str, project: str | None = None
) -> Access:
    """The way in that a connection's fields state (see `access_of`).

    Raises:
        BackendError: something is missing; names it.
    """
    values = {name: extra.get(name) for name in WHERE}
    values |= {
        "access_id": login or extra.get("access_key_id"),
        "secret": password or extra.get("access_key_secret"),
        "project": project or extra.get("project"),
    }
    return access_from(values, WHERE, f"connection {connection}")
