"""The types of the fields that the stand-in reads: a body that differs can't be decoded (400), as in Go."""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from tests.standins.kubernetes.objects import ApiError, Object, bad_request
from tests.standins.kubernetes.resources import Resource

Amounts = dict[str, str | int | float]
Entries = dict[str, str]


class OwnerReference(TypedDict):
    apiVersion: str
    kind: str
    name: str
    uid: str


class Metadata(TypedDict, total=False):
    name: str
    generateName: str
    namespace: str
    labels: Entries
    annotations: Entries
    finalizers: list[str]
    ownerReferences: list[OwnerReference]


class Reference(TypedDict, total=False):
    name: str
    key: str
    optional: bool


class FieldReference(TypedDict):
    fieldPath: str


class ResourceReference(TypedDict, total=False):
    resource: str
    divisor: str | int


class ValueSource(TypedDict, total=False):
    secretKeyRef: Reference
    configMapKeyRef: Reference
    fieldRef: FieldReference
    resourceFieldRef: ResourceReference


class Variable(TypedDict, total=False):
    name: str
    value: str
    valueFrom: ValueSource


class VariableSource(TypedDict, total=False):
    prefix: str
    secretRef: Reference
    configMapRef: Reference


class Mount(TypedDict, total=False):
    name: str
    mountPath: str
    subPath: str
    readOnly: bool


class Resources(TypedDict, total=False):
    limits: Amounts
    requests: Amounts


class ContainerShape(TypedDict, total=False):
    name: str
    image: str
    command: list[str]
    args: list[str]
    env: list[Variable]
    envFrom: list[VariableSource]
    volumeMounts: list[Mount]
    resources: Resources
    workingDir: str
    restartPolicy: str
    restartPolicyRules: list[dict[str, Any]]
    imagePullPolicy: str
    terminationMessagePath: str
    terminationMessagePolicy: str


class Toleration(TypedDict, total=False):
    key: str
    operator: str
    value: str
    effect: str
    tolerationSeconds: int


class Volume(TypedDict, total=False):
    name: str
    secret: dict[str, Any]
    configMap: dict[str, Any]
    emptyDir: dict[str, Any]
    hostPath: dict[str, Any]
    projected: dict[str, Any]
    persistentVolumeClaim: dict[str, Any]


class SchedulingGate(TypedDict):
    name: str


class PodSpec(TypedDict, total=False):
    schedulingGates: list[SchedulingGate]
    containers: list[ContainerShape]
    initContainers: list[ContainerShape]
    volumes: list[Volume]
    tolerations: list[Toleration]
    nodeSelector: Entries
    restartPolicy: str
    nodeName: str
    hostname: str
    subdomain: str
    serviceAccountName: str
    priorityClassName: str
    terminationGracePeriodSeconds: int
    activeDeadlineSeconds: int


class PodShape(TypedDict, total=False):
    metadata: Metadata
    spec: PodSpec


class JobSpec(TypedDict, total=False):
    template: PodShape
    completions: int
    parallelism: int
    backoffLimit: int
    backoffLimitPerIndex: int
    maxFailedIndexes: int
    activeDeadlineSeconds: int
    ttlSecondsAfterFinished: int
    completionMode: str
    suspend: bool
    podFailurePolicy: dict[str, list[dict[str, Any]]]
    successPolicy: dict[str, list[dict[str, Any]]]


class JobShape(TypedDict, total=False):
    metadata: Metadata
    spec: JobSpec


class DataShape(TypedDict, total=False):
    metadata: Metadata
    data: Entries
    stringData: Entries
    binaryData: Entries


class Requirement(TypedDict, total=False):
    key: str
    operator: str
    values: list[str]


class Selector(TypedDict, total=False):
    matchLabels: Entries
    matchExpressions: list[Requirement]


IPBlock = TypedDict("IPBlock", {"cidr": str, "except": list[str]}, total=False)


class Peer(TypedDict, total=False):
    podSelector: Selector
    namespaceSelector: Selector
    ipBlock: IPBlock


class PolicyPort(TypedDict, total=False):
    protocol: str
    port: int | str
    endPort: int


class EgressRule(TypedDict, total=False):
    to: list[Peer]
    ports: list[PolicyPort]


IngressRule = TypedDict("IngressRule", {"from": list[Peer], "ports": list[PolicyPort]}, total=False)


class PolicySpec(TypedDict, total=False):
    podSelector: Selector
    policyTypes: list[str]
    ingress: list[IngressRule]
    egress: list[EgressRule]


class PolicyShape(TypedDict, total=False):
    metadata: Metadata
    spec: PolicySpec


class OtherShape(TypedDict, total=False):
    metadata: Metadata
    spec: dict[str, Any]


SHAPES: dict[str, Any] = {"Pod": PodShape, "Job": JobShape, "Secret": DataShape, "ConfigMap": DataShape,
                          "NetworkPolicy": PolicyShape}  # fmt: skip


def check_shape(resource: Resource, value: Object) -> None:
    """Refuse an object with a field of another type than Kubernetes declares (ApiError 400)."""
    try:
        msgspec.convert(value, SHAPES.get(resource.kind, OtherShape))
    except msgspec.ValidationError as error:
        raise _undecodable(resource, str(error)) from error


def _undecodable(resource: Resource, why: str) -> ApiError:
    kind, version = resource.kind, resource.version
    return bad_request(f'{kind} in version "{version}" cannot be handled as a {kind}: json: cannot unmarshal: {why}')
