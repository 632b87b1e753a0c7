"""The kinds of objects that we make, and where an API server has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Manifest: TypeAlias = dict[str, Any]
"""An object of the Kubernetes API as plain JSON."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object.

    Attributes:
        kind: its name.
        api_version: with its group, such as ``apps/v1``.
        plural: as paths have it.
        comes_with: what a cluster must have installed for it; empty where every cluster has it.
    """

    kind: str
    api_version: str
    plural: str
    comes_with: str = ""

    def path(self, namespace: str, name: str = "") -> str:
        """The path of one object, or of all of them, in a namespace."""
        root = "/apis/" if "/" in self.api_version else "/api/"
        return f"{root}{self.api_version}/namespaces/{namespace}/{self.plural}" + (f"/{name}" if name else "")

    def of(self, manifest: Mapping[str, Any]) -> bool:
        """Whether an object is of this kind."""
        return (manifest["kind"], manifest["apiVersion"]) == (self.kind, self.api_version)


SERVICE = Kind("Service", "v1", "services")
POLICY = Kind("NetworkPolicy", "networking.k8s.io/v1", "networkpolicies")
DEPLOYMENT = Kind("Deployment", "apps/v1", "deployments")
STATEFUL_SET = Kind("StatefulSet", "apps/v1", "statefulsets")
BUDGET = Kind("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets")
SCALER = Kind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers")
ROUTE = Kind("HTTPRoute", "gateway.networking.k8s.io/v1", "httproutes", "the Gateway API, 1.0 or later")
BACKEND_TLS = Kind(
    "BackendTLSPolicy", "gateway.networking.k8s.io/v1", "backendtlspolicies", "the Gateway API, 1.4 or later"
)
INFERENCE = Kind("InferenceService", "serving.kserve.io/v1beta1", "inferenceservices", "KServe")

KINDS = (SERVICE, POLICY, DEPLOYMENT, STATEFUL_SET, INFERENCE, BUDGET, SCALER, BACKEND_TLS, ROUTE)
"""In the order in which they are made. They are taken away the other way round: first the way in, last what answers."""

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, INFERENCE)
"""Of these there is one: it has the pods."""


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """The kind of an object of ours.

    Raises:
        KeyError: it is none of ours.
    """
    for kind in KINDS:
        if kind.of(manifest):
            return kind
    raise KeyError(f"{manifest['apiVersion']} {manifest['kind']}")
