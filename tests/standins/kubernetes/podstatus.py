"""A pod's status as the kubelet reports it: phase, conditions and container statuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from tests.standins.kubernetes.logs import ContainerLog
from tests.standins.kubernetes.objects import Object, timestamp
from tests.standins.kubernetes.process import ContainerProcess
from tests.standins.kubernetes.quantity import parse_quantity

Role = Literal["init", "sidecar", "main"]


@dataclass(eq=False)
class Container:
    """A container of a pod: its declaration and what has become of it."""

    spec: Object
    role: Role
    state: Object = field(default_factory=dict)
    last_state: Object = field(default_factory=dict)
    restarts: int = 0
    identity: str = ""
    process: ContainerProcess | None = None
    log: ContainerLog | None = None
    previous_log: ContainerLog | None = None
    memory_limit: int | None = None
    resources: Object = field(default_factory=dict)
    """What holds: a resize changes it while it runs."""

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def terminated(self) -> Object | None:
        found: Object | None = self.state.get("terminated")
        return found

    @property
    def waiting_for(self) -> str:
        return str(self.state.get("waiting", {}).get("reason", ""))

    def give(self, resources: Object) -> None:
        """Let it use so much from now on."""
        limit = (resources.get("limits") or {}).get("memory")
        self.resources = resources
        self.memory_limit = int(parse_quantity(limit)) if limit is not None else None

    def wait(self, reason: str, message: str = "") -> None:
        self.state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}

    def status(self) -> Object:
        image = str(self.spec.get("image", ""))
        done = self.terminated is not None and self.terminated["exitCode"] == 0
        return {
            "name": self.name,
            "image": image,
            "imageID": f"standin://{image}@sha256:{sha256(image.encode()).hexdigest()}" if self.identity else "",
            **({"containerID": self.identity} if self.identity else {}),
            "ready": done if self.role == "init" else self.running,
            "started": self.running,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
            **({"resources": self.resources} if self.identity else {}),
        }


def condition(kind: str, holds: bool | str, reason: str = "", message: str = "") -> Object:
    status = holds if isinstance(holds, str) else str(holds)
    words = {"reason": reason, "message": message}
    return {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(),
        **{key: text for key, text in words.items() if text},
    }


def set_condition(status: Object, new: Object) -> None:
    """Put a condition in place; its transition time changes only with its status."""
    conditions = status.setdefault("conditions", [])
    for i, old in enumerate(conditions):
        if old["type"] == new["type"]:
            kept = {"lastTransitionTime": old["lastTransitionTime"]} if old["status"] == new["status"] else {}
            conditions[i] = new | kept
            return
    conditions.append(new)


def phase_of(containers: list[Container], *, restarting: bool) -> str:
    """Pending, Running, Succeeded or Failed. `restarting`: whether what has ended will be started again."""
    main = [each for each in containers if each.role == "main"]
    init = [each for each in containers if each.role == "init"]
    failed = [each for each in init if each.terminated and each.terminated["exitCode"] != 0]
    if failed and not restarting:
        return "Failed"
    ended = [each.terminated for each in main if each.terminated is not None]
    if len(ended) == len(main) and not restarting:
        return "Succeeded" if all(each["exitCode"] == 0 for each in ended) else "Failed"
    if any(not (each.terminated and each.terminated["exitCode"] == 0) for each in init):
        return "Pending"
    if all(each.waiting_for and not each.last_state for each in main):
        return "Pending"
    if any(each.waiting_for in {"ErrImagePull", "ImagePullBackOff", "ContainerCreating", "CreateContainerConfigError"}
           and not each.last_state for each in main):  # fmt: skip
        return "Pending"
    return "Running"


def report(status: Object, containers: list[Container], phase: str, address: str) -> None:
    """Write what the kubelet knows into a pod's status."""
    status["phase"] = phase
    status.setdefault("startTime", timestamp())
    status |= {"hostIP": "127.0.0.1", "hostIPs": [{"ip": "127.0.0.1"}], "podIP": address, "podIPs": [{"ip": address}]}
    main = [each for each in containers if each.role == "main"]
    init = [each for each in containers if each.role != "main"]
    if init:
        status["initContainerStatuses"] = [each.status() for each in init]
    status["containerStatuses"] = [each.status() for each in main]
    over = phase in {"Succeeded", "Failed"}
    missing = [each.name for each in init if not (each.running if each.role == "sidecar" else each.status()["ready"])]
    unready = [each.name for each in main if not each.running]
    set_condition(status, condition("PodReadyToStartContainers", not over))
    if phase == "Succeeded":
        set_condition(status, condition("Initialized", True, "PodCompleted"))
    elif missing and not over:
        names = " ".join(missing)
        set_condition(status, condition("Initialized", False, "ContainersNotInitialized",
                                        f"containers with incomplete status: [{names}]"))  # fmt: skip
    else:
        set_condition(status, condition("Initialized", True))
    for kind in ("Ready", "ContainersReady"):
        if over:
            reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
            set_condition(status, condition(kind, False, reason))
        elif unready:
            names = " ".join(unready)
            set_condition(status, condition(kind, False, "ContainersNotReady",
                                            f"containers with unready status: [{names}]"))  # fmt: skip
        else:
            set_condition(status, condition(kind, True))
