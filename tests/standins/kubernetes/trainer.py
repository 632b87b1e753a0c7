"""Kubeflow Trainer 2.3 with JobSet: a TrainJob's pods, and the conditions that tell its end.

A TrainJob's JobSet is left out: its Jobs belong to the TrainJob itself, with JobSet's names and labels. One runtime
stands: `torch-distributed` (`manifests/base/runtimes/torch_distributed.yaml`), whose job and container are `node`.
"""

from __future__ import annotations

import asyncio

from tests.sources import ROOT
from tests.standins.kubernetes.admission import admit
from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.objects import ApiError, Object, copy, name_of, namespace_of
from tests.standins.kubernetes.podstatus import condition, set_condition
from tests.standins.kubernetes.resources import JOB
from tests.standins.kubernetes.schemas import install
from tests.standins.kubernetes.store import Change, Store

RUNTIME = "torch-distributed"
NODE = "node"
IMAGE = "pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime"
PORT = 29500
LONGEST = 63
FAILED = "TrainJob resources reconciliation failed"
FORBIDDEN = 'admission webhook "validator.trainjob.trainer.kubeflow.org" denied the request'


class Trainer:
    """The webhook and the controller of TrainJobs."""

    def __init__(self, store: Store, events: EventRecorder) -> None:
        install(ROOT / "tests/assets/crds/trainer.kubeflow.org_trainjobs.yaml")
        self._store, self._events = store, events
        self._dirty: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        store.webhooks.append(self._validate)
        store.listen(self._notice)

    def _validate(self, kind: str, value: Object) -> None:
        if kind != "TrainJob":
            return
        reference = (value.get("spec") or {}).get("runtimeRef") or {}
        name, given = reference.get("name"), reference.get("kind", "ClusterTrainingRuntime")
        if isinstance(name, str) and (name, given) != (RUNTIME, "ClusterTrainingRuntime"):
            lower = given[:1].lower() + given[1:]
            shown = f'{{"name":"{name}","apiGroup":"trainer.kubeflow.org","kind":"{given}"}}'
            what = f'{given}.trainer.kubeflow.org "{name}" not found'
            why = f"{what}: specified {lower} must be created before the TrainJob is created"
            message = f"{FORBIDDEN}: spec.RuntimeRef: Invalid value: {shown}: {why}"
            raise ApiError(403, "Forbidden", message)

    def _notice(self, change: Change) -> None:
        resource, namespace, name = change.key
        if resource == "trainjobs":
            self._mark(namespace, name)
        elif resource == "jobs":
            for owner in change.object["metadata"].get("ownerReferences") or ():
                if owner["kind"] == "TrainJob":
                    self._mark(namespace, owner["name"])

    def _mark(self, namespace: str, name: str) -> None:
        self._dirty.add((namespace, name))
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for namespace, name in sorted(dirty):
                found = self._store.find("trainjobs", namespace, name)
                if found is not None and not found["metadata"].get("deletionTimestamp"):
                    self._reconcile(found)
            await asyncio.sleep(0.02)

    def _reconcile(self, train: Object) -> None:
        namespace, name = namespace_of(train), f"{name_of(train)}-{NODE}-0"
        suspended = bool(train["spec"].get("suspend"))
        conditions = (train.get("status") or {}).get("conditions") or []
        if any(each["type"] in {"Complete", "Failed"} and each["status"] == "True" for each in conditions):
            return
        job = self._store.find("jobs", namespace, name)
        if job is None:
            if not self._create(train, name):
                return
        elif bool(job["spec"]["suspend"]) is not suspended:
            self._store.edit("jobs", namespace, name, lambda held: held["spec"].update(suspend=suspended))
        job = self._store.find("jobs", namespace, name)

        def change(held: Object) -> None:
            status = held.setdefault("status", {})
            if suspended:
                set_condition(status, condition("Suspended", True, "Suspended", "TrainJob is suspended"))
            elif any(each["type"] == "Suspended" for each in status.get("conditions") or ()):
                set_condition(status, condition("Suspended", False, "Resumed", "TrainJob is resumed"))
            counts = (job or {}).get("status") or {}
            over = {each["type"] for each in counts.get("conditions") or () if each["status"] == "True"}
            status["jobsStatus"] = [{
                "name": NODE, "ready": int(bool(counts.get("ready"))), "active": int(bool(counts.get("active"))),
                "succeeded": int("Complete" in over), "failed": int("Failed" in over), "suspended": int(suspended),
            }]  # fmt: skip
            if "Complete" in over:
                message = "jobset completed successfully"
                set_condition(status, condition("Complete", True, "AllJobsCompleted", message))
            elif "Failed" in over:
                message = f"jobset failed due to one or more job failures (first failed job: {name})"
                set_condition(status, condition("Failed", True, "FailedJobs", message))

        self._store.edit("trainjobs", namespace, name_of(train), change)

    def _create(self, train: Object, name: str) -> bool:
        """Make the Job of the nodes, as JobSet does."""
        longest = f"{name}-{_nodes(train) - 1}-abcde"
        if len(longest) > LONGEST:
            words = "JobSet name is too long, pod names generated for this JobSet will exceed 63 characters"
            message = f'{FAILED}: admission webhook "vjobset.kb.io" denied the request: {words}'
            self._events.record(train, "TrainJobResourcesCreationFailed", message, source="trainer", warning=True)
            return False
        value: Object = {
            "metadata": {
                "name": name, "namespace": namespace_of(train), "labels": _labels(train, name),
                "ownerReferences": [{
                    "apiVersion": train["apiVersion"], "kind": "TrainJob", "name": name_of(train),
                    "uid": train["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
                }],
            },
            "spec": {
                "completions": _nodes(train), "parallelism": _nodes(train), "completionMode": "Indexed",
                "backoffLimit": 0, "suspend": bool(train["spec"].get("suspend")),
                "template": {"metadata": {"labels": _labels(train, name)}, "spec": _pod_spec(train)},
            },
        }  # fmt: skip
        try:
            admit(self._store, JOB, value)
        except ApiError as error:
            message = f"{FAILED}: {error.message}"
            self._events.record(train, "TrainJobResourcesCreationFailed", message, source="trainer", warning=True)
            return False
        self._store.create("jobs", value)
        return True


def pod_sets_of(_store: Store, train: Object) -> list[Object]:
    """What Kueue counts of a TrainJob."""
    return [{"name": NODE, "count": _nodes(train), "template": {"spec": copy(_pod_spec(train))}}]


def _nodes(train: Object) -> int:
    return int((train["spec"].get("trainer") or {}).get("numNodes") or 1)


def _labels(train: Object, job: str) -> dict[str, str]:
    """The labels that JobSet gives to its Jobs and to their pods."""
    prefix = "jobset.sigs.k8s.io"
    return {
        f"{prefix}/jobset-name": name_of(train),
        f"{prefix}/replicatedjob-name": NODE,
        f"{prefix}/replicatedjob-replicas": "1",
        f"{prefix}/job-index": "0",
        f"{prefix}/job-global-index": "0",
        f"{prefix}/global-replicas": "1",
        f"{prefix}/restart-attempt": "0",
        f"{prefix}/job-key": job[:50],
        "trainer.kubeflow.org/trainjob-ancestor-step": "trainer",
    }


def _pod_spec(train: Object) -> Object:
    """The runtime's pod with what the TrainJob's trainer says over it."""
    given = train["spec"].get("trainer") or {}
    master = f"{name_of(train)}-{NODE}-0-0.{name_of(train)}"
    rank = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
    distributed = [
        {"name": "PET_NNODES", "value": str(_nodes(train))},
        {"name": "PET_NPROC_PER_NODE", "value": str(given.get("numProcPerNode", 1))},
        {"name": "PET_NODE_RANK", "valueFrom": rank},
        {"name": "PET_MASTER_ADDR", "value": master},
        {"name": "PET_MASTER_PORT", "value": str(PORT)},
    ]
    container: Object = {"name": NODE, "image": given.get("image", IMAGE),
                         "env": [*(given.get("env") or ()), *distributed],
                         "resources": given.get("resourcesPerNode") or {}}  # fmt: skip
    for field in ("command", "args"):
        if given.get(field):
            container[field] = given[field]
    spec: Object = {"containers": [container], "restartPolicy": "Never", "subdomain": name_of(train)}
    return copy(_patched(train, spec))


def _patched(train: Object, spec: Object) -> Object:
    """The pod's spec with the TrainJob's runtime patches of it: volumes and mounts, which `trainer` has no word for."""
    for patch in train["spec"].get("runtimePatches") or ():
        jobs = (((patch.get("trainingRuntimeSpec") or {}).get("template") or {}).get("spec") or {}).get(
            "replicatedJobs"
        )
        for job in jobs or ():
            template = ((job.get("template") or {}).get("spec") or {}).get("template") or {}
            given = template.get("spec") or {}
            if given.get("volumes"):
                spec["volumes"] = [*(spec.get("volumes") or ()), *given["volumes"]]
            for each in given.get("containers") or ():
                if each["name"] == NODE and each.get("volumeMounts"):
                    mounts = spec["containers"][0].get("volumeMounts") or ()
                    spec["containers"][0]["volumeMounts"] = [*mounts, *each["volumeMounts"]]
            for field in ("securityContext", "serviceAccountName"):
                if field in given:
                    spec[field] = given[field]
    return spec
