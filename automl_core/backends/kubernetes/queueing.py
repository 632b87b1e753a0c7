"""Waiting in a queue of Kueue: the labels that ask for it, and how a pod looks that waits, or is sent away.

Names and reasons are those of Kueue 0.19.2 (`pkg/controller/constants`, `pkg/controller/jobs/pod`); docs/kubernetes.md
has the table. A plain pod waits with a scheduling gate, a Job or a custom resource by being suspended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.spec.queueing import Kueue

GROUP = "kueue.x-k8s.io"
QUEUE = f"{GROUP}/queue-name"
"""Label of a pod, a Job or a custom resource: the LocalQueue."""

PRIORITY = f"{GROUP}/priority-class"
"""Label: the WorkloadPriorityClass."""

MANAGED = f"{GROUP}/managed"
"""Label (and finalizer) that Kueue's webhook gives to pods that it manages."""

GATED = "SchedulingGated"
"""Reason of the condition PodScheduled of a pod with a scheduling gate (Kueue's is ``kueue.x-k8s.io/admission``)."""

TERMINATION_TARGET = "TerminationTarget"
"""Condition that Kueue sets on a pod right before it deletes it."""


def labels_of(kueue: Kueue | None) -> dict[str, str]:
    """The labels that put an object into a queue; none without one."""
    if kueue is None:
        return {}
    return {QUEUE: kueue.queue, **({PRIORITY: kueue.priority_class} if kueue.priority_class else {})}


def queue_of(pod: Mapping[str, Any]) -> str | None:
    """The queue in which a pod waits for its turn; None where it waits in none (any more)."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == GATED:
            return labels.get(QUEUE) if labels.get(MANAGED) == "true" else None
    return None


def ignores_queue(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is meant for a queue, and the cluster has no Kueue that manages pods."""
    labels: Mapping[str, str] = pod["metadata"].get("labels") or {}
    return came_from_queue(pod) and MANAGED not in labels


def came_from_queue(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is meant for a queue, whether or not one kept it waiting."""
    return QUEUE in (pod["metadata"].get("labels") or {})


def is_cancelled(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is to go that has not had its turn: nothing of it will ever run, whatever its finalizers say."""
    return bool(pod["metadata"].get("deletionTimestamp")) and queue_of(pod) is not None


def eviction_of(pod: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why Kueue takes a pod away, as (reason, message); None where it doesn't."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == TERMINATION_TARGET and condition.get("status") == "True":
            return str(condition.get("reason") or ""), str(condition.get("message") or "")
    return None


def was_preempted(reason: str) -> bool:
    """Whether a reason of Kueue (of a pod's condition, or a Workload's) means that others need the place more."""
    return reason.removeprefix("WorkloadEvictedDueTo") == "Preempted"
