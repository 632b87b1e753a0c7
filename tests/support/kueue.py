"""Queues and quotas of Kueue for tests: objects as `kubectl apply` would make them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kubernetes import client, config

GROUP, VERSION = "kueue.x-k8s.io", "v1beta2"


class Queues:
    """Makes queues in a cluster, and looks at what Kueue makes of those who wait in them."""

    def __init__(self, kubeconfig: Path, namespace: str = "default") -> None:
        self.namespace = namespace
        self.objects = client.CustomObjectsApi(config.new_client_from_config(config_file=str(kubeconfig)))

    def make(self, name: str, quota: dict[str, str], *, preemption: bool = False, **spec: Any) -> None:
        """A LocalQueue and a ClusterQueue of one flavor, both of that name."""
        flavor = {"name": "any", "resources": [{"name": key, "nominalQuota": each} for key, each in quota.items()]}
        above = {
            "namespaceSelector": {},
            "resourceGroups": [{"coveredResources": list(quota), "flavors": [flavor]}],
            **({"preemption": {"withinClusterQueue": "LowerPriority"}} if preemption else {}),
            **spec,
        }
        self._create_above("clusterqueues", "ClusterQueue", {"metadata": {"name": name}, "spec": above})
        local = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "LocalQueue", "metadata": {"name": name},
                 "spec": {"clusterQueue": name}}  # fmt: skip
        self.objects.create_namespaced_custom_object(GROUP, VERSION, self.namespace, "localqueues", local)

    def change(self, name: str, spec: dict[str, Any]) -> None:
        """Change a ClusterQueue."""
        self.objects.patch_cluster_custom_object(GROUP, VERSION, "clusterqueues", name, {"spec": spec})

    def priority(self, name: str, value: int) -> None:
        """A WorkloadPriorityClass."""
        self._create_above("workloadpriorityclasses", "WorkloadPriorityClass",
                           {"metadata": {"name": name}, "value": value})  # fmt: skip

    def workloads(self) -> list[dict[str, Any]]:
        """The Workloads of the namespace."""
        found = self.objects.list_namespaced_custom_object(GROUP, VERSION, self.namespace, "workloads")
        return list(found["items"])

    def _create_above(self, plural: str, kind: str, value: dict[str, Any]) -> None:
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, **value}
        self.objects.create_cluster_custom_object(GROUP, VERSION, plural, body)
