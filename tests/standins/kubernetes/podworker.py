"""The life of one pod on its node: volumes, init containers, main containers, sidecars, the end."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from tests.standins.kubernetes.environment import ConfigError, command_of, host_of, pod_address
from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.images import Images
from tests.standins.kubernetes.logs import ContainerLog, LogSettings
from tests.standins.kubernetes.objects import Object, name_of, namespace_of, timestamp
from tests.standins.kubernetes.podstatus import Container, condition, phase_of, report, set_condition
from tests.standins.kubernetes.policies import Fences
from tests.standins.kubernetes.process import ContainerProcess, StartError
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.store import Store
from tests.standins.kubernetes.usage import used_by
from tests.standins.kubernetes.volumes import MountError, Volumes

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 4096
FALLBACK_LINES, FALLBACK_LIMIT = 80, 2048
LONGEST_BACK_OFF = 300.0
DEADLINE = "DeadlineExceeded"
EVICTION_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL where a node ends a pod for its own sake, as seen of 1.36."""
LEAST_GRACE = 2.0
"""Seconds that a container gets whose turn comes late (kuberuntime's minimumGracePeriodInSeconds, by source)."""
VOLUMES_EVERY = 0.2


@dataclass(frozen=True)
class Site:
    """What every pod's worker shares. `back_off`: seconds before a second restart or pull; doubled each time.
    `start`: seconds that a node takes before it starts a pod's first container."""

    store: Store
    events: EventRecorder
    images: Images
    folder: Path
    back_off: float
    start: float
    image_folder: str | None
    logs: LogSettings
    fences: Fences


@dataclass(frozen=True)
class Failure:
    """Why a pod is ended by its node: goes into its status."""

    reason: str
    message: str
    condition: Object | None = None


class PodWorker:
    """Runs one pod. `done` is set once nothing of it runs any more."""

    def __init__(self, site: Site, pod: Object) -> None:
        self.pod = pod
        self.uid = str(pod["metadata"]["uid"])
        self.done = asyncio.Event()
        self._site = site
        self._folder = site.folder / "pods" / self.uid
        self._stopping = asyncio.Event()
        self._kill_at = float("inf")
        self._failure: Failure | None = None
        self._sidecars_end = False
        self._reporting = True
        self._watching: asyncio.Task[None] | None = None
        self._unmet: Object | None = None
        spec = pod["spec"]
        self.containers = [
            *(Container(each, "sidecar" if each.get("restartPolicy") == "Always" else "init")
              for each in spec.get("initContainers") or ()),
            *(Container(each, "main") for each in spec["containers"]),
        ]  # fmt: skip
        self._task = asyncio.create_task(self._run())

    # from outside

    def container(self, name: str) -> Container | None:
        return next((each for each in self.containers if each.name == name), None)

    def stop(self, grace: float, failure: Failure | None = None) -> None:
        """End the pod: SIGTERM now, SIGKILL after `grace` seconds (a second call can only shorten them)."""
        first = not self._stopping.is_set()
        self._failure = self._failure or failure
        self._kill_at = min(self._kill_at, time.monotonic() + grace)
        self._stopping.set()
        if grace <= 0:
            self._kill()
            return
        asyncio.get_running_loop().call_later(grace, self._kill)
        for container in self.containers if first else ():
            if container.role != "sidecar" and container.running:
                self._end(container)

    def resize(self, resources: dict[str, Object]) -> None:
        """Change what containers may use, by name, while they run; memory below what is used stays as it was."""
        for container in self.containers:
            wanted = resources.get(container.name)
            if wanted is None or wanted == container.resources or container.process is None:
                continue
            limit = (wanted.get("limits") or {}).get("memory")
            if limit is not None and int(parse_quantity(limit)) < max(
                container.process.memory, used_by(container.process.pid)
            ):
                self._unmet = condition("PodResizeInProgress", True, "Error", f"{container.name}: memory is in use")
            else:
                container.give(wanted)
        self._report()

    def fall_silent(self) -> None:
        """Go on, and report nothing more: nobody reaches the node."""
        self._reporting = False

    def vanish(self) -> None:
        """End at once and report nothing more: the pod is gone, or its node is."""
        self._reporting = False
        self.stop(0)

    def forget(self) -> None:
        """Remove what the pod left on disk."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        for container in self.containers:
            if container.process is not None and (container.role != "sidecar" or time.monotonic() >= self._kill_at):
                container.process.kill()

    def _end(self, container: Container) -> None:
        self._event("Killing", f"Stopping container {container.name}", container)
        if container.process is not None:
            container.process.terminate()

    # its life

    async def _run(self) -> None:
        sidecars: list[asyncio.Task[bool]] = []
        try:
            await self._live(sidecars)
            self._sidecars_end = True
            deadline = min(self._kill_at, time.monotonic() + self.pod["spec"]["terminationGracePeriodSeconds"])
            for container in reversed([each for each in self.containers if each.role == "sidecar"]):
                await self._end_sidecar(container, deadline)
            await asyncio.gather(*sidecars)
        except Exception:
            log.exception("pod %s/%s", namespace_of(self.pod), name_of(self.pod))
        finally:
            for container in self.containers:
                if container.process is not None:
                    container.process.kill()
            self._report(final=True)
            self.done.set()

    async def _live(self, sidecars: list[asyncio.Task[bool]]) -> None:
        has_init = any(each.role != "main" for each in self.containers)
        for container in self.containers:
            container.wait("PodInitializing" if has_init else "ContainerCreating")
        self._report()
        if (deadline := self.pod["spec"].get("activeDeadlineSeconds")) is not None:  # volumes, images and init count
            failure = Failure(DEADLINE, "Pod was active on the node longer than the specified deadline")
            asyncio.get_running_loop().call_later(deadline, self._over_deadline, failure)
        if self._site.start > 0:
            await self._sleep(self._site.start)
        if not await self._mount():
            return
        if self._volumes.limited:
            self._watching = asyncio.create_task(self._watch_volumes())
        for container in self.containers:
            if container.role == "sidecar":
                task = asyncio.create_task(self._supervise(container))
                sidecars.append(task)
                while not (container.running or container.restarts or task.done() or self._stopping.is_set()):
                    await self._sleep(0.01)
            elif container.role == "init" and not await self._supervise(container):
                return
        if not self._stopping.is_set():
            await asyncio.gather(*(self._supervise(each) for each in self.containers if each.role == "main"))

    async def _watch_volumes(self) -> None:
        """End the pod when a volume of its own grows beyond its limit, which only an event tells."""
        while not self._stopping.is_set() and not self.done.is_set():
            message = self._volumes.overfull()
            if message:
                self._event("Evicted", message, warning=True)
                self.stop(EVICTION_GRACE, Failure("Evicted", message))
            await asyncio.sleep(VOLUMES_EVERY)

    def _over_deadline(self, failure: Failure) -> None:
        if not self.done.is_set() and self._reporting:
            self._event("DeadlineExceeded", failure.message)
            self.stop(self.pod["spec"]["terminationGracePeriodSeconds"], failure)

    async def _mount(self) -> bool:
        claims = self._site.folder / "claims"
        self._volumes = Volumes(self._site.store, self.pod, self._folder / "volumes", claims)
        while not self._stopping.is_set():
            try:
                self._volumes.set_up()
            except (MountError, OSError) as error:
                self._event("FailedMount", str(error), warning=True)
                await self._sleep(self._site.back_off / 2)
            else:
                return True
        return False

    async def _supervise(self, container: Container) -> bool:
        """Run a container until it is not to be started again: whether it ended well."""
        delay = 0.0
        while not self._stopping.is_set() and await self._pull(container):
            if await self._start(container) and container.process is not None:
                self._report()
                self._terminated(container, await container.process.wait())
            ended = container.terminated
            if ended is None:  # stopped before it could be started
                return False
            if not self._starts_again(container, ended["exitCode"]):
                if any(other.running for other in self.containers):
                    self._report()
                return bool(ended["exitCode"] == 0)
            if delay:
                await self._crash_loop(container, ended, delay)
            if self._stopping.is_set():
                return False
            delay = min(delay * 2 or self._site.back_off, LONGEST_BACK_OFF)
            container.last_state, container.previous_log = {"terminated": ended}, container.log
            container.restarts += 1
        return False

    def _starts_again(self, container: Container, code: int) -> bool:
        if self._stopping.is_set():
            return False
        if container.role == "sidecar":
            return not self._sidecars_end
        for rule in container.spec.get("restartPolicyRules") or ():
            codes = rule["exitCodes"]
            if (code in codes["values"]) is (codes["operator"] == "In"):
                return True
        policy = container.spec.get("restartPolicy") or self.pod["spec"]["restartPolicy"]
        return policy != "Never" and (code != 0 or (policy == "Always" and container.role == "main"))

    async def _crash_loop(self, container: Container, ended: Object, delay: float) -> None:
        name = f"{container.name} pod={name_of(self.pod)}_{namespace_of(self.pod)}({self.uid})"
        container.last_state = {"terminated": ended}
        container.wait("CrashLoopBackOff", f"back-off {delay:g}s restarting failed container={name}")
        self._event("BackOff", f"Back-off restarting failed container {container.name} in pod "
                    f"{name_of(self.pod)}_{namespace_of(self.pod)}({self.uid})", container, warning=True)  # fmt: skip
        self._report()
        await self._sleep(delay)

    async def _pull(self, container: Container) -> bool:
        """Until the image is there: False where the pod is stopped before."""
        image = container.spec["image"]
        if self._site.images.present(image):
            self._event("Pulled", f'Container image "{image}" already present on machine', container)
            return True
        delay = self._site.back_off
        while not self._stopping.is_set():
            self._event("Pulling", f'Pulling image "{image}"', container)
            problem = self._site.images.pull(image)
            if problem is None:
                self._event("Pulled", f'Successfully pulled image "{image}" in 1ms (1ms including waiting). '
                            "Image size: 1024 bytes.", container)  # fmt: skip
                return True
            self._event("Failed", problem[0].upper() + problem[1:], container, warning=True)
            self._event("Failed", "Error: ErrImagePull", container, warning=True)
            container.wait("ErrImagePull", problem)
            self._report()
            await self._sleep(delay / 2)
            self._event("BackOff", f'Back-off pulling image "{image}"', container)
            self._event("Failed", "Error: ImagePullBackOff", container, warning=True)
            container.wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {problem}')
            self._report()
            await self._sleep(delay)
            delay = min(delay * 2, LONGEST_BACK_OFF)
        return False

    async def _start(self, container: Container) -> bool:
        """Start the process; False where it could not be started or the pod is stopped before."""
        folder = self._folder / container.name
        root = folder / "root"
        root.mkdir(parents=True, exist_ok=True)
        message = folder / "termination-log"
        message.write_bytes(b"")
        while not self._stopping.is_set():
            paths = self._volumes.path_map(container.spec, message)
            try:
                pod = self._site.store.find("pods", namespace_of(self.pod), name_of(self.pod)) or self.pod
                command = command_of(self._site.store, pod, container.spec, paths, root, self._site.image_folder)
                command = self._site.fences.around(pod, command)
                break
            except (ConfigError, ValueError) as error:
                self._event("Failed", f"Error: {error}", container, warning=True)
                container.wait("CreateContainerConfigError", str(error))
                self._report()
                await self._sleep(self._site.back_off / 2)
        else:
            return False
        container.identity = f"containerd://{uuid4().hex}{uuid4().hex}"
        container.give(container.spec["resources"])
        container.log = ContainerLog(folder / f"{container.restarts}.log", self._site.logs)
        try:
            container.process = ContainerProcess(command, container.log)
        except StartError as error:
            container.log.close()
            self._event("Failed", f"Error: {error}", container, warning=True)
            at = timestamp(0)
            container.state = {"terminated": {"exitCode": 128, "reason": "StartError", "message": str(error),
                                              "startedAt": at, "finishedAt": timestamp(),
                                              "containerID": container.identity}}  # fmt: skip
            return False
        container.state = {"running": {"startedAt": timestamp()}}
        self._event("Created", f"Created container: {container.name}", container)
        self._event("Started", f"Started container {container.name}", container)
        return True

    def _terminated(self, container: Container, code: int) -> None:
        assert container.process is not None
        reason = "Completed" if code == 0 else "Error"
        if container.process.out_of_memory:
            reason, code = "OOMKilled", 137
        elif container.process.child_out_of_memory:
            reason = "OOMKilled"
        state = {
            "exitCode": code,
            "reason": reason,
            "startedAt": timestamp(container.process.started),
            "finishedAt": timestamp(),
            "containerID": container.identity,
        }
        if message := self._termination_message(container, code):
            state["message"] = message
        container.state = {"terminated": state}

    def _termination_message(self, container: Container, code: int) -> str:
        data = b""
        with suppress(OSError):
            data = (self._folder / container.name / "termination-log").read_bytes()[:MESSAGE_LIMIT]
        fallback = container.spec["terminationMessagePolicy"] == "FallbackToLogsOnError"
        if not data and code != 0 and fallback and container.log is not None:
            data = container.log.tail(FALLBACK_LINES)[-FALLBACK_LIMIT:]
        return data.decode(errors="replace")

    async def _end_sidecar(self, container: Container, deadline: float) -> None:
        """They end one after the other, and share the pod's grace: the last get what is left of it, or the least."""
        if container.running and container.process is not None:
            self._end(container)
            killed = self._kill_at <= time.monotonic()
            grace = 0.0 if killed else max(LEAST_GRACE, deadline - time.monotonic())
            try:
                await asyncio.wait_for(container.process.wait(), grace)
            except TimeoutError:
                container.process.kill()
                await container.process.wait()

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the pod's being stopped."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    # what others see

    def _event(self, reason: str, message: str, container: Container | None = None, *, warning: bool = False) -> None:
        if self._reporting:
            node = str(self.pod["spec"].get("nodeName", ""))
            self._site.events.record(self.pod, reason, message, source="kubelet", host=node, warning=warning)

    def _report(self, *, final: bool = False) -> None:
        if not self._reporting:
            return
        address = pod_address(namespace_of(self.pod), host_of(self.pod))
        phase = phase_of(self.containers, restarting=not final)
        failure = self._failure
        late = failure is not None and failure.reason == DEADLINE  # whatever its containers made of it
        if final and (late or phase not in {"Succeeded", "Failed"}):
            phase = "Failed"

        def change(pod: Object) -> None:
            status = pod.setdefault("status", {})
            report(status, self.containers, phase, address)
            if failure is not None and phase == "Failed":  # one that has ended well has no reason, whoever ended it
                status |= {"reason": failure.reason, "message": failure.message}
            if self._unmet is not None:
                set_condition(status, self._unmet)
            if failure is not None and failure.condition is not None:
                set_condition(status, dict(failure.condition))

        current = self._site.store.find("pods", namespace_of(self.pod), name_of(self.pod))
        if current is not None and current["metadata"]["uid"] == self.uid:
            self._site.store.edit("pods", namespace_of(self.pod), name_of(self.pod), change)
