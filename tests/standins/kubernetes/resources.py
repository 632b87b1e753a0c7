"""The kinds that the stand-in serves, and how a path names one."""

from __future__ import annotations

from dataclasses import dataclass

from tests.standins.kubernetes.objects import ApiError, Object

CRUD = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Resource:
    """One kind of object."""

    plural: str
    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    verbs: tuple[str, ...] = CRUD
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """Its name in messages: `pods`, `jobs.batch`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def describe(self) -> Object:
        """Its entry in discovery."""
        return {
            "name": self.plural,
            "singularName": self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": list(self.verbs),
        }


RESOURCES: list[Resource] = [
    Resource("namespaces", "Namespace", namespaced=False),
    Resource("nodes", "Node", namespaced=False, subresources=("status",)),
    Resource("pods", "Pod", subresources=("status", "log", "eviction", "resize")),
    Resource("resourcequotas", "ResourceQuota", subresources=("status",)),
    Resource("events", "Event"),
    Resource("secrets", "Secret"),
    Resource("configmaps", "ConfigMap"),
    Resource("services", "Service"),
    Resource("serviceaccounts", "ServiceAccount"),
    Resource("persistentvolumeclaims", "PersistentVolumeClaim", subresources=("status",)),
    Resource("jobs", "Job", "batch", subresources=("status",)),
    Resource("deployments", "Deployment", "apps", subresources=("status", "scale")),
    Resource("statefulsets", "StatefulSet", "apps", subresources=("status", "scale")),
    Resource("poddisruptionbudgets", "PodDisruptionBudget", "policy", subresources=("status",)),
    Resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling", "v2", subresources=("status",)),
    Resource("networkpolicies", "NetworkPolicy", "networking.k8s.io"),
    Resource("priorityclasses", "PriorityClass", "scheduling.k8s.io", namespaced=False),
    Resource("pods", "PodMetrics", "metrics.k8s.io", "v1beta1", verbs=("get", "list")),
    Resource(
        "selfsubjectaccessreviews", "SelfSubjectAccessReview", "authorization.k8s.io", namespaced=False,
        verbs=("create",),
    ),
]  # fmt: skip

BY_PLACE = {(each.group, each.version, each.plural): each for each in RESOURCES}
POD = BY_PLACE["", "v1", "pods"]
JOB = BY_PLACE["batch", "v1", "jobs"]


def register(resource: Resource) -> None:
    """Serve one more kind: a custom resource."""
    place = (resource.group, resource.version, resource.plural)
    if place not in BY_PLACE:
        RESOURCES.append(resource)
        BY_PLACE[place] = resource


def plural_of(kind: str) -> str | None:
    """The plural of a kind, None where none is served."""
    return next((each.plural for each in RESOURCES if each.kind == kind), None)


@dataclass(frozen=True)
class Target:
    """What a request's path names."""

    resource: Resource
    namespace: str | None = None
    name: str | None = None
    subresource: str | None = None

    @property
    def full_name(self) -> str:
        plural = self.resource.plural
        return f"{plural}/{self.subresource}" if self.subresource else plural


def parse_path(path: str) -> Target:
    """The target of `/api/v1/…` or `/apis/<group>/<version>/…`; ApiError 404 for any other path."""
    parts = [part for part in path.split("/") if part]
    group = ""
    match parts:
        case ["api", "v1" as version, *rest] if rest:
            pass
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            raise unknown_path()
    namespace = None
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
        namespace, rest = rest[1], rest[2:]
    resource = BY_PLACE.get((group, version, rest[0]))
    if resource is None or len(rest) > 3 or (namespace is not None and not resource.namespaced):
        raise unknown_path()
    name = rest[1] if len(rest) > 1 else None
    subresource = rest[2] if len(rest) > 2 else None
    if (subresource and subresource not in resource.subresources) or (name and resource.namespaced and not namespace):
        raise unknown_path()
    return Target(resource, namespace, name, subresource)


def unknown_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")
