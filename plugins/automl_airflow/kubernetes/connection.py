"""From an Airflow connection to a cluster, without the provider's hook (which costs a triggerer 80 MB)."""

from __future__ import annotations

import json
from typing import Any

from automl_core.backends.base import BackendError
from automl_core.backends.kubernetes.access import Cluster

DEFAULT = "kubernetes_default"
"""The connection that need not exist: the cluster that Airflow itself runs in then, or the user's kubeconfig."""


def cluster_of(connection: str) -> Cluster:
    """The cluster of a Kubernetes connection.

    Raises:
        BackendError: the connection does not exist, or says what can't be.
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        extra = dict(Connection.get(connection).extra_dejson)
    except AirflowNotFoundException:
        if connection == DEFAULT:
            return Cluster()
        raise BackendError(f"connection: there is no Airflow connection {connection!r}") from None
    return cluster_from(extra, connection)


def cluster_from(extra: dict[str, Any], connection: str) -> Cluster:
    """The cluster that a connection's extra names.

    Raises:
        BackendError: it says two things at once, or a kubeconfig that is none.
    """
    given = {key.removeprefix("extra__kubernetes__"): value for key, value in extra.items() if value not in ("", None)}
    config: Any = given.get("kube_config")
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except ValueError:
            raise BackendError(f"connection {connection}: kube_config is not JSON") from None
    in_cluster = _true(given.get("in_cluster"))
    ways = [key for key in ("in_cluster", "kube_config", "kube_config_path") if _true(given.get(key))]
    if len(ways) > 1:
        raise BackendError(f"connection {connection}: {' and '.join(ways)} exclude one another")
    return Cluster(
        in_cluster=in_cluster,
        kubeconfig_path=given.get("kube_config_path"),
        kubeconfig=config,
        context=given.get("cluster_context"),
        verify_tls=not _true(given.get("disable_verify_ssl")),
        namespace=given.get("namespace"),
    )


def _true(value: Any) -> bool:
    return value not in (None, False, "", "false", "False", "0", 0)
