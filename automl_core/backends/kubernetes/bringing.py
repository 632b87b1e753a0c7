"""What a pod is brought beside its folders: the trial's spec file, and the code that goes along.

The spec file travels as an annotation of the pod, which the downward API shows it as a file: no object of its own that
would have to be made, owned and removed for each attempt, and any image can read it. The archive of the code travels as
a config map that all trials of a run share, or lies on the storage's mount; an init container of the training's own
image unpacks it into an empty folder of the pod's, so that all that is needed there is a shell with tar, or Python.
An archive that is too large for a config map is fetched from the bucket by an image of this product.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, LABEL, AttemptId, journal_label, label_value
from automl_core.spec.kubernetes import Artifacts

Manifest: TypeAlias = dict[str, Any]

SPEC_ANNOTATION = f"{LABEL}spec-file"
"""Annotation of a pod with its spec file."""

SPEC_FOLDER = "/automl/spec"
"""Where the training finds its spec file."""

MOST_SPEC_BYTES = 200_000
"""Bytes of a spec file: all annotations of a pod may have 256 KiB."""

CODE_FOLDER = "/automl/program"
"""Where the training finds the code."""

MOST_CODE_BYTES = 900_000
"""Bytes of an archive that a config map carries: an object of the cluster may have 1 MiB."""

CONTAINER = "automl-code"
"""Name of the init container that unpacks it."""

VARIABLE = "AUTOML_CODE"
"""The environment variable that tells a helper what to fetch."""

CONFIG_MAP = "automl-code-"
"""How the name of its config map begins."""

_ARCHIVE_FOLDER = "/automl/program-archive"
_KEY = "code.tar.gz"


@dataclass(frozen=True, slots=True)
class SpecInPod:
    """A spec file: its name and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Fetching:
    """Who fetches a large archive from the bucket.

    Attributes:
        module: the Python module that does.
        order: what it is told, in `VARIABLE`.
        image: that has it.
        artifacts: how the bucket is reached, as the file states it.
    """

    module: str
    order: str
    image: str
    artifacts: Artifacts


@dataclass(frozen=True, slots=True)
class CodeInPod:
    """The way of the code into a pod: exactly one of these.

    Attributes:
        config_map: name of the config map that has the archive.
        path: path of the archive on the storage's mount, in the pod.
        fetched: how it is fetched from a bucket.
    """

    config_map: str | None = None
    path: str | None = None
    fetched: Fetching | None = None


def code_config_map(digest: str, data: bytes, attempt: AttemptId) -> Manifest:
    """The config map with an archive, called by what is in it: all trials of a run share one.

    Args:
        digest: of the code.
        data: the archive.
        attempt: whose experiment it belongs to.
    """
    place = journal_label(attempt.place)
    name = hashlib.sha256(json.dumps([place, digest]).encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{CONFIG_MAP}{name}",
            "labels": {JOURNAL_LABEL: place, f"{LABEL}experiment": label_value(attempt.experiment)},
        },
        "immutable": True,
        "binaryData": {_KEY: base64.b64encode(data).decode()},
    }


def add_spec_file(pod: Manifest, container: dict[str, Any], spec: SpecInPod) -> None:
    """Put a spec file into a pod.

    Args:
        pod: changed.
        container: the one that trains; changed.
        spec: the file.

    Raises:
        StartError: it is larger than a pod can carry.
    """
    size = len(spec.text.encode())
    if size > MOST_SPEC_BYTES:
        raise StartError(f"spec_file: it has {size:,} bytes, and a pod carries {MOST_SPEC_BYTES:,} at most")
    pod["metadata"]["annotations"][SPEC_ANNOTATION] = spec.text
    field = {"fieldPath": f"metadata.annotations['{SPEC_ANNOTATION}']"}
    volume = {"name": "automl-spec", "downwardAPI": {"items": [{"path": spec.name, "fieldRef": field}]}}
    _add(pod["spec"], "volumes", volume)
    _add(container, "volumeMounts", {"name": "automl-spec", "mountPath": SPEC_FOLDER, "readOnly": True})


def add_code(spec: dict[str, Any], container: dict[str, Any], code: CodeInPod) -> None:
    """Have a pod unpack the code before its training begins.

    Args:
        spec: the pod's; changed.
        container: the one that trains, with all that it has; changed.
        code: the way of the code into it.
    """
    _add(spec, "volumes", {"name": "automl-code", "emptyDir": {}})
    mount = {"name": "automl-code", "mountPath": CODE_FOLDER}
    helper: dict[str, Any] = {
        "name": CONTAINER,
        "volumeMounts": [mount],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": copy.deepcopy(container.get("securityContext") or {}),
    }
    if code.fetched is not None:
        helper |= _fetching(code.fetched)
    else:
        helper |= {key: container[key] for key in ("image", "imagePullPolicy") if key in container}
        resources = _cpu_and_memory(container.get("resources") or {})
        helper |= {"resources": resources} if resources else {}
        helper["command"] = ["/bin/sh", "-c", _unpacking(code.path or f"{_ARCHIVE_FOLDER}/{_KEY}")]
    if code.config_map is not None:
        _add(spec, "volumes", {"name": "automl-code-archive", "configMap": {"name": code.config_map}})
        archive = {"name": "automl-code-archive", "mountPath": _ARCHIVE_FOLDER, "readOnly": True}
        helper["volumeMounts"] = [mount, archive]
    elif code.path is not None:
        mounts = [each for each in container.get("volumeMounts") or [] if _holds(each["mountPath"], code.path)]
        helper["volumeMounts"] = [mount, *({**each, "readOnly": True} for each in mounts)]
    _add(container, "volumeMounts", mount)
    spec["initContainers"] = [helper, *(spec.get("initContainers") or [])]


def _unpacking(archive: str) -> str:
    """The init container's script, for an image with a shell and tar, or Python. It has no `$`, which a kubelet reads.

    What it unpacks belongs to the user that trains, who may write there.
    """
    return (
        f"cd {CODE_FOLDER} && if command -v tar >/dev/null 2>&1; then tar -xzf {archive}; "
        f"elif command -v python3 >/dev/null 2>&1; then python3 -m tarfile -e {archive} .; "
        "else echo 'code: the image has neither tar nor python3 to unpack it with' >&2; exit 1; fi"
    )


def _fetching(how: Fetching) -> dict[str, Any]:
    """The init container that fetches an archive from a bucket; the training may run as another user."""
    artifacts = how.artifacts
    helper: dict[str, Any] = {
        "image": how.image,
        "command": ["/bin/sh", "-c", f"python -m {how.module} && chmod -R a+rwX {CODE_FOLDER}"],
        "env": [
            {"name": name, "value": value.replace("$", "$$")}
            for name, value in {**artifacts.env, VARIABLE: how.order}.items()
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    }
    return helper | ({"envFrom": [{"secretRef": {"name": artifacts.secret}}]} if artifacts.secret else {})


def _cpu_and_memory(resources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What the training asks for of these: no more is needed before it, and quotas ask every container."""
    found = {
        kind: {name: amount for name, amount in (resources.get(kind) or {}).items() if name in ("cpu", "memory")}
        for kind in ("requests", "limits")
    }
    return {kind: amounts for kind, amounts in found.items() if amounts}


def _holds(folder: str, path: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _add(owner: dict[str, Any], name: str, entry: dict[str, Any]) -> None:
    owner[name] = [*(owner.get(name) or []), entry]
