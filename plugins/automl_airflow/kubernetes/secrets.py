"""What training code in pods gets from Airflow connections: read here, and kept in a secret of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.backends.base import StartError
from automl_core.spec.kubernetes import KubernetesTask

PLAIN = ("login", "password", "host", "port", "schema")
"""Fields of a connection; every other key is one of its extra."""


def values_of(task: KubernetesTask) -> dict[str, str]:
    """Environment variable → value, of those `secrets` of a training task that name a connection.

    Raises:
        StartError: there is no such connection, or nothing under that key; names both, and shows no value.
    """
    found: dict[str, Mapping[str, Any]] = {}
    values = {}
    for number, each in enumerate(task.secrets):
        if each.connection is None:
            continue
        where = f"secrets[{number}]"
        if each.connection not in found:
            found[each.connection] = _fields(each.connection, where)
        fields = found[each.connection]
        value = fields.get(each.key)
        if value in (None, ""):
            known = ", ".join(sorted(key for key, known in fields.items() if known not in (None, ""))) or "nothing"
            raise StartError(
                f"{where}.key: connection {each.connection} has no {each.key}; it has {known}", systematic=True
            )
        values[each.env] = str(value)
    return values


def _fields(connection: str, where: str) -> Mapping[str, Any]:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = Connection.get(connection)
    except AirflowNotFoundException:
        raise StartError(
            f"{where}.connection: there is no Airflow connection {connection!r}", systematic=True
        ) from None
    return {**dict(found.extra_dejson), **{name: getattr(found, name) for name in PLAIN}}
