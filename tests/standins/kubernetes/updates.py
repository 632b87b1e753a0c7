"""What may change in an object that exists."""

from __future__ import annotations

from tests.standins.kubernetes.admission import encode, pod_defaults
from tests.standins.kubernetes.objects import Object, copy, invalid, name_of
from tests.standins.kubernetes.resources import Resource
from tests.standins.kubernetes.validation import check

KEPT = ("uid", "creationTimestamp", "resourceVersion", "generation", "namespace", "deletionTimestamp",
        "deletionGracePeriodSeconds")  # fmt: skip
"""Metadata that only the API server sets."""

POD_MESSAGE = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)

SET_MESSAGE = (
    "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
    "forbidden"
)


def check_update(resource: Resource, current: Object, value: Object, *, status: bool) -> None:
    """Make a changed object one that can take the current one's place; ApiError 422 where it can't.

    A `status` update changes nothing but the status, any other nothing of it.
    """
    metadata = value["metadata"]
    for field in KEPT:
        metadata.pop(field, None)
        if field in current["metadata"]:
            metadata[field] = current["metadata"][field]
    value["kind"], value["apiVersion"] = resource.kind, resource.api_version
    if "status" in resource.subresources:
        if status:
            for field in [*value, *current]:
                if field not in {"status", "metadata"}:
                    value.pop(field, None)
                    if field in current:
                        value[field] = current[field]
            return
        value.pop("status", None)
        if "status" in current:
            value["status"] = current["status"]
    if resource.kind == "Secret":
        encode(value)
    check(resource, value)
    if resource.kind == "Pod" and _fixed(value["spec"]) != _fixed(current["spec"]):
        raise invalid("Pod", name_of(current), [("spec", "FieldValueForbidden", POD_MESSAGE)])
    if resource.kind == "Job":
        for field in ("template", "selector", "completionMode"):
            if value["spec"].get(field) != current["spec"].get(field):
                cause = (f"spec.{field}", "FieldValueInvalid", "Invalid value: field is immutable")
                raise invalid("Job", name_of(current), [cause])
    if resource.kind in {"Deployment", "StatefulSet"}:
        pod_defaults(value["spec"]["template"]["spec"])
        value["spec"].setdefault("replicas", 1)
        _check_workload(resource, current, value)
    if current.get("immutable") and value.get("data") != current.get("data"):
        cause = ("data", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set")
        raise invalid(resource.kind, name_of(current), [cause])


def _check_workload(resource: Resource, current: Object, value: Object) -> None:
    if value["spec"].get("selector") != current["spec"].get("selector"):
        cause = ("spec.selector", "FieldValueInvalid", "Invalid value: field is immutable")
        raise invalid(f"{resource.kind}.apps", name_of(current), [cause])
    if resource.kind == "StatefulSet":
        for field in ("volumeClaimTemplates", "serviceName", "podManagementPolicy"):
            if value["spec"].get(field) != current["spec"].get(field):
                raise invalid("StatefulSet.apps", name_of(current), [("spec", "FieldValueForbidden", SET_MESSAGE)])


def _fixed(spec: Object) -> Object:
    """What of a pod's spec can't change."""
    fixed = copy(spec)
    for field in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates"):
        fixed.pop(field, None)
    for container in [*(fixed.get("containers") or ()), *(fixed.get("initContainers") or ())]:
        container.pop("image", None)
    return fixed
