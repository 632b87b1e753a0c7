"""Kueue 0.19: queued pods are gated, queued Jobs and TrainJobs suspended, until a ClusterQueue has the quota.

What its webhooks and controllers do to plain pods (`pkg/controller/jobs/pod`), Jobs and TrainJobs, with Workloads that
have its conditions, reasons and messages: admission by priority and age, LocalQueues and ClusterQueues that are missing
or stopped, preemption within a ClusterQueue. Without: cohorts, borrowing, admission checks, topology, pod groups.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha1
from typing import Any

from tests.sources import ROOT
from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.jobs import finished, is_over
from tests.standins.kubernetes.objects import Object, copy, name_of, namespace_of, timestamp
from tests.standins.kubernetes.podstatus import condition, set_condition
from tests.standins.kubernetes.quotas import Usage, assign, total
from tests.standins.kubernetes.resources import plural_of
from tests.standins.kubernetes.schemas import install
from tests.standins.kubernetes.store import Change, Store
from tests.standins.kubernetes.trainer import pod_sets_of

QUEUE = "kueue.x-k8s.io/queue-name"
PRIORITY = "kueue.x-k8s.io/priority-class"
MANAGED = "kueue.x-k8s.io/managed"
GATE = "kueue.x-k8s.io/admission"
UID = "kueue.x-k8s.io/job-uid"
CRDS = ROOT / "tests/assets/crds"
KINDS = {"pods": "Pod", "jobs": "Job", "trainjobs": "TrainJob"}
VERSIONS = {"Pod": ("", "v1"), "Job": ("batch", "batch/v1"),
            "TrainJob": ("trainer.kubeflow.org", "trainer.kubeflow.org/v1alpha1")}  # fmt: skip
OURS = frozenset({*KINDS, "workloads", "localqueues", "clusterqueues", "workloadpriorityclasses"})


class Kueue:
    """`delete` and `release` are the cluster's."""

    def __init__(
        self, store: Store, events: EventRecorder, delete: Callable[[str, Object, int | None, str | None], Object],
        release: Callable[[str, Object], None],
    ) -> None:  # fmt: skip
        for name in ("workloads", "localqueues", "clusterqueues", "workloadpriorityclasses"):
            install(CRDS / f"kueue.x-k8s.io_{name}.yaml")
        self._store, self._events, self._delete, self._release = store, events, delete, release
        self._taken: dict[str, Usage] = {}
        """Workload uid → the quota that it holds."""
        self._wake = asyncio.Event()
        store.webhooks.append(self._mutate)
        store.listen(self._notice)

    def _notice(self, change: Change) -> None:
        if change.key[0] in OURS:
            self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._reconcile()
            await asyncio.sleep(0.02)

    # the webhooks

    def _mutate(self, kind: str, value: Object) -> None:
        metadata = value["metadata"]
        labels = metadata.get("labels") or {}
        if kind not in KINDS.values() or QUEUE not in labels or self._has_queued_owner(value):
            return
        if kind == "Pod":
            metadata["labels"] = {**labels, MANAGED: "true"}
            metadata["finalizers"] = [*(metadata.get("finalizers") or ()), MANAGED]
            gates = value["spec"].get("schedulingGates") or []
            value["spec"]["schedulingGates"] = [*gates, {"name": GATE}]
            metadata["annotations"] = {**(metadata.get("annotations") or {}), "kueue.x-k8s.io/role-hash": "standin"}
        else:
            value.setdefault("spec", {})["suspend"] = True
        if kind == "TrainJob":
            patch = {"manager": "kueue.x-k8s.io/manager", "time": timestamp(),
                     "trainingRuntimeSpec": {"template": {"spec": {}}}}  # fmt: skip
            value["spec"]["runtimePatches"] = [*(value["spec"].get("runtimePatches") or ()), patch]

    def _has_queued_owner(self, value: Object) -> bool:
        for reference in value["metadata"].get("ownerReferences") or ():
            plural = plural_of(reference["kind"])
            owner = self._store.find(plural, namespace_of(value), reference["name"]) if plural else None
            if owner is not None and (
                QUEUE in (owner["metadata"].get("labels") or {}) or self._has_queued_owner(owner)
            ):  # fmt: skip
                return True
        return False

    # the controllers

    def _reconcile(self) -> None:
        for plural in KINDS:
            for value in self._store.select(plural):
                if self._is_queued(plural, value):
                    self._follow(plural, value)
        held = {each["metadata"]["uid"] for each in self._store.select("workloads")}
        for uid in set(self._taken) - held:
            del self._taken[uid]
        pending = []
        for workload in self._store.select("workloads"):
            if _is(workload, "Finished") or workload["metadata"]["uid"] in self._taken:
                continue
            pending.append(workload)
        for workload in sorted(pending, key=_order):
            self._schedule(workload)

    def _is_queued(self, plural: str, value: Object) -> bool:
        labels = value["metadata"].get("labels") or {}
        return QUEUE in labels and (plural != "pods" or labels.get(MANAGED) == "true")

    def _follow(self, plural: str, value: Object) -> None:
        """Make the Workload of an object, start it once that is admitted, and end both together."""
        over = is_over(value) if plural == "pods" else _finished(plural, value)
        workload = self._store.find("workloads", namespace_of(value), workload_name(KINDS[plural], value))
        leaving = bool(value["metadata"].get("deletionTimestamp"))
        if over or leaving:
            if workload is not None and not (leaving and plural == "pods" and _runs(value)):
                self._finish(workload, value, over=over)
            if plural == "pods":  # `Pod.Load`: one that is deleted loses the finalizer at once
                self._let_go(value)
            return
        if workload is None:
            self._make(plural, value)
        elif _is(workload, "Evicted") and not _is(workload, "QuotaReserved"):
            if not _is_suspended(plural, value):
                self._stop(plural, value, workload)
        elif _is(workload, "Admitted") and _is_suspended(plural, value):
            self._start(plural, value)

    def _make(self, plural: str, value: Object) -> None:
        kind = KINDS[plural]
        labels = value["metadata"]["labels"]
        name = labels.get(PRIORITY)
        found = self._store.find("workloadpriorityclasses", "", name) if name else None
        spec: Object = {"queueName": labels[QUEUE], "active": True, "podSets": self._pod_sets(plural, value),
                        "priority": int(found["value"]) if found else 0}  # fmt: skip
        if name:
            spec["priorityClassRef"] = {"group": "kueue.x-k8s.io", "kind": "WorkloadPriorityClass", "name": name}
        self._store.create("workloads", {
            "kind": "Workload", "apiVersion": "kueue.x-k8s.io/v1beta2",
            "metadata": {
                "name": workload_name(kind, value), "namespace": namespace_of(value),
                "labels": {UID: value["metadata"]["uid"]},
                "ownerReferences": [{
                    "apiVersion": VERSIONS[kind][1], "kind": kind, "name": name_of(value),
                    "uid": value["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
                }],
            },
            "spec": spec, "status": {},
        })  # fmt: skip

    def _pod_sets(self, plural: str, value: Object) -> list[Object]:
        if plural == "pods":
            return [{"name": "main", "count": 1, "template": {"spec": copy(value["spec"])}}]
        if plural == "jobs":
            template = copy(value["spec"]["template"])
            return [{"name": "main", "count": value["spec"]["parallelism"], "template": template}]
        return pod_sets_of(self._store, value)

    def _schedule(self, workload: Object) -> None:
        """Admit a Workload, make room for it, or say why it waits."""
        namespace, name = namespace_of(workload), str(workload["spec"]["queueName"])
        local = self._store.find("localqueues", namespace, name)
        if local is None:
            return self._wait(workload, "Inadmissible", f"LocalQueue {name} doesn't exist")
        if local["spec"].get("stopPolicy", "None") != "None":
            return self._wait(workload, "Inadmissible", f"LocalQueue {name} is inactive")
        above = str(local["spec"]["clusterQueue"])
        queue = self._store.find("clusterqueues", "", above)
        if queue is None:
            return self._wait(workload, "Inadmissible", f"ClusterQueue {above} doesn't exist")
        if queue["spec"].get("stopPolicy", "None") != "None":
            return self._wait(workload, "Inadmissible", f"ClusterQueue {above} is inactive")
        holders = [each for each in self._store.select("workloads")
                   if each["metadata"]["uid"] in self._taken and self._cluster_queue(each) == above]  # fmt: skip
        used = total(self._taken[each["metadata"]["uid"]] for each in holders)
        pod_sets = copy(workload)["spec"]["podSets"]
        taken, problem = assign(queue, pod_sets, used)
        if problem:
            if (queue["spec"].get("preemption") or {}).get("withinClusterQueue") == "LowerPriority":
                self._preempt(workload, queue, holders, pod_sets)
            return self._wait(workload, "Pending", problem)
        self._taken[workload["metadata"]["uid"]] = taken
        return self._admit(workload, above)

    def _cluster_queue(self, workload: Object) -> str:
        return str(((workload.get("status") or {}).get("admission") or {}).get("clusterQueue"))

    def _wait(self, workload: Object, reason: str, message: str) -> None:
        def change(held: Object) -> None:
            set_condition(held.setdefault("status", {}), condition("QuotaReserved", False, reason, message))

        self._edit(workload, change)

    def _admit(self, workload: Object, queue: str) -> None:
        def change(held: Object) -> None:
            status = held.setdefault("status", {})
            assignments = [{"name": each["name"], "count": each["count"]} for each in held["spec"]["podSets"]]
            status["admission"] = {"clusterQueue": queue, "podSetAssignments": assignments}
            message = f"Quota reserved in ClusterQueue {queue}"
            set_condition(status, condition("QuotaReserved", True, "QuotaReserved", message))
            set_condition(status, condition("Admitted", True, "Admitted", "The workload is admitted"))
            for kind in ("Evicted", "Preempted"):
                if _is(held, kind):
                    set_condition(status, condition(kind, False, "QuotaReserved", "Previously: " + kind))

        self._edit(workload, change)

    def _preempt(self, workload: Object, queue: Object, holders: list[Object], pod_sets: list[Object]) -> None:
        """Evict as few of the Workloads with a lower priority as make room, the lowest and youngest first."""
        lower = [each for each in holders if each["spec"]["priority"] < workload["spec"]["priority"]]
        victims: list[Object] = []
        for each in sorted(lower, key=_order, reverse=True):
            victims.append(each)
            gone = {victim["metadata"]["uid"] for victim in victims}
            rest = total(self._taken[h["metadata"]["uid"]] for h in holders if h["metadata"]["uid"] not in gone)
            if not assign(queue, copy({"x": pod_sets})["x"], rest)[1]:
                break
        else:
            return
        for victim in victims:
            path = f"/{name_of(queue)}"
            self.evict(victim, "Preempted", (
                f"Preempted to accommodate a workload (UID: {workload['metadata']['uid']}, JobUID: "
                f"{workload['metadata']['labels'][UID]}) due to prioritization in the ClusterQueue; preemptor path: "
                f"{path}; preemptee path: {path}"
            ))  # fmt: skip

    def evict(self, workload: Object, reason: str, message: str) -> None:
        def change(held: Object) -> None:
            status = held["status"]
            set_condition(status, condition("Evicted", True, reason, message))
            if reason == "Preempted":
                set_condition(status, condition("Preempted", True, "InClusterQueue", message))
            set_condition(status, condition("QuotaReserved", False, "Pending", message))
            set_condition(status, condition("Admitted", False, "NoReservation", "The workload has no reservation"))
            status.pop("admission", None)

        self._edit(workload, change)

    def _start(self, plural: str, value: Object) -> None:
        def change(held: Object) -> None:
            if plural == "pods":
                gates = [each for each in held["spec"]["schedulingGates"] if each["name"] != GATE]
                held["spec"].pop("schedulingGates")
                if gates:
                    held["spec"]["schedulingGates"] = gates
                else:
                    conditions = held["status"].get("conditions") or []
                    held["status"]["conditions"] = [each for each in conditions if each["type"] != "PodScheduled"]
            else:
                held["spec"]["suspend"] = False

        self._edit(value, change, plural)
        self._events.record(value, "Started", "Admitted by clusterQueue", source=f"{KINDS[plural].lower()}-kueue")

    def _stop(self, plural: str, value: Object, workload: Object) -> None:
        found = next(each for each in workload["status"]["conditions"] if each["type"] == "Evicted")
        reason, message = f"WorkloadEvictedDueTo{found['reason']}", str(found["message"])
        if plural != "pods":

            def suspend(held: Object) -> None:
                held["spec"]["suspend"] = True
                if plural == "jobs":
                    held["status"].pop("startTime", None)

            self._edit(value, suspend, plural)
            self._taken.pop(workload["metadata"]["uid"], None)
        else:
            target = condition("TerminationTarget", True, reason, message)
            self._edit(value, lambda held: set_condition(held["status"], target), plural)
            self._delete(plural, self._store.get(plural, namespace_of(value), name_of(value)), None, None)
        self._events.record(value, "Stopped", message, source=f"{KINDS[plural].lower()}-kueue")

    def _finish(self, workload: Object, value: Object, *, over: bool) -> None:
        self._taken.pop(workload["metadata"]["uid"], None)
        if _is(workload, "Finished"):
            return
        phase = (value.get("status") or {}).get("phase")
        failed = phase == "Failed" or _is(value, "Failed")
        reason = ("Failed" if failed else "Succeeded") if over else "OwnerNotFound"

        def change(held: Object) -> None:
            set_condition(held["status"], condition("Finished", True, reason, ""))

        self._edit(workload, change)

    def _let_go(self, pod: Object) -> None:
        if MANAGED not in (pod["metadata"].get("finalizers") or ()):
            return

        def change(held: Object) -> None:
            held["metadata"]["finalizers"] = [each for each in held["metadata"]["finalizers"] if each != MANAGED]

        self._edit(pod, change, "pods")
        left = self._store.find("pods", namespace_of(pod), name_of(pod))
        if left is not None:
            self._release("pods", left)

    def _edit(self, value: Object, change: Callable[[Object], Any], plural: str = "workloads") -> None:
        self._store.edit(plural, namespace_of(value), name_of(value), change)


def workload_name(kind: str, value: Object) -> str:
    """As `GetWorkloadNameForOwnerWithGVK` of Kueue 0.19.2 makes it."""
    group, name, uid = VERSIONS[kind][0], name_of(value), value["metadata"]["uid"]
    digest = sha1(f"{kind}\n{group}\n{name}\n{uid}".encode(), usedforsecurity=False).hexdigest()[:5]
    return f"{kind.lower()}-{name}"[:57] + f"-{digest}"


def _order(workload: Object) -> tuple[int, str, int]:
    """Higher priority first, then the older one."""
    metadata = workload["metadata"]
    return -workload["spec"]["priority"], metadata["creationTimestamp"], int(metadata["resourceVersion"])


def _is(value: Object, kind: str) -> bool:
    return any(each["type"] == kind and each["status"] == "True"
               for each in (value.get("status") or {}).get("conditions") or ())  # fmt: skip


def _finished(plural: str, value: Object) -> bool:
    return finished(value) if plural == "jobs" else _is(value, "Complete") or _is(value, "Failed")


def _is_suspended(plural: str, value: Object) -> bool:
    if plural == "pods":
        return any(each["name"] == GATE for each in value["spec"].get("schedulingGates") or ())
    return bool(value["spec"].get("suspend"))


def _runs(pod: Object) -> bool:
    return bool(pod["spec"].get("nodeName")) and not is_over(pod)
