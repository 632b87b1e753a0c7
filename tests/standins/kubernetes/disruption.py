"""What happens to pods without their doing: nodes lost, evictions, preemptions, deletions by others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.kubelet import Kubelet
from tests.standins.kubernetes.objects import Object, name_of, namespace_of, not_found, seconds_of, timestamp
from tests.standins.kubernetes.podstatus import condition, set_condition
from tests.standins.kubernetes.podworker import EVICTION_GRACE, Failure
from tests.standins.kubernetes.scheduler import restore, silence
from tests.standins.kubernetes.store import Store

LOST_PODS = ("terminating", "unknown", "failed", "gone")
"""What becomes of a lost node's pods.

terminating: marked for deletion, still Running, until the node is back or they are deleted by force (what 1.36 does).
unknown, failed: that phase besides, with reason NodeLost, as older clusters and cloud controllers do.
gone: Failed, then removed by the pod garbage collector, as where the node is deleted.
"""


def place_of(text: str) -> tuple[str, str]:
    """`namespace/name` or `name`, which lies in default."""
    namespace, slash, name = text.rpartition("/")
    return (namespace if slash else "default"), name


class Disruption:
    """Does to pods what a cluster may do."""

    def __init__(self, store: Store, events: EventRecorder, kubelet: Kubelet) -> None:
        self._store = store
        self._events = events
        self._kubelet = kubelet

    async def lose_node(
        self, name: str, pods: str = "terminating", eviction: float = 0.5, trains_on: bool = False
    ) -> None:
        """Cut a node off. `eviction`: seconds until its pods are evicted (a cluster waits five minutes).

        `trains_on`: only its kubelet stands still; what runs there goes on until the node is back.
        """
        self._store.get("nodes", "", name)
        lost = self._kubelet.lose(name, trains_on)
        silence(self._store, name)
        self._events.record(self._store.get("nodes", "", name), "NodeNotReady", f"Node {name} status is now: "
                            "NodeNotReady", source="node-controller", warning=True)  # fmt: skip
        for pod in lost:
            if pod["status"].get("phase") not in {"Succeeded", "Failed"}:
                self._edit(pod, lambda held: set_condition(held["status"], condition("Ready", False, "NodeNotReady")))
        await asyncio.sleep(eviction)
        if name in self._kubelet.lost:
            for pod in lost:
                self._taken(pod, name, pods)

    def _taken(self, pod: Object, node: str, fate: str) -> None:
        current = self._store.find("pods", namespace_of(pod), name_of(pod))
        if current is None or current["status"].get("phase") in {"Succeeded", "Failed"}:
            return
        message = f"Node {node} which was running pod {name_of(pod)} is unresponsive"
        reason, why = ("DeletionByPodGC", "PodGC: node no longer exists") if fate == "gone" else (
            "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")  # fmt: skip

        def change(held: Object) -> None:
            set_condition(held["status"], condition("DisruptionTarget", True, reason, why))
            held["status"] |= {"reason": "NodeLost", "message": message}
            if fate in {"unknown", "failed", "gone"}:
                held["status"]["phase"] = "Unknown" if fate == "unknown" else "Failed"
            mark_deleted(held, held["spec"]["terminationGracePeriodSeconds"])

        self._events.record(pod, "TaintManagerEviction", f"Marking for deletion Pod {namespace_of(pod)}/{name_of(pod)}",
                            source="taint-eviction-controller")  # fmt: skip
        self._edit(pod, change)
        if fate == "gone":
            self._store.remove("pods", namespace_of(pod), name_of(pod))

    def restore_node(self, name: str) -> None:
        """Let a node answer again: pods that were marked for deletion go, as its kubelet ends them."""
        self._store.get("nodes", "", name)
        self._kubelet.find_again(name)
        restore(self._store, name)
        for pod in self._store.select("pods"):
            if pod["spec"].get("nodeName") != name:
                continue
            if pod["metadata"].get("deletionTimestamp"):
                self._store.remove("pods", namespace_of(pod), name_of(pod))
            elif pod["status"].get("phase") not in {"Succeeded", "Failed"}:
                self._edit(pod, _lost_containers)

    def evict(self, place: str) -> None:
        """Evict a pod under node pressure: it stays, Failed, or Succeeded where all of it exits with 0 in time."""
        pod = self._find(place)
        name = str(pod["spec"]["containers"][0]["name"])
        message = (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 64Mi. "
            f"Container {name} was using 1Gi, request is 0, has larger consumption of memory. "
        )
        target = condition("DisruptionTarget", True, "TerminationByKubelet", message)
        node = str(pod["spec"].get("nodeName", ""))
        self._events.record(pod, "Evicted", message, source="kubelet", host=node, warning=True)
        self._kubelet.fail(pod, Failure("Evicted", message, target), EVICTION_GRACE)

    def preempt(self, place: str) -> None:
        """Let the scheduler take a pod's place for another: it is deleted, with its grace."""
        pod = self._find(place)
        message = "default-scheduler: preempting to accommodate a higher priority pod"
        node = pod["spec"].get("nodeName", "")
        self._events.record(pod, "Preempted", f"Preempted by pod 00000000-0000-4000-8000-000000000000 on node {node}",
                            source="default-scheduler")  # fmt: skip
        self._disrupt(pod, "PreemptionByScheduler", message)

    def evict_by_api(self, namespace: str, name: str) -> None:
        """What `kubectl drain` asks for."""
        pod = self._store.get("pods", namespace, name)
        self._disrupt(pod, "EvictionByEvictionAPI", "Eviction API: evicting")

    def vanish(self, place: str) -> None:
        """Remove a pod at once, as `kubectl delete --force` by somebody else."""
        pod = self._find(place)
        self._store.remove("pods", namespace_of(pod), name_of(pod))

    def _disrupt(self, pod: Object, reason: str, message: str) -> None:
        def change(held: Object) -> None:
            set_condition(held["status"], condition("DisruptionTarget", True, reason, message))
            mark_deleted(held, held["spec"]["terminationGracePeriodSeconds"])

        self._edit(pod, change)
        if not pod["spec"].get("nodeName") or pod["status"].get("phase") in {"Succeeded", "Failed"}:
            self._store.remove("pods", namespace_of(pod), name_of(pod))

    def _find(self, place: str) -> Object:
        namespace, name = place_of(place)
        found = self._store.find("pods", namespace, name)
        if found is None:
            raise not_found("pods", name)
        return found

    def _edit(self, pod: Object, change: Callable[[Object], None]) -> None:
        self._store.edit("pods", namespace_of(pod), name_of(pod), change)


def mark_deleted(value: Object, grace: float) -> None:
    """Set when an object is to be gone: its grace after it was asked to; a second, shorter one shortens the first."""
    metadata, grace = value["metadata"], int(grace)
    first = metadata.get("deletionTimestamp")
    before = metadata.get("deletionGracePeriodSeconds", 0)
    if first is None:
        metadata["deletionTimestamp"] = timestamp(time.time() + grace)
    elif grace < before:
        metadata["deletionTimestamp"] = timestamp(seconds_of(first) - before + grace)
    metadata["deletionGracePeriodSeconds"] = grace if first is None else min(grace, before)


def _lost_containers(pod: Object) -> None:
    """What a kubelet reports after a restart of its node: the containers are gone."""
    pod["status"]["phase"] = "Failed"
    for container in pod["status"].get("containerStatuses") or ():
        container |= {"ready": False, "started": False}
        container["state"] = {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown",
                                             "message": "The container could not be located when the pod was "
                                             "terminated", "startedAt": None, "finishedAt": None}}  # fmt: skip
    for kind in ("Ready", "ContainersReady"):
        set_condition(pod["status"], condition(kind, False, "PodFailed"))
