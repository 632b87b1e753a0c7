"""Servers of a model in a cluster, made before a version is rolled out over them: ``deploy: to: kubernetes``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

if TYPE_CHECKING:
    from automl_core.backends.kubernetes.api import KubernetesApi
    from automl_core.models.file import ModelFile
    from automl_core.serving.kubernetes.plan import Plan


def ensure_servers(
    file: ModelFile, say: Callable[[str], None], wanted: Callable[[], bool], bundle: Path | None = None
) -> str | None:
    """Make a model's servers as its file says, and wait until they answer. Done already, it costs some seconds.

    They follow the model's journal by themselves: what is put in use afterwards needs nothing here. When the model's
    file goes they stay, since they answer somebody; `automl serving delete NAME` takes them away.

    Args:
        file: the model's; one that wants no servers in a cluster is passed over.
        say: told what is done, a line at a time.
        wanted: whether the caller still is: asked between two looks at servers that come up.
        bundle: folder of the DAG bundle, for a pod template that names it.

    Returns:
        Their address within the cluster, None where the file wants none.

    Raises:
        AirflowFailException: the file can't be had in that cluster, or something of somebody else is in the way.
        AirflowException: they have not come up in time, or the cluster is away; another try may find it better.
    """
    from automl_airflow.kubernetes.connection import cluster_of
    from automl_airflow.session import home
    from automl_core.backends.base import BackendError
    from automl_core.backends.kubernetes.access import Access
    from automl_core.backends.kubernetes.api import KubernetesApi
    from automl_core.backends.remote import Unreachable
    from automl_core.models.file.kubernetes import KubernetesServers
    from automl_core.serving.kubernetes.applying import NotReady, ServersError
    from automl_core.serving.kubernetes.objects import address_of
    from automl_core.serving.kubernetes.plan import NoPlan, plan_of

    if not isinstance(file.deploy, KubernetesServers):
        return None
    connection = file.deploy.connection

    async def made() -> Plan:
        cluster = cluster_of(connection)
        plan = plan_of(file, cluster.namespace_or_default(), home=home(), bundle=bundle)
        api = KubernetesApi(Access(cluster, lambda: cluster_of(connection)))
        try:
            await _ensure(api, plan, say, wanted)
        finally:
            await api.close()
        return plan

    try:
        address = address_of(asyncio.run(made()))
    except (NotReady, Unreachable) as error:
        raise AirflowException(str(error)) from error
    except (NoPlan, ServersError, BackendError) as error:
        raise AirflowFailException(str(error)) from error
    say(f"{address} answers from within the cluster")
    return address


async def _ensure(api: KubernetesApi, plan: Plan, say: Callable[[str], None], wanted: Callable[[], bool]) -> Any:
    from automl_core.serving.kubernetes.applying import Applying

    return await Applying(api, plan, say, wanted=wanted).ensure()
