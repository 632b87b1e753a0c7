"""The whole cluster: the store, its controllers, and what becomes of objects that lose their owner."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.standins.kubernetes.admission import initial_objects, own_pods
from tests.standins.kubernetes.disruption import Disruption, mark_deleted
from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.faults import Faults, Journal
from tests.standins.kubernetes.jobs import JobController
from tests.standins.kubernetes.kubelet import Kubelet
from tests.standins.kubernetes.kueue import Kueue
from tests.standins.kubernetes.logs import LogSettings
from tests.standins.kubernetes.objects import Object, copy, name_of, namespace_of
from tests.standins.kubernetes.resources import plural_of
from tests.standins.kubernetes.scheduler import Scheduler, new_node
from tests.standins.kubernetes.store import Change, Store, owners
from tests.standins.kubernetes.times import PodTimes
from tests.standins.kubernetes.trainer import Trainer
from tests.standins.kubernetes.workloads import WorkloadController


@dataclass(frozen=True)
class Settings:
    """How large the cluster is and how fast it goes round.

    `nodes`, and what each has: `cpu`, `memory` and `gpus` as quantities, `pods` at most. `back_off`: seconds before a
    second restart of a container, a second pull, a replacement of a job's pod (10 in a cluster); doubled each time.
    `start`: seconds from a pod's binding to its first container's start (1.5 in a cluster); `deletion`: from the end
    of what is deleted until it is gone (0.5 there).
    `kueue`, `trainer`: whether Kueue and Kubeflow Trainer are installed.
    `unfenced`: whether its network plugin knows no network policies.
    `image_folder`: the working directory that every image brings (without: an empty folder for each container).
    `log_…`: how nodes keep logs (`LogSettings`).
    """

    nodes: int = 2
    cpu: str = "8"
    memory: str = "32Gi"
    gpus: str = "0"
    pods: int = 1000
    namespaces: tuple[str, ...] = ()
    back_off: float = 1.0
    start: float = 0.0
    deletion: float = 0.0
    history: int = 20_000
    image_folder: str | None = None
    seed: int = 0
    kueue: bool = False
    trainer: bool = False
    unfenced: bool = False
    log_delay: float = 0.0
    log_max_size: int = 10 << 20
    log_check: float = 10.0
    log_watchers: int = 128

    def capacity(self) -> dict[str, str]:
        found = {"cpu": self.cpu, "memory": self.memory, "pods": str(self.pods), "ephemeral-storage": "100Gi"}
        return found | ({"nvidia.com/gpu": self.gpus} if self.gpus != "0" else {})


class Cluster:
    """Everything behind the API. `folder`: where logs, volumes and claims lie."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self.random = Random(settings.seed)
        self.faults = Faults()
        self.journal = Journal()
        self.store = Store(settings.history)
        self.times = PodTimes(self.store)
        self.events = EventRecorder(self.store)
        self.kubelet = Kubelet(
            self.store, self.events, folder, back_off=settings.back_off, start=settings.start,
            deletion=settings.deletion, image_folder=settings.image_folder, unfenced=settings.unfenced,
            logs=LogSettings(settings.log_delay, settings.log_max_size, settings.log_check, settings.log_watchers),
        )  # fmt: skip
        self.scheduler = Scheduler(self.store, self.events)
        self.jobs = JobController(self.store, self.events, self.random, back_off=settings.back_off)
        self.workloads = WorkloadController(self.store, self.events, self.random)
        self.disruption = Disruption(self.store, self.events, self.kubelet)
        self.more: list[Kueue | Trainer] = []
        if settings.trainer:
            self.more.append(Trainer(self.store, self.events))
        if settings.kueue:
            self.more.append(Kueue(self.store, self.events, self.delete, self.release))
        self.store.listen(self._notice)
        initial_objects(self.store, settings.namespaces)
        for number in range(settings.nodes):
            self.store.create("nodes", new_node(f"node-{number + 1}", settings.capacity()))
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        more = [each.run() for each in self.more]
        for work in (self.scheduler.run(), self.jobs.run(), self.workloads.run(), self.kubelet.usage.run(), *more):
            task = asyncio.create_task(work)
            self._tasks.add(task)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.kubelet.stop()

    # deletion

    def delete(self, resource: str, value: Object, grace: int | None, propagation: str | None) -> Object:
        """Delete an object as asked: the object as it stands afterwards, or as it last was."""
        namespace, name = namespace_of(value), name_of(value)
        if resource == "pods":
            return self._delete_pod(value, grace)
        if resource == "jobs":
            propagation = propagation or "Orphan"  # what batch/v1 does where nobody says
            if propagation == "Orphan":
                self._orphan(value)
        if propagation == "Foreground" and self.store.dependents(value["metadata"]["uid"]):
            return self._hold(resource, value, "foregroundDeletion")
        if value["metadata"].get("finalizers"):
            return self._hold(resource, value)
        if resource == "namespaces":
            self._empty(name)
        return self.store.remove(resource, namespace, name) or value

    def _delete_pod(self, pod: Object, grace: int | None) -> Object:
        namespace, name = namespace_of(pod), name_of(pod)
        asked = pod["spec"]["terminationGracePeriodSeconds"] if grace is None else grace
        over = pod["status"].get("phase") in {"Succeeded", "Failed"}
        if over or not pod["spec"].get("nodeName"):
            asked = 0
        if asked > 0 or pod["metadata"].get("finalizers"):
            marked = self.store.edit("pods", namespace, name, lambda held: mark_deleted(held, asked))
            assert marked is not None
            return marked
        if over and self.settings.deletion > 0:
            return self._remove_later(pod)
        return self.store.remove("pods", namespace, name) or pod

    def _remove_later(self, pod: Object) -> Object:
        """Mark an ended pod, and take it away as late as a cluster does."""
        namespace, name, uid = namespace_of(pod), name_of(pod), pod["metadata"]["uid"]

        def remove() -> None:
            current = self.store.find("pods", namespace, name)
            if current is not None and current["metadata"]["uid"] == uid:
                self.release("pods", current)

        if not pod["metadata"].get("deletionTimestamp"):
            asyncio.get_running_loop().call_later(self.settings.deletion, remove)
        marked = self.store.edit("pods", namespace, name, lambda held: mark_deleted(held, 0))
        assert marked is not None
        return marked

    def _hold(self, resource: str, value: Object, finalizer: str | None = None) -> Object:
        def change(held: Object) -> None:
            mark_deleted(held, 0)
            finalizers = held["metadata"].setdefault("finalizers", [])
            if finalizer and finalizer not in finalizers:
                finalizers.append(finalizer)

        held = self.store.edit(resource, namespace_of(value), name_of(value), change)
        assert held is not None
        if finalizer:
            self._collect(value["metadata"]["uid"])
        return held

    def release(self, resource: str, value: Object) -> None:
        """Remove an object that is marked for deletion once nothing holds it any more."""
        metadata = value["metadata"]
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            worker = self.kubelet.worker(metadata["uid"]) if resource == "pods" else None
            if worker is None or worker.done.is_set():
                self.store.remove(resource, namespace_of(value), name_of(value))

    def _empty(self, namespace: str) -> None:
        for resource in ("jobs", "pods", "secrets", "configmaps", "services", "persistentvolumeclaims", "events",
                         "serviceaccounts", "deployments", "statefulsets", "poddisruptionbudgets",
                         "horizontalpodautoscalers", "networkpolicies"):  # fmt: skip
            for value in self.store.select(resource, namespace):
                self.store.remove(resource, namespace, name_of(value))

    def _orphan(self, owner: Object) -> None:
        uid = owner["metadata"]["uid"]

        def change(held: Object) -> None:
            references = held["metadata"]["ownerReferences"]
            held["metadata"]["ownerReferences"] = [each for each in references if each["uid"] != uid]

        for key in self.store.dependents(uid):
            self.store.edit(*key, change)

    # what follows from a change

    def _notice(self, change: Change) -> None:
        resource, namespace, name = change.key
        uid = change.object["metadata"]["uid"]
        if resource == "jobs" and change.type == "ADDED":

            def own(job: Object) -> None:
                own_pods(job)

            self.store.edit("jobs", namespace, name, own)
        elif change.type == "DELETED":
            if resource == "persistentvolumeclaims":
                shutil.rmtree(self.folder / "claims" / namespace / name, ignore_errors=True)
            loop = asyncio.get_running_loop()
            if self.store.dependents(uid):
                loop.call_soon(self._collect, uid)
            for owner in change.object["metadata"].get("ownerReferences") or ():
                loop.call_soon(self._finish_foreground, namespace, owner)
        else:
            for uid in owners(change.object):  # one that is gone already takes it along
                asyncio.get_running_loop().call_soon(self._collect, uid)

    def _collect(self, uid: str) -> None:
        """Delete what an object leaves behind and nobody else owns."""
        for resource, namespace, name in self.store.dependents(uid):
            value = self.store.find(resource, namespace, name)
            if value is None or value["metadata"].get("deletionTimestamp"):
                continue
            if not any(self._is_there(namespace, each) for each in value["metadata"]["ownerReferences"]):
                self.delete(resource, copy(value), None, "Background")

    def _is_there(self, namespace: str, reference: Object) -> bool:
        found = self.store.find(f"{reference['kind'].lower()}s", namespace, reference["name"])
        if found is None or found["metadata"]["uid"] != reference["uid"]:
            return False
        return "foregroundDeletion" not in (found["metadata"].get("finalizers") or ())

    def _finish_foreground(self, namespace: str, reference: Object) -> None:
        """Let an owner go that waited for its dependents."""
        resource = plural_of(reference["kind"])
        owner = self.store.find(resource, namespace, reference["name"]) if resource else None
        if owner is None or resource is None or self.store.dependents(owner["metadata"]["uid"]):
            return
        if "foregroundDeletion" in (owner["metadata"].get("finalizers") or ()):

            def change(held: Object) -> None:
                held["metadata"]["finalizers"].remove("foregroundDeletion")

            edited = self.store.edit(resource, namespace, reference["name"], change)
            if edited is not None:
                self.release(resource, edited)
