"""What a pod's state means: how it ended, or why it has not begun. Pure functions of the pod as JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from automl_core.backends.base import Cause, Exit
from automl_core.backends.exits import exit_of
from automl_core.backends.kubernetes import queueing
from automl_core.backends.kubernetes.artifacts import failure_to_keep
from automl_core.backends.kubernetes.bounds import Pod, memory_held, memory_limit, training
from automl_core.spec.tasks import OUT_OF_MEMORY
from automl_core.spec.units import format_duration
from automl_core.states import NEVER_BEGAN


class Kind(StrEnum):
    """The kinds of failure that a cluster tells apart."""

    NODE_LOST = "node_lost"
    EVICTED = "evicted"
    PREEMPTED = "preempted"
    REJECTED = "rejected"
    DELETED = "deleted"
    OOM = OUT_OF_MEMORY
    IMAGE = "image"
    CONFIG = "config"
    PENDING = "pending"
    STORAGE = "storage"


DISRUPTIONS: Mapping[str, tuple[Kind, str]] = {
    "PreemptionByScheduler": (Kind.PREEMPTED, "preempted by a pod of a higher priority"),
    "EvictionByEvictionAPI": (Kind.EVICTED, "evicted through the API (a node was drained, say)"),
    "DeletionByTaintManager": (Kind.NODE_LOST, "its node was lost or tainted"),
    "DeletionByPodGC": (Kind.NODE_LOST, "its node is gone"),
    "TerminationByKubelet": (Kind.EVICTED, "ended by its node (pressure on the node, or its shutdown)"),
}
"""Reasons of the condition DisruptionTarget (Kubernetes documentation, "Disruptions")."""

POD_REASONS: Mapping[str, tuple[Kind, str]] = {
    "Evicted": (Kind.EVICTED, "evicted from its node"),
    "NodeLost": (Kind.NODE_LOST, "its node was lost"),
    "NodeShutdown": (Kind.NODE_LOST, "its node was shut down"),
    "Shutdown": (Kind.NODE_LOST, "its node was shut down"),
    "Terminated": (Kind.NODE_LOST, "its node was shut down"),
    "Preempting": (Kind.PREEMPTED, "preempted on its node by a critical pod"),
    "UnexpectedAdmissionError": (Kind.REJECTED, "its node could not take it"),
    "NodeAffinity": (Kind.REJECTED, "its node does not fit it any more"),
    "TopologyAffinityError": (Kind.REJECTED, "its node could not give it what it asked for in one place"),
}
"""``status.reason`` of a failed pod."""

_REJECTED = "Pod was rejected"
"""How a kubelet's message begins that does not take a pod, whatever the reason."""

UNSEEN_ENDS = frozenset({"Unknown", "ContainerStatusUnknown"})
"""Reasons of a container whose end nobody saw: its node was restarted, or lost it. Its exit code is made up."""

_SETTLED = 30.0
"""Seconds by which a training has ended before its node began to end the pod, if it is to have ended by itself.

A node asks and waits for at most its own grace; a helper may still be carrying what a training made minutes ago.
"""

_OWN_LIMIT = re.compile(r"exceeds? the (total )?limit|usage .* exceeds|exceeded its (local )?ephemeral", re.IGNORECASE)


def has_ended(pod: Pod) -> bool:
    """Whether nothing of it runs any more."""
    return _status(pod).get("phase") in ("Succeeded", "Failed")


def has_begun(pod: Pod) -> bool:
    """Whether its training container has been started."""
    state = training(pod).get("state") or {}
    return "running" in state or "terminated" in state


def started_at(pod: Pod) -> float | None:
    """When its training container was started, in seconds since 1970; None before that."""
    state = training(pod).get("state") or {}
    return _seconds((state.get("running") or state.get("terminated") or {}).get("startedAt"))


def ended_at(pod: Pod) -> float | None:
    """When its training container ended, in seconds since 1970; None before that."""
    return _seconds(((training(pod).get("state") or {}).get("terminated") or {}).get("finishedAt"))


def training_ended(pod: Pod) -> bool:
    """Whether its training container has ended; others of it may run on."""
    return "terminated" in (training(pod).get("state") or {})


def left_behind(pod: Pod) -> list[str]:
    """Containers of its template that run on though the training has ended; sidecars that the cluster ends aren't."""
    if has_ended(pod) or not training_ended(pod):
        return []
    statuses = _status(pod).get("containerStatuses") or []
    return [str(each.get("name")) for each in statuses if "terminated" not in (each.get("state") or {})]


def disruption(pod: Pod) -> tuple[Kind, str] | None:
    """Who takes the pod away, where it is none of the training's doing."""
    status = _status(pod)
    sent_away = queueing.eviction_of(pod)
    if sent_away is not None:
        return evicted_by_kueue(*sent_away)
    for condition in status.get("conditions") or []:
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            kind, words = DISRUPTIONS.get(condition.get("reason", ""), (Kind.EVICTED, "taken away by the cluster"))
            return kind, _with(words, condition.get("message"))
    reason = status.get("reason", "")
    message = status.get("message") or ""
    if reason in POD_REASONS or reason.startswith("OutOf") or (reason and message.startswith(_REJECTED)):
        if reason == "Evicted" and _OWN_LIMIT.search(message):
            return None
        kind, words = POD_REASONS.get(reason, (Kind.REJECTED, "its node had no room for it"))
        return kind, _with(words, message)
    return None


def evicted_by_kueue(reason: str, message: str) -> tuple[Kind, str]:
    """What it means that Kueue takes a place away, by the reason and message that it gives."""
    kind = Kind.PREEMPTED if queueing.was_preempted(reason) else Kind.EVICTED
    return kind, _with(f"Kueue took its place away ({reason.removeprefix('WorkloadEvictedDueTo')})", message)


def exit_of_pod(
    pod: Pod, *, cause: Cause | None = None, timeout: float | None = None, most_memory: float | None = None,
    peak_memory: int | None = None, evicted: str | None = None,
) -> Exit:  # fmt: skip
    """How a pod has ended that has ended, or that is being taken away.

    Args:
        pod: as it was seen last.
        cause: TERMINATED or TIMEOUT where it was ended from here; None otherwise.
        timeout: the time limit in seconds.
        most_memory: bytes of memory that a new attempt can come to have; None where that is no more.
        peak_memory: most bytes that its processes were seen to hold, None when unknown.
        evicted: what the cluster's event says of its eviction, None without one (see `limits_local_storage`).
    """
    status, state = _status(pod), (training(pod).get("state") or {}).get("terminated") or {}
    seconds, code = _duration(pod), state.get("exitCode")
    if cause is not None:
        code = 143 if code is None else code
        ended = exit_of(
            code=code, ended_by=None, cause=cause, seconds=seconds, timeout=timeout, peak_memory_bytes=peak_memory
        )
        return ended if cause is not Cause.TERMINATED or has_begun(pod) else replace(ended, kind=NEVER_BEGAN)
    if status.get("reason") == "DeadlineExceeded" and not _ended_before_its_deadline(pod):
        return _past_deadline(pod, code, seconds, timeout, peak_memory)
    appetite = _appetite(pod, evicted)
    if appetite is not None:
        return Exit(Cause.KILLED, -1, None, appetite, seconds, peak_memory_bytes=peak_memory, kind=Kind.EVICTED)
    disrupted = disruption(pod) or _told_by_event(evicted)
    ended_well = code == 0 and state.get("reason") not in UNSEEN_ENDS  # also where a child was killed for memory
    if (status.get("phase") == "Succeeded" or ended_well) and not _left_early(pod, disrupted is not None):
        unkept = failure_to_keep(status)
        if unkept is not None:
            reason = f"what it made could not be stored: {unkept}"
            return Exit(Cause.EXITED, 1, None, reason, seconds, kind=Kind.STORAGE, blameless=True)
        return exit_of(code=0, ended_by=None, cause=Cause.EXITED, seconds=seconds, peak_memory_bytes=peak_memory)
    if disrupted is not None:
        kind, words = disrupted
        return Exit(Cause.LOST, -1, None, words, seconds, peak_memory_bytes=peak_memory, kind=kind, blameless=True)
    if _was_deleted(pod):
        if _was_past(pod, timeout):  # from here, by a watch that is none any more
            code = 143 if code is None else code
            return exit_of(code=code, ended_by=None, cause=Cause.TIMEOUT, seconds=seconds, timeout=timeout)
        return gone(None, seconds=seconds)
    if state.get("reason") in UNSEEN_ENDS:
        words = _with("its node was restarted, or lost track of it", state.get("message"))
        return Exit(Cause.LOST, -1, None, words, seconds, kind=Kind.NODE_LOST, blameless=True)
    # memory that ran out is not always said: the runtime may miss it, and only a child may have been killed
    growth = most_memory is not None and most_memory > memory_held(pod)
    if state.get("reason") == "OOMKilled" or (code == 137 and growth):
        return out_of_memory(pod, seconds, growth, peak_memory)
    if code is None:
        return _never_ran(pod, seconds)
    ended = exit_of(code=code, ended_by=None, cause=Cause.EXITED, seconds=seconds, peak_memory_bytes=peak_memory)
    if state.get("reason") in ("StartError", "ContainerCannotRun"):  # its command isn't there: it never will be
        reason = f"the container could not be started: {state.get('message') or 'no reason given'}"
        return replace(ended, reason=reason, kind=Kind.CONFIG, final=True, systematic=True)
    return ended


def gone(
    pod: Pod | None, *, cause: Cause | None = None, timeout: float | None = None, seconds: float = 0.0,
    most_memory: float | None = None,
) -> Exit:  # fmt: skip
    """How an attempt has ended whose pod is not there any more.

    Args:
        pod: as it was seen last, None if it never was.
        cause: TERMINATED or TIMEOUT where it was ended from here; None otherwise.
        timeout: the time limit in seconds.
        seconds: how long it ran, where that is known without the pod.
        most_memory: as in `exit_of_pod`.
    """
    if pod is not None and (
        cause is not None
        or has_ended(pod)
        or disruption(pod) is not None
        or _was_over(pod)
        or (_was_deleted(pod) and _was_past(pod, timeout))
    ):
        return exit_of_pod(pod, cause=cause, timeout=timeout, most_memory=most_memory)
    if cause is not None:
        return Exit(cause, -1, None, "ended on request; its pod is gone")
    seconds = _duration(pod) if pod is not None else seconds
    reason = "its pod was deleted, and not from here"
    return Exit(Cause.LOST, -1, None, reason, seconds, kind=Kind.DELETED, blameless=True)


def asked_to_go_at(pod: Pod) -> float | None:
    """When somebody had it deleted, in seconds since 1970; None where nobody has."""
    deadline = _seconds(pod.get("metadata", {}).get("deletionTimestamp"))
    return None if deadline is None else deadline - float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)


def failed_at(pod: Pod) -> float | None:
    """When what ended a pod came over it, in seconds since 1970; None where nothing tells.

    That of a deadline is exact, also where no container had been started; the container's own end may be much later.
    """
    status = _status(pod)
    accepted, limit = _seconds(status.get("startTime")), (pod.get("spec") or {}).get("activeDeadlineSeconds")
    if status.get("reason") == "DeadlineExceeded" and accepted is not None and limit is not None:
        over = accepted + float(limit)
        return min(over, ended_at(pod) or over)
    taken = [c for c in status.get("conditions") or [] if c.get("type") == "DisruptionTarget" and c["status"] == "True"]
    return ended_at(pod) or asked_to_go_at(pod) or (_seconds(taken[0].get("lastTransitionTime")) if taken else None)


def undeleted(pod: Pod) -> Pod:
    """A pod as if nobody had had it deleted: the training had ended before, and that from here."""
    metadata = {key: value for key, value in pod["metadata"].items() if not key.startswith("deletion")}
    return {**pod, "metadata": metadata}


def _was_deleted(pod: Pod) -> bool:
    """Whether it was ended by being deleted, rather than deleted when it had ended."""
    asked, ended = asked_to_go_at(pod), ended_at(pod)
    return asked is not None and (ended is None or ended >= asked - 1)


def _left_early(pod: Pod, disrupted: bool) -> bool:
    """Whether it exited with 0 because it was asked to go: training that saves itself then has not done all it had to.

    A pod that had ended is deleted at once, without a grace.
    """
    in_grace = bool(pod.get("metadata", {}).get("deletionGracePeriodSeconds"))
    # ended by its node it is Succeeded where it exits with 0: the condition is all that tells (Kubernetes 1.27 on)
    by_node = disrupted and (_status(pod).get("phase") == "Failed" or asked_to_go_at(pod) is None)
    return (by_node and not _had_settled(pod)) or (in_grace and training_ended(pod) and _was_deleted(pod))


def _had_settled(pod: Pod) -> bool:
    """Whether its training had ended long before its node began to end the pod."""
    ended = ended_at(pod)
    began = next(
        (
            _seconds(each.get("lastTransitionTime"))
            for each in _status(pod).get("conditions") or []
            if each.get("type") == "DisruptionTarget" and each.get("status") == "True"
        ),
        None,
    )
    return ended is not None and began is not None and ended < began - _SETTLED


def _ended_before_its_deadline(pod: Pod) -> bool:
    """Whether its training had ended by itself when the pod's time was over: a container beside it had not."""
    ended, accepted = ended_at(pod), _seconds(_status(pod).get("startTime"))
    deadline = (pod.get("spec") or {}).get("activeDeadlineSeconds")
    if ended is None or accepted is None or deadline is None:
        return False
    return ended < accepted + float(deadline) - 1


def _past_deadline(pod: Pod, code: int | None, seconds: float, timeout: float | None, peak: int | None) -> Exit:
    """A pod that the cluster has ended at its ``activeDeadlineSeconds``, whatever its training made of that."""
    ended = exit_of(
        code=143 if code is None else code, ended_by=None, cause=Cause.TIMEOUT, seconds=seconds, timeout=timeout,
        peak_memory_bytes=peak,
    )  # fmt: skip
    if timeout is not None and seconds >= timeout - 1:
        words = f"ran past its time limit of {format_duration(timeout)} and was ended by the cluster"
        return replace(ended, reason=words)
    deadline = (pod.get("spec") or {}).get("activeDeadlineSeconds")
    limit = f" of {format_duration(float(deadline))}" if deadline is not None else ""
    trained = f"it had trained for {format_duration(round(seconds))}" if seconds else "it had not begun to train"
    return replace(
        ended,
        reason=f"the cluster ended its pod at its activeDeadlineSeconds{limit}, which count from when its node took "
        f"it, so pulling the image and init containers are within; {trained}",
    )


def _appetite(pod: Pod, evicted: str | None) -> str | None:
    """In words that it was ended for more local storage than it had asked for, None where it was not."""
    status = _status(pod)
    message = str(status.get("message") or "") if status.get("reason") == "Evicted" else evicted or ""
    return _with(POD_REASONS["Evicted"][1], message) if _OWN_LIMIT.search(message) else None


def _told_by_event(evicted: str | None) -> tuple[Kind, str] | None:
    return (Kind.EVICTED, _with(POD_REASONS["Evicted"][1], evicted)) if evicted is not None else None


def _was_past(pod: Pod, timeout: float | None) -> bool:
    """Whether it was at its time limit when it was deleted."""
    begun, asked = started_at(pod), asked_to_go_at(pod)
    return timeout is not None and begun is not None and asked is not None and asked - begun >= timeout - 1


def _was_over(pod: Pod) -> bool:
    """Whether its training had ended, and nothing of it was still being carried, before somebody had it deleted."""
    helpers = _status(pod).get("initContainerStatuses") or []
    return (
        training_ended(pod) and not _was_deleted(pod) and not any("running" in (h.get("state") or {}) for h in helpers)
    )


def out_of_memory(pod: Pod, seconds: float, growth: bool, peak: int | None) -> Exit:
    """How an attempt has ended that ran out of memory.

    Args:
        pod: as it was seen last.
        seconds: that it ran.
        growth: whether the next attempt gets more.
        peak: most bytes that it was seen to hold, None when unknown.
    """
    limit = memory_limit(pod)
    words = f"it ran out of memory (its limit is {limit})" if limit else "it ran out of memory"
    words += "; the next attempt gets more" if growth else ", and a new attempt would get no more"
    return Exit(
        Cause.KILLED, 137, 9, words, seconds, peak_memory_bytes=peak, kind=Kind.OOM, blameless=growth, final=not growth
    )


def _never_ran(pod: Pod, seconds: float) -> Exit:
    """A failed pod whose training container has no exit code: one before it failed, or the node refused."""
    status = _status(pod)
    for container in status.get("initContainerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            words = f"the init container {container['name']} failed with exit code {ended['exitCode']}"
            return Exit(Cause.EXITED, ended["exitCode"], None, _with(words, ended.get("message")), seconds)
    reason, message = status.get("reason") or "no reason given", status.get("message")
    return Exit(Cause.LOST, -1, None, _with(f"its pod failed: {reason}", message), seconds)


def _with(words: str, message: str | None) -> str:
    return f"{words}: {message}" if message else words


def _status(pod: Pod) -> Mapping[str, Any]:
    return pod.get("status") or {}


def _duration(pod: Pod) -> float:
    begun, ended = started_at(pod), ended_at(pod)
    if begun is None:
        return 0.0
    return max(0.0, (ended if ended is not None else datetime.now(UTC).timestamp()) - begun)


def _seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
