"""A training task that is a TrainJob of Kubeflow Trainer, as a user of its `torch-distributed` runtime writes it."""

from __future__ import annotations

from typing import Any

MANAGER = "automl.example.com/trials"


def trainjob(
    command: list[str], *, nodes: int = 1, mount: dict[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:  # fmt: skip
    """The training task.

    Args:
        command: of each node's container.
        nodes: how many.
        mount: {host_path, path}: the folder of the runs, mounted by a runtime patch.
        fields: further fields of the task.
    """
    trainer = {"image": "python:3.11", "command": command, "numNodes": nodes,
               "resourcesPerNode": {"requests": {"cpu": "1"}}}  # fmt: skip
    spec: dict[str, Any] = {"runtimeRef": {"name": "torch-distributed"}, "trainer": trainer}
    if mount is not None:
        volume = {"name": "runs", "hostPath": {"path": mount["host_path"]}}
        container = {"name": "node", "volumeMounts": [{"name": "runs", "mountPath": mount["path"]}]}
        pod = {"spec": {"volumes": [volume], "containers": [container]}}
        job = {"name": "node", "template": {"spec": {"template": pod}}}
        patch = {"template": {"spec": {"replicatedJobs": [job]}}}
        spec["runtimePatches"] = [{"manager": MANAGER, "trainingRuntimeSpec": patch}]
        fields["storage_path"] = mount["path"]
    return {
        "name": "train",
        "backend": "custom_resource",
        "resource": {"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "spec": spec},
        "env_at": ["spec.trainer.env"],
        "success": [{"condition": "Complete"}],
        "failure": [{"condition": "Failed"}],
        "pods": {
            "label": "jobset.sigs.k8s.io/jobset-name",
            "main": {
                "jobset.sigs.k8s.io/replicatedjob-name": "node",
                "batch.kubernetes.io/job-completion-index": "0",
            },
            "container": "node",
        },
        "grace": "2s",
        **fields,
    }
