"""Why a pod does not train yet: what the cluster says of it, or what it is at. Pure functions of the pod as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.backends.base import Cause, Exit
from automl_core.backends.kubernetes.bounds import Pod, training
from automl_core.backends.kubernetes.ends import Kind, has_begun
from automl_core.backends.kubernetes.quota import never_fits

HOPELESS = frozenset({"InvalidImageName"})
"""Reasons of a waiting container that time does not mend."""

ADVICE: Mapping[str, str] = {
    "image will run as root": "state a user in security.run_as_user, or allow root with security.run_as_root",
    "cannot verify user is non-root": "state the image's user by its number in security.run_as_user",
    "breaks non-root policy": "user 0 is root: state another in security.run_as_user, or set security.run_as_root",
}
"""What a kubelet says of a container that it will never make → what mends it in the experiment file."""

WAITING: Mapping[str, Kind] = {
    "ErrImagePull": Kind.IMAGE,
    "ImagePullBackOff": Kind.IMAGE,
    "ErrImageNeverPull": Kind.IMAGE,
    "InvalidImageName": Kind.IMAGE,
    "RegistryUnavailable": Kind.IMAGE,
    "ImageInspectError": Kind.IMAGE,
    "SignatureValidationFailed": Kind.IMAGE,
    "CreateContainerConfigError": Kind.CONFIG,
    "CreateContainerError": Kind.CONFIG,
    "PreCreateHookError": Kind.CONFIG,
    "PreStartHookError": Kind.CONFIG,
    "RunContainerError": Kind.CONFIG,
    "PostStartHookError": Kind.CONFIG,
    "CrashLoopBackOff": Kind.CONFIG,  # of a sidecar that the training waits for
}
"""Reasons of a waiting container that are problems."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps a pod from running.

    Attributes:
        kind: IMAGE or CONFIG for a problem of the container, PENDING where no node takes it.
        reason: the cluster's word for it.
        message: the cluster's explanation.
    """

    kind: Kind
    reason: str
    message: str

    def __str__(self) -> str:
        """For people."""
        words = f"{self.reason}: {self.message}" if self.message else self.reason
        return f"{words} ({self.advice})" if self.advice else words

    @property
    def advice(self) -> str:
        """What mends it in the experiment file, empty where nothing there does."""
        return next((advice for words, advice in ADVICE.items() if words in self.message), "")

    @property
    def hopeless(self) -> bool:
        """Whether waiting can't help."""
        return self.reason in HOPELESS or bool(self.advice)


def is_mounting(pod: Pod) -> bool:
    """Whether it has a node, which has not got its volumes and network ready."""
    status = _status(pod)
    waits = status.get("phase") == "Pending" and not has_begun(pod)
    return waits and _is(status, "PodScheduled") and not _is(status, "PodReadyToStartContainers")


def hold(pod: Pod) -> Hold | None:
    """What keeps the training from running, None where it runs, has ended, or is just being started."""
    if has_begun(pod):
        return None
    status = _status(pod)
    for container in _held_by(pod):
        name, waiting = container.get("name"), (container.get("state") or {}).get("waiting") or {}
        kind = WAITING.get(waiting.get("reason", ""))
        if kind is None:
            continue
        message = waiting.get("message") or ""
        if waiting["reason"] == "CrashLoopBackOff":
            before = (container.get("lastState") or {}).get("terminated") or {}
            if before.get("message"):  # why, rather than how often
                message = f"{name}: {str(before['message']).strip()}"
            if not _is_sidecar(pod, name):  # it is started again because its own restart rules say so
                kind = Kind.PENDING
        return Hold(kind, waiting["reason"], message)
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return Hold(Kind.PENDING, condition.get("reason") or "Unschedulable", condition.get("message") or "")
    return None


def starting(pod: Pod) -> Hold | None:
    """What a node is at that has taken a pod and does not train yet; None where it trains or has no node.

    Nothing is wrong then as far as the cluster can tell: only that it goes on for too long can be.
    """
    status = _status(pod)
    if has_begun(pod) or status.get("phase") != "Pending" or not _is(status, "PodScheduled"):
        return None
    for container in status.get("initContainerStatuses") or []:
        name, state = str(container.get("name")), container.get("state") or {}
        if "terminated" in state or (_is_sidecar(pod, name) and container.get("started")):
            continue
        if "running" in state:
            since = (state["running"] or {}).get("startedAt")
            told = f"runs since {since}" if since else "runs"
            return Hold(Kind.PENDING, "Initializing", f"the init container {name} {told} and has not ended")
        return Hold(Kind.PENDING, "Initializing", f"the init container {name} is still to be started")
    waiting = ((training(pod).get("state") or {}).get("waiting") or {}).get("reason") or "Pending"
    return Hold(Kind.PENDING, str(waiting), "its image is being pulled, or its node has not come to starting it")


def too_much(held: Hold, workers: int) -> Hold:
    """The same, or for good where a quota never lets so many pods be at once.

    Args:
        held: what keeps a pod from being made.
        workers: pods that have to be there together.
    """
    never = never_fits(held.message, workers) if held.kind is Kind.PENDING else ""
    return Hold(Kind.CONFIG, held.reason, f"{held.message} ({never})") if never else held


def refused(held: Hold) -> Exit:
    """The end of an attempt that is given up before it began."""
    lasting = held.kind in (Kind.IMAGE, Kind.CONFIG)  # a cluster that is full is none of the file's doing
    reason = f"it could not be started: {held}"
    return Exit(Cause.UNSTARTED, -1, None, reason, kind=held.kind, final=True, systematic=lasting)


def _held_by(pod: Pod) -> list[Mapping[str, Any]]:
    """The containers that the training waits for, and itself; what is beside it may come up as it likes."""
    status, own = _status(pod), training(pod)
    beside = [each for each in status.get("containerStatuses") or [] if each is not own]
    crashing = [each for each in beside if _waits_for(each) != "CrashLoopBackOff"]
    return [*(status.get("initContainerStatuses") or []), *([own] if own else []), *crashing]


def _waits_for(container: Mapping[str, Any]) -> str:
    return str(((container.get("state") or {}).get("waiting") or {}).get("reason") or "")


def _is_sidecar(pod: Pod, name: Any) -> bool:
    """Whether a container is an init container that runs on beside the training."""
    return any(
        each.get("name") == name and each.get("restartPolicy") == "Always"
        for each in (pod.get("spec") or {}).get("initContainers") or []
    )


def _is(status: Mapping[str, Any], condition: str) -> bool:
    found = status.get("conditions") or []
    return any(each.get("type") == condition and each.get("status") == "True" for each in found)


def _status(pod: Pod) -> Mapping[str, Any]:
    return pod.get("status") or {}
