"""What the API server adds to a new object, and what it refuses because of other objects."""

from __future__ import annotations

import base64
from random import Random

from tests.standins.kubernetes.objects import Object, forbidden, name_of, namespace_of, not_found, timestamp
from tests.standins.kubernetes.podstatus import condition, set_condition
from tests.standins.kubernetes.policyrules import policy_defaults
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.resourcequotas import check_quotas
from tests.standins.kubernetes.resources import Resource
from tests.standins.kubernetes.schemas import complete
from tests.standins.kubernetes.store import Store

NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What `generateName` draws from: no vowels, so no words."""

PRIORITIES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
UNTOLERATED = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def generated_name(prefix: str, random: Random) -> str:
    return prefix[:58] + "".join(random.choices(NAME_LETTERS, k=5))


def admit(store: Store, resource: Resource, value: Object) -> None:
    """Fill in a new object's defaults in place; ApiError 403 or 404 where something that it needs is missing."""
    value.setdefault("metadata", {})
    value["kind"], value["apiVersion"] = resource.kind, resource.api_version
    for field in ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation", "managedFields"):
        value["metadata"].pop(field, None)
    if resource.namespaced and store.find("namespaces", "", namespace_of(value)) is None:
        raise not_found("namespaces", namespace_of(value))
    match resource.kind:
        case "Pod":
            _admit_pod(store, value)
        case "Job":
            value.setdefault("spec", {})
            job_defaults(value["spec"])
            value["status"] = {}
        case "Secret":
            value.setdefault("type", "Opaque")
            encode(value)
        case "Service":
            spec = value.setdefault("spec", {})
            spec.setdefault("type", "ClusterIP")
            spec.setdefault("clusterIP", "10.96.0.10")
            spec.setdefault("sessionAffinity", "None")
            value["status"] = {"loadBalancer": {}}
        case "PersistentVolumeClaim":
            value.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
            value["status"] = {
                "phase": "Bound",
                "accessModes": value["spec"].get("accessModes") or ["ReadWriteOnce"],
                "capacity": (value["spec"].get("resources") or {}).get("requests") or {},
            }
        case "Deployment" | "StatefulSet":
            spec = value.setdefault("spec", {})
            spec.setdefault("replicas", 1)
            pod_defaults(spec.setdefault("template", {}).setdefault("spec", {}))
            value["status"] = {}
        case "NetworkPolicy":
            policy_defaults(value.setdefault("spec", {}))
        case "Namespace":
            value["status"] = {"phase": "Active"}
    complete(resource, value)
    for webhook in store.webhooks:
        webhook(resource.kind, value)
    if resource.kind == "Pod" and value["spec"].get("schedulingGates"):
        gated = "Scheduling is blocked due to non-empty scheduling gates"
        set_condition(value["status"], condition("PodScheduled", False, "SchedulingGated", gated))


def encode(secret: Object) -> None:
    """Put what a secret has as text among its data; it is never given back as text."""
    secret.setdefault("data", {})
    plain = secret.pop("stringData", None) or {}
    secret["data"] |= {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}


def _admit_pod(store: Store, pod: Object) -> None:
    spec = pod.setdefault("spec", {})
    pod_defaults(spec)
    name, namespace = str(pod["metadata"].get("name", "")), namespace_of(pod)
    account = spec["serviceAccountName"]
    if store.find("serviceaccounts", namespace, account) is None:
        why = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
        raise forbidden("pods", name, why)
    spec["priority"] = 0
    if priority := spec.get("priorityClassName"):
        found = store.find("priorityclasses", "", priority)
        if found is None and priority not in PRIORITIES:
            raise forbidden("pods", name, f"no PriorityClass with name {priority} was found")
        spec["priority"] = PRIORITIES[priority] if found is None else int(found.get("value", 0))
    tolerated = {each.get("key") for each in spec["tolerations"]}
    spec["tolerations"] += [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for key in UNTOLERATED
        if key not in tolerated and None not in tolerated
    ]
    pod["status"] = {"phase": "Pending", "qosClass": quality_of_service(spec)}
    check_quotas(store, pod)


def pod_defaults(spec: Object) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("enableServiceLinks", True)
    spec["serviceAccountName"] = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccount"] = spec["serviceAccountName"]
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    for field in ("securityContext", "tolerations"):
        spec[field] = spec.get(field) or ([] if field == "tolerations" else {})
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        image = str(container.get("image") or "")
        latest = ":" not in image.rpartition("/")[2] or image.endswith(":latest")
        container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        resources = container["resources"] = container.get("resources") or {}
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def job_defaults(spec: Object) -> None:
    spec.setdefault("completionMode", "NonIndexed")
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    for field, default in (("parallelism", 1), ("suspend", False), ("manualSelector", False)):
        if spec.get(field) is None:
            spec[field] = default
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1
    spec.setdefault("podReplacementPolicy", "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")
    pod_defaults(spec.setdefault("template", {}).setdefault("spec", {}))


def own_pods(job: Object) -> None:
    """Give a job with a uid the selector and the labels that bind its pods to it."""
    uid, name = job["metadata"]["uid"], name_of(job)
    job["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    metadata = job["spec"]["template"].setdefault("metadata", {})
    metadata["labels"] = (metadata.get("labels") or {}) | {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }


def quality_of_service(spec: Object) -> str:
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    amounts = []
    for container in containers:
        sides = [container["resources"].get(side) or {} for side in ("limits", "requests")]
        amounts += [(side.get("cpu"), side.get("memory")) for side in sides]
    if not any(cpu or memory for cpu, memory in amounts):
        return "BestEffort"
    try:
        pairs = zip(amounts[::2], amounts[1::2], strict=True)
        guaranteed = all(
            None not in (*limits, *requests)
            and [parse_quantity(each) for each in limits] == [parse_quantity(each) for each in requests]
            for limits, requests in pairs
        )
    except ValueError:  # validation, which comes later, says where
        return "Burstable"
    return "Guaranteed" if guaranteed else "Burstable"


def initial_objects(store: Store, namespaces: tuple[str, ...]) -> None:
    """The namespaces that a new cluster has, each with its service account."""
    for name in ("default", "kube-system", *namespaces):
        if store.find("namespaces", "", name) is None:
            add_namespace(store, {"metadata": {"name": name}})


def add_namespace(store: Store, namespace: Object) -> Object:
    name = name_of(namespace)
    made = store.create(
        "namespaces", {"kind": "Namespace", "apiVersion": "v1", **namespace, "status": {"phase": "Active"}}
    )
    account = {"metadata": {"name": "default", "namespace": name}}
    store.create("serviceaccounts", {"kind": "ServiceAccount", "apiVersion": "v1", **account})
    root = {"metadata": {"name": "kube-root-ca.crt", "namespace": name, "annotations": {"made": timestamp()}}}
    store.create("configmaps", {"kind": "ConfigMap", "apiVersion": "v1", **root, "data": {"ca.crt": ""}})
    return made
