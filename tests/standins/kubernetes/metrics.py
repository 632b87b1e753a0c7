"""metrics.k8s.io/v1beta1: what the containers of running pods use."""

from __future__ import annotations

from collections.abc import Mapping

from tests.standins.kubernetes.cluster import Cluster
from tests.standins.kubernetes.objects import Object, name_of, namespace_of, not_found, timestamp
from tests.standins.kubernetes.resources import Target
from tests.standins.kubernetes.watching import Selection


def pod_metrics(cluster: Cluster, target: Target, query: Mapping[str, str]) -> Object:
    """One pod's metrics, or a list; ApiError 404 for a pod that does not run."""
    if target.name is not None:
        pod = cluster.store.find("pods", target.namespace or "", target.name)
        found = _metrics(cluster, pod) if pod is not None else None
        if found is None:
            raise not_found("podmetrics.metrics.k8s.io", f"{target.namespace}/{target.name}")
        return found
    pods = Selection(target, query).select(cluster.store)
    items = [found for pod in pods if (found := _metrics(cluster, pod)) is not None]
    return {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items}


def _metrics(cluster: Cluster, pod: Object) -> Object | None:
    containers = [
        {
            "name": each.name,
            "usage": {
                "cpu": f"{round(each.process.cpu_rate * 1e9)}n",
                "memory": f"{each.process.memory // 1024}Ki",
            },
        }
        for each in cluster.kubelet.containers(pod["metadata"]["uid"])
        if each.process is not None and each.process.running
    ]
    if not containers:
        return None
    metadata = {"name": name_of(pod), "namespace": namespace_of(pod), "creationTimestamp": timestamp(),
                "labels": pod["metadata"].get("labels") or {}}  # fmt: skip
    return {"kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata,
            "timestamp": timestamp(), "window": "1s", "containers": containers}  # fmt: skip
