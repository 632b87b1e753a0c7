"""What the cluster is given for several pods that train as one: their Job, their service, how they find one another."""

from __future__ import annotations

from typing import Any

from automl_core.backends.kubernetes.bringing import SPEC_ANNOTATION
from automl_core.backends.kubernetes.manifest import Manifest, variable
from automl_core.backends.kubernetes.naming import NAME_LABEL, AttemptId
from automl_core.backends.kubernetes.queueing import PRIORITY, QUEUE

INDEX = "batch.kubernetes.io/job-completion-index"
"""Label and annotation with a pod's index in its Job."""


def worker_variables(attempt: AttemptId, workers: int, port: int) -> tuple[dict[str, Any], ...]:
    """The environment by which the pods of an attempt find one another.

    MASTER_ADDR, MASTER_PORT, WORLD_SIZE, RANK and NODE_RANK as `torch.distributed` reads them ("env://"), one process
    a pod; AUTOML_HOSTS for ``mpirun --host``.
    """
    hosts = [f"{attempt.name}-{index}.{attempt.name}" for index in range(workers)]
    rank = {"valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}}
    return (
        variable("MASTER_ADDR", hosts[0]),
        variable("MASTER_PORT", str(port)),
        variable("WORLD_SIZE", str(workers)),
        {"name": "RANK", **rank},
        {"name": "NODE_RANK", **rank},
        variable("LOCAL_RANK", "0"),
        variable("AUTOML_HOSTS", ",".join(hosts)),
    )


def group_manifests(pod: Manifest, workers: int, port: int) -> tuple[Manifest, Manifest]:
    """The headless service and the indexed Job of several pods.

    Args:
        pod: each of them, as for one.
        workers: how many.
        port: the master's.
    """
    metadata = pod["metadata"]
    name, labels = metadata["name"], metadata.get("labels") or {}
    annotations = metadata.get("annotations") or {}
    told = {key: value for key, value in annotations.items() if key != SPEC_ANNOTATION}  # for the pods to read
    head = {"name": name, "labels": labels, "annotations": told}
    own = {key: value for key, value in labels.items() if key not in (QUEUE, PRIORITY)}  # the Job waits, not each pod
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**head, "labels": own},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {NAME_LABEL: name},
            "ports": [{"name": "master", "port": port}],
        },
    }
    spec = {**pod["spec"], "subdomain": name}
    job: Manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": head,
        "spec": {
            "completions": workers,
            "parallelism": workers,
            "completionMode": "Indexed",
            "backoffLimit": 0,
            # its activeDeadlineSeconds stay the pods': a Job's would run while they wait for a node
            "template": {"metadata": {"labels": own, "annotations": annotations}, "spec": spec},
        },
    }
    return service, job
