"""The pods of servers: their container, what it is told, what it may do, how the cluster asks whether it is well."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from automl_core.serving.kubernetes.kinds import Manifest
from automl_core.serving.kubernetes.plan import REVISION_LABEL, Plan

CONTAINER = "server"
PORT, HEALTH_PORT = 8080, 8081
CACHE, TMP = "/cache", "/tmp"  # noqa: S108  # of the pod, a volume of its own
SECRETS = "/etc/automl"
"""Below it: ``tls/``, ``clients/``, ``tokens/``."""

GROUP = 65532
"""The image's group, which volumes that stay are given to: a fresh volume is root's."""

DRAIN = 5
"""Seconds from the order to end until the server gets it: so long others may still send requests here, since they have
not been told yet that it goes."""

AFTER = 15
"""Seconds that the cluster waits beyond a server's own time for its end before it kills: a server that has not begun to
listen takes its order to end only then, and a machine may be slow."""


def pod_template(plan: Plan, container: str = CONTAINER) -> Manifest:
    """Metadata and spec of the pods, with the label that tells them from pods of another state of the file.

    Args:
        plan: what is wanted.
        container: name of the container that serves.
    """
    template = copy.deepcopy(dict(plan.template))
    metadata = dict(template.get("metadata") or {})
    found = {
        "labels": {**(metadata.get("labels") or {}), **plan.selector},
        **({"annotations": metadata["annotations"]} if metadata.get("annotations") else {}),
    }
    spec = _spec(plan, template.get("spec") or {}, container)
    made = {"metadata": found, "spec": spec}
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:10]
    found["labels"][REVISION_LABEL] = digest
    return made


def arguments(plan: Plan) -> list[str]:
    """The command line of a server."""
    wanted, options, tls = plan.wanted, plan.wanted.serve, plan.wanted.certificate
    found = ["automl", "serve", plan.storage, "--host", "0.0.0.0", "--port", str(PORT), "--cache", CACHE]  # noqa: S104
    if wanted.models == "this":
        found += ["--model", plan.model]
    if wanted.tokens is not None:
        found += ["--tokens", f"{SECRETS}/tokens/tokens"]
    if tls is not None:
        found += ["--tls-cert", f"{SECRETS}/tls/tls.crt", "--tls-key", f"{SECRETS}/tls/tls.key"]
        if tls.clients is not None:
            # the cluster has no certificate of a client, so it asks elsewhere whether all is well
            found += ["--tls-clients", f"{SECRETS}/clients/ca.crt", "--health-port", str(HEALTH_PORT)]
    if wanted.open and wanted.tokens is None and (tls is None or tls.clients is None):
        found.append("--open")
    answers = options.answers
    found += ["--answers", ("on" if answers else "off") if isinstance(answers, bool) else f"{answers:g}"]
    columns = options.columns if isinstance(options.columns, str) else ",".join(options.columns)
    found += ["--columns", columns or "none", "--memory", options.memory, "--timeout", f"{options.timeout:g}"]
    found += ["--most", str(options.most), "--body", options.body, "--grace", f"{options.grace:g}"]
    found += ["--cache-size", str(wanted.folder.models)]
    for each in options.trust:
        found += ["--trust", each]
    return [each.replace("$(", "$$(") for each in found]  # a kubelet would read $(NAME) as a variable


def _spec(plan: Plan, template: Mapping[str, Any], name: str) -> Manifest:
    wanted, spec = plan.wanted, dict(template)
    containers = [dict(each) for each in spec.get("containers") or [{}]]
    volumes, mounts = _volumes(plan)
    containers[0] = _container(plan, containers[0], name, mounts)
    spec["containers"] = containers
    spec["volumes"] = [*(spec.get("volumes") or []), *volumes]
    spec["terminationGracePeriodSeconds"] = max(
        DRAIN + math.ceil(wanted.serve.grace) + AFTER, spec.get("terminationGracePeriodSeconds") or 0
    )
    spec.setdefault("automountServiceAccountToken", False)
    spec.setdefault("enableServiceLinks", False)
    if wanted.service_account is not None:
        spec["serviceAccountName"] = wanted.service_account
    spec.setdefault("topologySpreadConstraints", _spread(plan))
    security = spec["securityContext"] = dict(spec.get("securityContext") or {})
    security.setdefault("runAsNonRoot", True)
    security.setdefault("seccompProfile", {"type": "RuntimeDefault"})
    if wanted.folder.keep:
        security.setdefault("fsGroup", GROUP)
        security.setdefault("fsGroupChangePolicy", "OnRootMismatch")
    for other in [*containers[1:], *(spec.get("initContainers") or [])]:
        other.setdefault("securityContext", _restricted({}))
    return spec


def _container(plan: Plan, template: Mapping[str, Any], name: str, mounts: list[Manifest]) -> Manifest:
    wanted = plan.wanted
    container = {**template, "name": name}
    if wanted.image is not None:
        container["image"] = wanted.image
    container["command"] = arguments(plan)
    container.pop("args", None)
    own = [{"name": "HOME", "value": TMP}, {"name": "PYTHONUNBUFFERED", "value": "1"}]
    own += [{"name": key, "value": text.replace("$(", "$$(")} for key, text in sorted(wanted.storage.env.items())]
    names = {each["name"] for each in own}
    container["env"] = [*(each for each in template.get("env") or [] if each["name"] not in names), *own]
    if wanted.storage.secret is not None:
        container["envFrom"] = [
            *(template.get("envFrom") or []), {"secretRef": {"name": wanted.storage.secret}}
        ]  # fmt: skip
    container["ports"] = [
        *(each for each in template.get("ports") or [] if each.get("containerPort") != PORT),
        {"name": "server", "containerPort": PORT, "protocol": "TCP"},
    ]
    amounts, before = _resources(plan), template.get("resources") or {}
    if amounts:
        container["resources"] = {
            **before, **{kind: {**(before.get(kind) or {}), **given} for kind, given in amounts.items()}
        }  # fmt: skip
    container["volumeMounts"] = [*(template.get("volumeMounts") or []), *mounts]
    container |= _probes(plan)
    container["lifecycle"] = {"preStop": {"sleep": {"seconds": DRAIN}}}
    container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")  # so that a crash says why
    container["securityContext"] = _restricted(template.get("securityContext") or {})
    return container


def _restricted(given: Mapping[str, Any]) -> Manifest:
    """The restricted Pod Security Standard and a root that can't be written to, less what a template says."""
    return {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}, **given
    }  # fmt: skip


def _probes(plan: Plan) -> Manifest:
    tls = plan.wanted.certificate
    port: str | int = "server"
    scheme = "HTTP" if tls is None else "HTTPS"
    if tls is not None and tls.clients is not None:
        port, scheme = HEALTH_PORT, "HTTP"

    def asks(what: str, **times: int) -> Manifest:
        return {"httpGet": {"path": f"/v2/health/{what}", "port": port, "scheme": scheme}, **times}

    return {
        # it listens once its models are loaded, which takes as long as the file lets it
        "startupProbe": asks(
            "live", periodSeconds=2, timeoutSeconds=2, failureThreshold=max(1, math.ceil(plan.wanted.wait / 2))
        ),
        "readinessProbe": asks("ready", periodSeconds=2, timeoutSeconds=2, failureThreshold=2),
        "livenessProbe": asks("live", periodSeconds=10, timeoutSeconds=5, failureThreshold=3),
    }


def _resources(plan: Plan) -> dict[str, dict[str, str]]:
    wanted = plan.wanted.resources
    requests, limits = dict(wanted.other), dict(wanted.other)
    if wanted.cpu:
        requests["cpu"] = wanted.cpu
    if wanted.cpu_limit:
        limits["cpu"] = wanted.cpu_limit
    if wanted.memory:
        requests["memory"] = limits["memory"] = wanted.memory
    if wanted.gpus is not None:
        requests[wanted.gpus.resource] = limits[wanted.gpus.resource] = str(wanted.gpus.count)
    return {kind: amounts for kind, amounts in (("requests", requests), ("limits", limits)) if amounts}


def _volumes(plan: Plan) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes of the pod, and where its container has them. A volume that stays comes from the StatefulSet."""
    wanted, tls, mount = plan.wanted, plan.wanted.certificate, plan.wanted.storage.mount
    volumes: list[Manifest] = [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}]
    mounts: list[Manifest] = [{"name": "cache", "mountPath": CACHE}, {"name": "tmp", "mountPath": TMP}]
    if not wanted.folder.keep:
        volumes.insert(0, {"name": "cache", "emptyDir": {"sizeLimit": wanted.folder.size}})

    def keep_secret(name: str, secret: str, *keys: str) -> None:
        items = [{"key": key, "path": key} for key in keys]  # what else is in it is nobody's business here
        volumes.append({"name": name, "secret": {"secretName": secret, "items": items}})
        mounts.append({"name": name, "mountPath": f"{SECRETS}/{name}", "readOnly": True})

    if tls is not None:
        keep_secret("tls", tls.secret, "tls.crt", "tls.key")
        if tls.clients is not None:
            keep_secret("clients", tls.clients, "ca.crt")
    if wanted.tokens is not None:
        keep_secret("tokens", wanted.tokens, "tokens")
    if mount is not None:
        name = mount.volume or "storage"
        if mount.claim is not None:
            volumes.append({"name": name, "persistentVolumeClaim": {"claimName": mount.claim}})
        elif mount.host_path is not None:
            volumes.append({"name": name, "hostPath": {"path": mount.host_path}})
        mounts.append(
            {"name": name, "mountPath": mount.path, **({"subPath": mount.sub_path} if mount.sub_path else {})}
        )
    return volumes, mounts


def _spread(plan: Plan) -> list[Manifest]:
    """Over zones and nodes, as far as that goes: among pods made from the same, so that an update spreads too."""
    return [
        {
            "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": plan.selector}, "matchLabelKeys": [REVISION_LABEL],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]  # fmt: skip
