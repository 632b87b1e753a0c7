"""Deployments and StatefulSets: their pods, and how far an update has come.

A Deployment's ReplicaSets are left out: its pods belong to it, with the label `pod-template-hash` that ReplicaSets
give. `RollingUpdate` goes as `maxUnavailable: 0, maxSurge: 1` has it, whatever is asked for. A StatefulSet's pods are
replaced one at a time, from the last to the first, each by one of the same name; its claims are made and stay. Without:
progress deadlines, pauses, partitions, history.
"""

from __future__ import annotations

import asyncio
import hashlib
from random import Random
from typing import Any

from tests.standins.kubernetes.admission import admit, generated_name
from tests.standins.kubernetes.disruption import mark_deleted
from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.objects import ApiError, Object, copy, encode, name_of, namespace_of
from tests.standins.kubernetes.podstatus import condition, set_condition
from tests.standins.kubernetes.resources import BY_PLACE, POD
from tests.standins.kubernetes.store import Change, Store

HASH = "pod-template-hash"
REVISION = "controller-revision-hash"
KINDS = {"Deployment": "deployments", "StatefulSet": "statefulsets"}
_CLAIM = BY_PLACE["", "v1", "persistentvolumeclaims"]


class WorkloadController:
    """Makes what Deployments and StatefulSets want, a step at a time."""

    def __init__(self, store: Store, events: EventRecorder, random: Random) -> None:
        self._store, self._events, self._random = store, events, random
        self._dirty: set[tuple[str, str, str]] = set()
        self._wake = asyncio.Event()
        store.listen(self._notice)

    def _notice(self, change: Change) -> None:
        resource, namespace, name = change.key
        if resource in KINDS.values() and change.type != "DELETED":
            self._mark(resource, namespace, name)
        elif resource == "pods":
            for owner in change.object["metadata"].get("ownerReferences") or ():
                if owner["kind"] in KINDS:
                    self._mark(KINDS[owner["kind"]], namespace, owner["name"])

    def _mark(self, *key: str) -> None:
        self._dirty.add(key)  # type: ignore[arg-type]
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for key in sorted(dirty):
                found = self._store.find(*key)
                if found is not None and not found["metadata"].get("deletionTimestamp"):
                    self._reconcile(key[0], found)
            await asyncio.sleep(0.01)

    def _reconcile(self, resource: str, workload: Object) -> None:
        pods = [pod for key in self._store.dependents(workload["metadata"]["uid"])
                if (pod := self._store.find(*key)) is not None and key[0] == "pods"]  # fmt: skip
        for pod in pods:
            if resource == "statefulsets" and pod["status"].get("phase") in {"Succeeded", "Failed"}:
                self._store.remove("pods", namespace_of(pod), name_of(pod))  # the next one has its name
        alive = [pod for pod in pods if pod["status"].get("phase") not in {"Succeeded", "Failed"}
                 and not pod["metadata"].get("deletionTimestamp")]  # fmt: skip
        digest = hashlib.sha256(encode(workload["spec"]["template"])).hexdigest()[:10]
        step = self._roll if resource == "deployments" else self._replace
        failure = step(workload, alive, pods, digest)
        self._report(resource, workload, digest, failure)

    def _roll(self, workload: Object, alive: list[Object], pods: list[Object], digest: str) -> str:
        wanted = workload["spec"]["replicas"]
        new = [pod for pod in alive if pod["metadata"]["labels"].get(HASH) == digest]
        old = [pod for pod in alive if pod not in new]
        failure = ""
        room = wanted + (1 if old else 0) - len(alive)
        for _ in range(max(0, min(wanted - len(new), room))):
            failure = failure or self._make(workload, generated_name(f"{name_of(workload)}-{digest}-", self._random),
                                            {HASH: digest})  # fmt: skip
        for pod in sorted(new, key=_ready)[: max(0, len(new) - wanted)]:
            self._end(pod)
        spare = sum(map(_ready, alive)) - wanted
        for pod in sorted(old, key=_ready):
            if not _ready(pod):
                self._end(pod)
            elif spare > 0:
                self._end(pod)
                spare -= 1
        return failure

    def _replace(self, workload: Object, alive: list[Object], pods: list[Object], digest: str) -> str:
        wanted, failure = workload["spec"]["replicas"], ""
        there = {name_of(pod): pod for pod in pods}
        for index in range(wanted):
            name = f"{name_of(workload)}-{index}"
            for claim in workload["spec"].get("volumeClaimTemplates") or ():
                self._claim(workload, claim, f"{claim['metadata']['name']}-{name}")
            if name not in there:
                failure = failure or self._make(workload, name, {REVISION: digest})
        for pod in alive:
            if int(name_of(pod).rpartition("-")[2]) >= wanted:
                self._end(pod)
        if all(map(_ready, alive)) and len(alive) >= wanted:
            old = [pod for pod in alive if pod["metadata"]["labels"].get(REVISION) != digest]
            if old:
                self._end(max(old, key=name_of))
        return failure

    def _make(self, workload: Object, name: str, labels: dict[str, str]) -> str:
        """Make a pod. Returns why it can't be made, empty where it was."""
        template = copy(workload["spec"]["template"])
        metadata = template.get("metadata") or {}
        metadata |= {
            "name": name, "namespace": namespace_of(workload),
            "labels": {**(metadata.get("labels") or {}), **labels},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": workload["kind"], "name": name_of(workload),
                "uid": workload["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
            }],
        }  # fmt: skip
        spec = template["spec"]
        for claim in workload["spec"].get("volumeClaimTemplates") or ():
            volume = claim["metadata"]["name"]
            source = {"name": volume, "persistentVolumeClaim": {"claimName": f"{volume}-{name}"}}
            spec["volumes"] = [*(each for each in spec.get("volumes") or () if each["name"] != volume), source]
        pod: Object = {"metadata": metadata, "spec": spec}
        try:
            admit(self._store, POD, pod)
        except ApiError as error:
            self._events.record(workload, "FailedCreate", f"Error creating: {error.message}",
                                source="workload-controller", warning=True)  # fmt: skip
            return error.message
        self._store.create("pods", pod)
        return ""

    def _claim(self, workload: Object, template: Object, name: str) -> None:
        if self._store.find("persistentvolumeclaims", namespace_of(workload), name) is None:
            labels = workload["spec"]["selector"].get("matchLabels") or {}
            claim: Object = {
                "metadata": {"name": name, "namespace": namespace_of(workload), "labels": labels},
                "spec": copy(template["spec"]),
            }
            admit(self._store, _CLAIM, claim)
            self._store.create("persistentvolumeclaims", claim)

    def _end(self, pod: Object) -> None:
        if pod["spec"].get("nodeName"):
            grace = pod["spec"]["terminationGracePeriodSeconds"]
            self._store.edit("pods", namespace_of(pod), name_of(pod), lambda held: mark_deleted(held, grace))
        else:
            self._store.remove("pods", namespace_of(pod), name_of(pod))

    def _report(self, resource: str, workload: Object, digest: str, failure: str) -> None:
        pods = [pod for key in self._store.dependents(workload["metadata"]["uid"])
                if (pod := self._store.find(*key)) is not None and key[0] == "pods"]  # fmt: skip
        alive = [pod for pod in pods if pod["status"].get("phase") not in {"Succeeded", "Failed"}
                 and not pod["metadata"].get("deletionTimestamp")]  # fmt: skip
        label = HASH if resource == "deployments" else REVISION
        updated = [pod for pod in alive if pod["metadata"]["labels"].get(label) == digest]
        ready = sum(map(_ready, alive))
        counts = {
            "observedGeneration": workload["metadata"]["generation"], "replicas": len(alive),
            "updatedReplicas": len(updated), "readyReplicas": ready, "availableReplicas": ready,
        }  # fmt: skip

        def change(held: Object) -> None:
            status: dict[str, Any] = held.setdefault("status", {})
            before = status.get("currentRevision")
            status |= counts
            if resource == "statefulsets":
                whole = len(updated) == held["spec"]["replicas"] == ready
                status |= {"updateRevision": digest, "currentRevision": digest if whole or not before else before}
                return
            if failure:
                set_condition(status, condition("ReplicaFailure", True, "FailedCreate", failure))
            elif any(each["type"] == "ReplicaFailure" for each in status.get("conditions") or ()):
                status["conditions"] = [each for each in status["conditions"] if each["type"] != "ReplicaFailure"]

        self._store.edit(resource, namespace_of(workload), name_of(workload), change)


def _ready(pod: Object) -> bool:
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions") or ())
