"""What a pod's training may use, by the pod as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from automl_core.backends.kubernetes.manifest import CONTAINER
from automl_core.spec.quantities import parse_quantity

Pod: TypeAlias = Mapping[str, Any]
"""A pod as the API server gives it."""


def training(pod: Pod) -> Mapping[str, Any]:
    """Status of the container that trains."""
    statuses: list[Mapping[str, Any]] = (pod.get("status") or {}).get("containerStatuses") or []
    return next((status for status in statuses if status.get("name") == CONTAINER), statuses[0] if statuses else {})


def memory_limit(pod: Pod) -> str | None:
    """The memory limit that held for its training, as a quantity; None without one.

    What its status says before its spec: a limit that somebody changes in place shows there once it holds.
    """
    containers = (pod.get("spec") or {}).get("containers") or []
    declared = next((each for each in containers if each.get("name") == CONTAINER), containers[0] if containers else {})
    for each in (training(pod), declared):
        limit = ((each.get("resources") or {}).get("limits") or {}).get("memory")
        if limit:
            return str(limit)
    return None


def memory_held(pod: Pod) -> float:
    """Bytes of memory that its training could have, 0 where there was no limit (see `memory_limit`)."""
    try:
        return parse_quantity(memory_limit(pod) or "0")
    except ValueError:
        return 0.0


def limits_local_storage(pod: Pod) -> bool:
    """Whether its node may end it for what it writes to local disks.

    Of a training that exits with 0 then, only an event tells: the pod is Succeeded, without reason or condition.
    """
    spec = pod.get("spec") or {}
    return any((each.get("emptyDir") or {}).get("sizeLimit") for each in spec.get("volumes") or []) or any(
        "ephemeral-storage" in ((each.get("resources") or {}).get("limits") or {})
        for each in spec.get("containers") or []
    )
