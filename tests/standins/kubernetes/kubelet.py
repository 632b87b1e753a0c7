"""The nodes' agent: starts the pods that are bound to a node, ends those that are deleted."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine
from pathlib import Path

from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.images import Images
from tests.standins.kubernetes.logs import LogSettings
from tests.standins.kubernetes.objects import Object, name_of, namespace_of
from tests.standins.kubernetes.podstatus import Container
from tests.standins.kubernetes.podworker import Failure, PodWorker, Site
from tests.standins.kubernetes.policies import Fences
from tests.standins.kubernetes.process import ContainerProcess
from tests.standins.kubernetes.store import Change, Store
from tests.standins.kubernetes.usage import UsageMonitor


class Kubelet:
    """Runs the pods of all nodes. `folder`: where volumes and logs lie."""

    def __init__(
        self, store: Store, events: EventRecorder, folder: Path, *, back_off: float, start: float = 0.0,
        deletion: float = 0.0, image_folder: str | None, logs: LogSettings, unfenced: bool = False,
    ) -> None:  # fmt: skip
        self.store = store
        self.lost: set[str] = set()
        """Nodes that don't answer: their pods' status stands still."""
        self._fences = Fences(store, folder, holds=not unfenced)
        self._site = Site(store, events, Images(), folder, back_off, start, image_folder, logs, self._fences)
        self._deletion = deletion
        self.log_settings = logs
        self.log_watchers: Counter[str] = Counter()
        """Logs that are followed, by node."""
        self._workers: dict[str, PodWorker] = {}
        self._unreached: defaultdict[str, list[PodWorker]] = defaultdict(list)
        """Node → what runs on there though nobody reaches it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.usage = UsageMonitor(self.running)
        store.listen(self._notice)

    def worker(self, uid: str) -> PodWorker | None:
        return self._workers.get(uid)

    def running(self) -> dict[ContainerProcess, int | None]:
        """Processes of containers that run, with their memory limits in bytes."""
        return {
            container.process: container.memory_limit
            for worker in self._workers.values()
            for container in worker.containers
            if container.process is not None and container.process.running
        }

    def containers(self, uid: str) -> list[Container]:
        worker = self._workers.get(uid)
        return worker.containers if worker is not None else []

    def fail(self, pod: Object, failure: Failure, grace: float = 0) -> None:
        """End a pod's containers and leave it Failed, as node pressure does."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is not None:
            worker.stop(grace, failure)

    def lose(self, node: str, trains_on: bool = False) -> list[Object]:
        """Let a node fall silent with all that runs on it: the pods that it had. `trains_on`: their processes go on."""
        self.lost.add(node)
        pods = [pod for pod in self.store.select("pods") if pod["spec"].get("nodeName") == node]
        for pod in pods:
            worker = self._workers.get(pod["metadata"]["uid"])
            if worker is not None and not worker.done.is_set():
                if trains_on:
                    worker.fall_silent()
                    self._unreached[node].append(worker)
                else:
                    worker.vanish()
        return pods

    def find_again(self, node: str) -> None:
        """Let a node answer again: it ends what the cluster has given up meanwhile."""
        self.lost.discard(node)
        for worker in self._unreached.pop(node, ()):
            worker.vanish()

    async def stop(self) -> None:
        """Kill everything."""
        for node in list(self._unreached):
            self.find_again(node)
        for worker in self._workers.values():
            worker.vanish()
        await asyncio.gather(*(worker.done.wait() for worker in self._workers.values()))

    def _notice(self, change: Change) -> None:
        if change.key[0] == "pods":
            asyncio.get_running_loop().call_soon(self._act, change)
        if change.key[0] == "networkpolicies" or (change.key[0] == "pods" and change.type != "MODIFIED"):
            asyncio.get_running_loop().call_soon(self._fences.notice)

    def _act(self, change: Change) -> None:
        pod = change.object
        uid, node = pod["metadata"]["uid"], pod["spec"].get("nodeName")
        worker = self._workers.get(uid)
        if change.type == "DELETED":
            if worker is not None:
                self._workers.pop(uid)
                if worker not in self._unreached.get(node or "", ()):
                    worker.vanish()
                self._later(self._forget(worker))
            return
        if not node or node in self.lost:
            return
        if worker is None and pod["status"].get("phase") in {"Succeeded", "Failed"}:
            return
        deleted = pod["metadata"].get("deletionTimestamp")
        if worker is None and not deleted:
            if self.store.find("pods", namespace_of(pod), name_of(pod)) is not None:
                self._workers[uid] = PodWorker(self._site, pod)
        elif deleted and change.previous is not None:
            before = change.previous["metadata"]
            grace = pod["metadata"].get("deletionGracePeriodSeconds", 30)
            if not before.get("deletionTimestamp") or before.get("deletionGracePeriodSeconds") != grace:
                if worker is not None:
                    worker.stop(grace)
                if not before.get("deletionTimestamp"):
                    self._later(self._remove(pod, worker))

    async def _remove(self, pod: Object, worker: PodWorker | None) -> None:
        """Take a deleted pod out of the store once nothing of it runs."""
        if worker is not None:
            await worker.done.wait()
            await asyncio.sleep(self._deletion)
        current = self.store.find("pods", namespace_of(pod), name_of(pod))
        if current is not None and current["metadata"]["uid"] == pod["metadata"]["uid"] and (
            not current["metadata"].get("finalizers") and pod["spec"].get("nodeName") not in self.lost
        ):  # fmt: skip
            self.store.remove("pods", namespace_of(pod), name_of(pod))

    async def _forget(self, worker: PodWorker) -> None:
        await worker.done.wait()
        worker.forget()
        self._fences.forget(worker.uid)

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
