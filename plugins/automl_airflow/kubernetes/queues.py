"""Looking for the queue of Kueue that a training task names, before anything waits in it for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.queueing import GROUP
from automl_core.spec.errors import did_you_mean

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from automl_core.spec.queueing import Kueue


def check_queue(client: ApiClient, kueue: Kueue, namespace: str, ask: Callable[[Callable[[], Any]], Any]) -> None:
    """Fail where the cluster has no such queue; say nothing where it may not be asked.

    Args:
        client: of the cluster.
        kueue: the queue.
        namespace: of the pods, and of their queue.
        ask: makes a call, patiently where the cluster is away.

    Raises:
        StartError: there is no Kueue, or no LocalQueue of that name.
        NotYet: the cluster does not answer for now.
    """
    from kubernetes.client import ApisApi, CustomObjectsApi
    from kubernetes.client.exceptions import ApiException

    groups = {each.name: each for each in ask(lambda: ApisApi(client).get_api_versions()).groups}
    if GROUP not in groups:
        raise StartError("kueue: the cluster has no Kueue (no API group kueue.x-k8s.io)", systematic=True)
    version = groups[GROUP].preferred_version.version
    try:
        found = ask(
            lambda: CustomObjectsApi(client).list_namespaced_custom_object(GROUP, version, namespace, "localqueues")
        )
    except StartError as error:
        if isinstance(error.__cause__, ApiException) and error.__cause__.status in (403, 404):
            return  # what it waits for is told while it waits
        raise
    names = sorted(str(each["metadata"]["name"]) for each in found.get("items") or [])
    if kueue.queue not in names:
        there = f"there are {', '.join(names)}" if names else "there is none"
        words = f"kueue.queue: there is no LocalQueue {kueue.queue!r} in the namespace {namespace} ({there})."
        raise StartError(f"{words} {did_you_mean(kueue.queue, names)}".strip(), systematic=True)
