"""The custom resources of one kind in one namespace, watched as pods are: one list and one watch for all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from automl_core.backends.kubernetes.api import KubernetesApi
from automl_core.backends.kubernetes.hub import PodHub


class ResourceHub(PodHub):
    """What is known of our custom resources of one kind in one namespace. Belongs to one event loop."""

    def __init__(self, api: KubernetesApi, namespace: str, group_version: str, plural: str) -> None:
        """Watch nothing yet; `start` does.

        Args:
            api: of the cluster.
            namespace: where they are.
            group_version: their ``apiVersion``.
            plural: their name in the API.
        """
        super().__init__(api, namespace)
        self._place = f"/apis/{group_version}/namespaces/{namespace}/{plural}"

    @property
    def path(self) -> str:
        """The resources in the API."""
        return self._place

    def slim(self, pod: Mapping[str, Any]) -> Mapping[str, Any]:
        """All of it but who changed which field: any field may be its state."""
        metadata = {key: value for key, value in pod["metadata"].items() if key != "managedFields"}
        return {**pod, "metadata": {**metadata, "labels": metadata.get("labels") or {}}}

    def start(self) -> None:
        """Begin to watch, unless that is done. Nobody measures what is no pod."""
        if not self._tasks:
            self._tasks = [asyncio.get_running_loop().create_task(self._follow())]
