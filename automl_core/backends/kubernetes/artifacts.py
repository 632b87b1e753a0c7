"""Helper containers of a pod that carry its models and checkpoints between a bucket and a folder that all share."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.spec.kubernetes import Artifacts

FOLDER = "/automl/artifacts"
"""Where the training finds its folders."""

FETCH, KEEP = "automl-fetch", "automl-keep"
"""Names of the containers: an init container, and a sidecar that ends after the training."""

_VOLUME = "automl-artifacts"
ENDED = f"{FOLDER}/.ended"
"""The file by which the sidecar knows that the training has ended."""


@dataclass(frozen=True, slots=True)
class Carrying:
    """What the helpers of a pod do.

    Attributes:
        artifacts: as the file states it.
        image: of the helpers.
        module: the Python module that they run, with ``fetch`` or ``keep``.
        order: what to carry, as that module reads it.
    """

    artifacts: Artifacts
    image: str
    module: str
    order: str


def add_helpers(spec: dict[str, Any], container: dict[str, Any], carrying: Carrying) -> None:
    """Put the helper containers into a pod.

    Args:
        spec: the pod's; changed.
        container: the one that trains; changed.
        carrying: what they do.
    """
    spec["volumes"] = [*(spec.get("volumes") or []), {"name": _VOLUME, "emptyDir": {}}]
    mount = {"name": _VOLUME, "mountPath": FOLDER}
    container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]
    helper: dict[str, Any] = {
        "image": carrying.image,
        "env": [
            {"name": name, "value": value.replace("$", "$$")}
            for name, value in {**carrying.artifacts.env, "AUTOML_SYNC": carrying.order}.items()
        ],
        "volumeMounts": [mount],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": copy.deepcopy(container.get("securityContext") or {}),
    }
    if carrying.artifacts.secret:
        helper["envFrom"] = [{"secretRef": {"name": carrying.artifacts.secret}}]
    fetch = {**helper, "name": FETCH, "command": ["/bin/sh", "-c", _fetch(carrying.module)]}
    keep = {**helper, "name": KEEP, "command": ["/bin/sh", "-c", _keep(carrying.module)], "restartPolicy": "Always"}
    # sidecars end in reverse order, one after the other: a template's that is deaf to SIGTERM would take all the grace,
    # and what the training made would not be brought
    spec["initContainers"] = [fetch, *(spec.get("initContainers") or []), keep]


def _fetch(module: str) -> str:
    """The init container's script. The training may run as another user: it is to write where this one has made."""
    return f"python -m {module} fetch && chmod -R a+rwX {FOLDER}/*"


def _keep(module: str) -> str:
    """The sidecar's script.

    A shell hears of the end from its first moment on; Python may still be starting when a short training has ended.
    """
    return (
        f"trap 'touch {ENDED}' TERM; python -m {module} keep & "
        "while :; do wait $$!; code=$$?; kill -0 $$! 2>/dev/null || exit $$code; done"
    )


def failure_to_keep(status: Mapping[str, Any]) -> str | None:
    """Why the sidecar of an ended pod could not bring all there was, None where it could.

    Args:
        status: the pod's.
    """
    for each in status.get("initContainerStatuses") or []:
        ended = (each.get("state") or {}).get("terminated") or {}
        if each.get("name") == KEEP and ended.get("exitCode"):
            return str(ended.get("message") or f"exit code {ended['exitCode']}").strip()
    return None
