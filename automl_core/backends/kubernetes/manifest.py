"""The pod of an attempt, as the API server takes it."""

from __future__ import annotations

import copy
import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from automl_core.backends.contract import TrialContext, arguments_of, environment, substitute
from automl_core.backends.kubernetes.artifacts import Carrying, add_helpers
from automl_core.backends.kubernetes.bringing import CODE_FOLDER, CodeInPod, SpecInPod, add_code, add_spec_file
from automl_core.backends.kubernetes.lanes import LaneInPod, add_lane
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.backends.kubernetes.queueing import labels_of
from automl_core.backends.kubernetes.secrets import secret_name
from automl_core.spec.code import CWD
from automl_core.spec.kubernetes import KubernetesTask, SecretVariable, Volume
from automl_core.spec.quantities import memory_quantity

Manifest: TypeAlias = dict[str, Any]
"""An object of the Kubernetes API as plain JSON."""

CONTAINER = "base"
"""Name of the container that trains; KubernetesPodOperator's."""

DEADLINE_RESERVE = 6 * 3600.0
"""Seconds beyond its time limit after which the cluster ends a pod by itself, should nobody else.

The time limit is the training's and is kept by who watches it. A pod's ``activeDeadlineSeconds`` count from when a node
took it, so that pulling its image and its init containers (data that is brought, say) are within.
"""


@dataclass(frozen=True, slots=True)
class PodOrder:
    """What an attempt's pod is made from.

    Attributes:
        task: the training task.
        context: the trial it is part of.
        attempt: which attempt.
        memory: bytes of memory, None where the file states none.
        timeout: time limit in seconds, None without one.
        template: the pod to start from, as the file gives it.
        files: name of the config map with the task's `files`, None without any.
        environment: further variables.
        labels: further labels of the pod.
        carrying: what helper containers carry between a bucket and the pod, None without any.
        spec_file: the trial's spec file, None without one.
        code: how the code comes into the pod, None where none goes along.
        lane: how the pod serves one trial after the other, None where it is this attempt's alone.
    """

    task: KubernetesTask
    context: TrialContext
    attempt: AttemptId
    memory: float | None = None
    timeout: float | None = None
    template: Mapping[str, Any] = field(default_factory=dict)
    files: str | None = None
    environment: tuple[dict[str, Any], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    carrying: Carrying | None = None
    spec_file: SpecInPod | None = None
    code: CodeInPod | None = None
    lane: LaneInPod | None = None


def pod_manifest(order: PodOrder) -> Manifest:
    """The pod of an attempt.

    Raises:
        PlaceholderError: a ``${…}`` of the task can't be substituted.
        StartError: the spec file is larger than a pod can carry.
    """
    task, attempt = order.task, order.attempt
    pod: Manifest = rendered(copy.deepcopy(dict(order.template)), order.context)
    pod.setdefault("apiVersion", "v1")
    pod.setdefault("kind", "Pod")
    metadata = pod.setdefault("metadata", {})
    metadata["name"] = attempt.name
    if task.namespace:
        metadata["namespace"] = task.namespace
    metadata["labels"] = {**(metadata.get("labels") or {}), **attempt.labels, **labels_of(task.kueue), **order.labels}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **attempt.annotations}
    spec = pod.setdefault("spec", {})
    containers = spec.setdefault("containers", [])
    if not containers:
        containers.append({})
    containers[0] = _container(containers[0], order)
    volumes, mounts = _volumes(order)
    spec["volumes"] = [*(spec.get("volumes") or []), *volumes]
    containers[0]["volumeMounts"] = [*(containers[0].get("volumeMounts") or []), *mounts]
    for list_name, owner in (("volumes", spec), ("volumeMounts", containers[0])):
        if not owner[list_name]:
            del owner[list_name]
    if order.spec_file is not None:
        add_spec_file(pod, containers[0], order.spec_file)
    _placement(spec, task)
    _protection(spec, containers[0], task)
    if order.code is not None:
        add_code(spec, containers[0], order.code)
    if order.lane is not None:
        add_lane(pod, containers[0], order.lane)
    spec["restartPolicy"] = "Never"
    grace = task.grace
    if order.lane is not None and task.artifacts is not None:
        grace += task.artifacts.grace
    if order.carrying is not None:
        add_helpers(spec, containers[0], order.carrying)
        grace += order.carrying.artifacts.grace
    spec["terminationGracePeriodSeconds"] = max(1, math.ceil(grace))
    if order.timeout is not None and order.lane is None:  # a pod of several trials has as long as they take
        latest = math.ceil(order.timeout + DEADLINE_RESERVE)
        spec["activeDeadlineSeconds"] = min(latest, spec.get("activeDeadlineSeconds") or latest)
    return pod


def rendered(value: Any, context: TrialContext) -> Any:
    """A piece of the file with every ``${…}`` of its texts substituted."""
    if isinstance(value, str):
        return substitute(value, context)
    if isinstance(value, dict):
        return {key: rendered(child, context) for key, child in value.items()}
    if isinstance(value, list):
        return [rendered(child, context) for child in value]
    return value


def literal(text: str) -> str:
    """A text that a kubelet leaves as it is: its own ``$(NAME)`` is not for values that may hold anything."""
    return text.replace("$", "$$")


def variable(name: str, value: str) -> dict[str, Any]:
    """An environment variable of a container."""
    return {"name": name, "value": literal(value)}


def _container(template: Mapping[str, Any], order: PodOrder) -> dict[str, Any]:
    task, context = order.task, order.context
    container = {**template, "name": CONTAINER}
    if task.image:
        container["image"] = substitute(task.image, context)
    if task.image_pull_policy:
        container["imagePullPolicy"] = task.image_pull_policy
    if task.command is not None:
        container["command"] = [literal(part) for part in arguments_of(task.command, context)]
        container.pop("args", None)
    if task.cwd is not None:
        container["workingDir"] = CODE_FOLDER if task.cwd == CWD else task.cwd
    if task.args:
        container["args"] = [literal(substitute(part, context)) for part in task.args]
    mine = environment(context) if order.lane is None else {}  # else it comes with the trial's order
    own = [
        variable("PYTHONUNBUFFERED", "1"),
        *(variable(name, substitute(value, context)) for name, value in task.env.items() if _held(value, order)),
        *({"name": each.env, "valueFrom": {"secretKeyRef": _secret_key(each, order)}} for each in task.secrets),
        *order.environment,
        *(variable(name, value) for name, value in mine.items()),
    ]
    names = {each["name"] for each in own}
    container["env"] = [*(each for each in template.get("env") or [] if each["name"] not in names), *own]
    resources = _resources(order)
    if resources:
        before = template.get("resources") or {}
        container["resources"] = {
            **before, **{kind: {**(before.get(kind) or {}), **amounts} for kind, amounts in resources.items()}
        }  # fmt: skip
    container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
    return container


def _held(value: str, order: PodOrder) -> bool:
    """Whether the pod itself has a variable of the task's `env`: of one with several trials, where it is theirs all."""
    return order.lane is None or "${" not in value


def _resources(order: PodOrder) -> dict[str, dict[str, str]]:
    wanted = order.task.resources
    requests, limits = dict(wanted.other), dict(wanted.other)
    if wanted.cpu:
        requests["cpu"] = wanted.cpu
    if wanted.cpu_limit:
        limits["cpu"] = wanted.cpu_limit
    if order.memory is not None:
        grown = order.memory != order.task.memory_bytes
        amount = memory_quantity(order.memory) if grown else str(wanted.memory)
        requests["memory"] = limits["memory"] = amount
    if wanted.gpus is not None:
        requests[wanted.gpus.resource] = limits[wanted.gpus.resource] = str(wanted.gpus.count)
    return {kind: amounts for kind, amounts in (("requests", requests), ("limits", limits)) if amounts}


def _volumes(order: PodOrder) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Volumes of the pod, and where its container has them."""
    task, volumes, mounts = order.task, [], []
    if task.storage_mount is not None:
        place = task.storage_mount
        name = place.volume or "automl-storage"
        if place.claim:
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": place.claim}})
        elif place.host_path:
            volumes.append({"name": name, "hostPath": {"path": place.host_path}})
        mounts.append(_mount(name, place.path, sub_path=place.sub_path))
    for number, volume in enumerate(task.volumes):
        name = f"automl-volume-{number}"
        volumes.append({"name": name, **_source(volume)})
        sub_path = substitute(volume.sub_path, order.context) if volume.sub_path else None
        mounts.append(_mount(name, volume.mount, read_only=volume.read_only, sub_path=sub_path))
    if order.files is not None:
        for number, (folder, items) in enumerate(sorted(files_by_folder(task).items())):
            name = f"automl-files-{number}"
            keys = [{"key": key, "path": path} for path, key in sorted(items.items())]
            volumes.append({"name": name, "configMap": {"name": order.files, "items": keys}})
            mounts.append(_mount(name, folder, read_only=True))
    return volumes, mounts


def files_by_folder(task: KubernetesTask) -> dict[str, dict[str, str]]:
    """The task's `files`: folder in the pod → name of the file → key in the config map."""
    folders: dict[str, dict[str, str]] = {}
    for number, path in enumerate(sorted(task.files)):
        folders.setdefault(posixpath.dirname(path), {})[posixpath.basename(path)] = f"file-{number}"
    return folders


def _mount(name: str, path: str, *, read_only: bool = False, sub_path: str | None = None) -> dict[str, Any]:
    mount: dict[str, Any] = {"name": name, "mountPath": path}
    if read_only:
        mount["readOnly"] = True
    if sub_path:
        mount["subPath"] = sub_path
    return mount


def _source(volume: Volume) -> dict[str, Any]:
    if volume.claim:
        return {"persistentVolumeClaim": {"claimName": volume.claim, "readOnly": volume.read_only}}
    if volume.host_path:
        return {"hostPath": {"path": volume.host_path}}
    if volume.config_map:
        return {"configMap": {"name": volume.config_map}}
    if volume.secret:
        return {"secret": {"secretName": volume.secret}}
    return {"emptyDir": {} if volume.empty_dir is True else {"sizeLimit": volume.empty_dir}}


def _placement(spec: dict[str, Any], task: KubernetesTask) -> None:
    """Where the pod may run, and as whom."""
    selector = {**(spec.get("nodeSelector") or {}), **task.node_selector}
    gpus = task.resources.gpus
    if gpus is not None and gpus.type:
        selector[gpus.type_label] = gpus.type
    if selector:
        spec["nodeSelector"] = selector
    if task.tolerations:
        own = [
            {key: value for key, value in {**one.model_dump(), "tolerationSeconds": one.seconds}.items()
             if key != "seconds" and value is not None}
            for one in task.tolerations
        ]  # fmt: skip
        spec["tolerations"] = [*(spec.get("tolerations") or []), *own]
    if task.service_account:
        spec["serviceAccountName"] = task.service_account
    if task.priority_class:
        spec["priorityClassName"] = task.priority_class
    if task.image_pull_secrets:
        names = [{"name": name} for name in task.image_pull_secrets]
        spec["imagePullSecrets"] = [*(spec.get("imagePullSecrets") or []), *names]


def _secret_key(variable: SecretVariable, order: PodOrder) -> dict[str, str]:
    """Where the cluster keeps a value: in the secret that the file names, or in the attempt's, of connections."""
    if variable.secret is not None:
        return {"name": variable.secret, "key": variable.key}
    return {"name": secret_name(order.attempt), "key": variable.env}


def _protection(spec: dict[str, Any], container: dict[str, Any], task: KubernetesTask) -> None:
    """The restricted Pod Security Standard, less what the file or its template allows.

    Containers of a template that say nothing about it are held to it too.
    """
    security = task.security
    for other in [*(spec.get("initContainers") or []), *spec["containers"][1:]]:
        other.setdefault("securityContext", {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}})
    spec.setdefault("automountServiceAccountToken", security.service_account_token)
    spec.setdefault("enableServiceLinks", False)
    of_pod = spec.setdefault("securityContext", {})
    of_pod.setdefault("runAsNonRoot", not security.run_as_root)
    of_pod.setdefault("seccompProfile", {"type": "RuntimeDefault"})
    for key, value in (
        ("runAsUser", security.run_as_user),
        ("runAsGroup", security.run_as_group),
        ("fsGroup", security.fs_group),
    ):
        if value is not None:
            of_pod[key] = value
    of_container = container.setdefault("securityContext", {})
    if not of_container.get("privileged"):  # the cluster takes no privileged container that may not gain privileges
        of_container.setdefault("allowPrivilegeEscalation", security.privilege_escalation)
    capabilities = of_container.setdefault("capabilities", {"drop": ["ALL"]})
    if security.add_capabilities:
        capabilities["add"] = [*capabilities.get("add", []), *security.add_capabilities]
