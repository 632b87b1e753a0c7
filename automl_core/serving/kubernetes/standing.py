"""How a model's servers in a cluster are: rolled out or not, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_core.backends.kubernetes.api import ApiError, KubernetesApi
from automl_core.serving.kubernetes.causes import is_ready, needs_events, problems_of
from automl_core.serving.kubernetes.kinds import (
    BACKEND_TLS,
    DEPLOYMENT,
    INFERENCE,
    ROUTE,
    SCALER,
    STATEFUL_SET,
    Kind,
    Manifest,
)
from automl_core.serving.kubernetes.objects import KSERVE_CONTAINER
from automl_core.serving.kubernetes.plan import REVISION_LABEL, Plan
from automl_core.serving.kubernetes.pods import CONTAINER, pod_template

_MOST_EVENTS = 3
"""Pods whose events are asked for: the others tell the same."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How servers are at a moment.

    Attributes:
        kind: what has the pods.
        wanted, updated, ready: servers that there are to be, that were made from the file as it is, that answer.
        finished: whether all of them are of the file as it is, and answer.
        given_up: why the cluster waits no longer; empty where it does.
        problems: what keeps pods from being ready.
        notes: what else is not as it should be: an autoscaler without figures, a route that no Gateway takes.
    """

    kind: str
    wanted: int
    updated: int
    ready: int
    finished: bool
    given_up: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """In a line."""
        state = "rolled out" if self.finished else "not rolled out yet"
        return f"{state}: {self.ready} of {self.wanted} answer, {self.updated} are of the file as it is"


def workload_of(plan: Plan) -> Kind:
    """What has the pods of a plan."""
    if plan.wanted.objects == "kserve":
        return INFERENCE
    return STATEFUL_SET if plan.wanted.folder.keep else DEPLOYMENT


async def find(api: KubernetesApi, kind: Kind, namespace: str, name: str) -> Manifest | None:
    """An object, None where there is none, or no such kind in the cluster.

    Raises:
        ApiError: it may not be read.
        Unreachable: the cluster is away.
    """
    try:
        return await api.get(kind.path(namespace, name))
    except ApiError as error:
        if error.status == 404:
            return None
        raise


async def look(api: KubernetesApi, plan: Plan) -> Standing | None:
    """How servers are now, None where there are none.

    Args:
        api: of the cluster.
        plan: what is wanted of it.

    Raises:
        ApiError: something may not be read.
        Unreachable: the cluster is away.
    """
    kind = workload_of(plan)
    found = await find(api, kind, plan.namespace, plan.name)
    if found is None:
        return None
    selector = ",".join(f"{key}={value}" for key, value in plan.selector.items())
    pods = (await api.get(f"/api/v1/namespaces/{plan.namespace}/pods", labelSelector=selector)).get("items") or []
    revision = pod_template(plan, KSERVE_CONTAINER if kind is INFERENCE else CONTAINER)["metadata"]["labels"][
        REVISION_LABEL
    ]
    newest = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(REVISION_LABEL) == revision]
    told = _as_workload(kind, found, pods, newest, revision)
    problems = list(told.problems)
    if not told.finished:
        problems += problems_of(newest, await _events(api, plan.namespace, newest))
        if kind is STATEFUL_SET and not newest:
            problems += await _of_events(api, plan.namespace, plan.name, "FailedCreate")
    return Standing(
        kind.kind, told.wanted, told.updated, told.ready, told.finished, told.given_up, tuple(problems),
        tuple(await _notes(api, plan)),
    )  # fmt: skip


def _as_workload(
    kind: Kind, found: Manifest, pods: Sequence[Manifest], newest: Sequence[Manifest], revision: str
) -> Standing:
    status, spec = found.get("status") or {}, found["spec"]
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    seen = (status.get("observedGeneration") or 0) >= (found["metadata"].get("generation") or 0)
    if kind is INFERENCE:
        wanted = spec["predictor"].get("minReplicas") or 1
        ready = sum(map(is_ready, pods))
        word = conditions.get("Ready", {})
        current = (spec["predictor"].get("labels") or {}).get(REVISION_LABEL) == revision
        finished = seen and current and word.get("status") == "True" and all(map(is_ready, newest)) and bool(newest)
        problems = [
            f"{each['type']}: {each.get('message') or each.get('reason')}" for each in conditions.values()
            if each.get("status") == "False" and each.get("message")
        ]  # fmt: skip
        return Standing(kind.kind, wanted, len(newest), ready, finished, problems=tuple(problems))
    wanted = spec.get("replicas", 1)
    current = (spec["template"]["metadata"].get("labels") or {}).get(REVISION_LABEL) == revision
    updated, all_, ready = (status.get(name) or 0 for name in ("updatedReplicas", "replicas", "readyReplicas"))
    available = status.get("availableReplicas") or 0
    finished = seen and current and updated >= wanted and all_ == updated and min(available, ready) >= wanted
    if kind is STATEFUL_SET:
        finished = finished and status.get("updateRevision") == status.get("currentRevision")
        return Standing(kind.kind, wanted, updated, ready, finished)
    problems = []
    failure = conditions.get("ReplicaFailure", {})
    if failure.get("status") == "True":  # a quota, a policy of the namespace: no pod is made at all
        problems.append(f"{failure.get('reason')}: {failure.get('message')}")
    progress = conditions.get("Progressing", {})
    late = progress.get("reason") == "ProgressDeadlineExceeded" and seen
    return Standing(
        kind.kind, wanted, updated if current else 0, ready, finished,
        str(progress.get("message") or "") if late and not finished else "", tuple(problems),
    )  # fmt: skip


async def _events(api: KubernetesApi, namespace: str, pods: Sequence[Manifest]) -> dict[str, list[Manifest]]:
    names = [pod["metadata"]["name"] for pod in pods if needs_events(pod)][:_MOST_EVENTS]
    return {name: await _events_of(api, namespace, name) for name in names}


async def _events_of(api: KubernetesApi, namespace: str, name: str) -> list[Manifest]:
    """The events of an object, the oldest first; none where they may not be read, which costs words only."""
    try:
        found = await api.get(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.name={name}")
    except ApiError:
        return []
    return sorted(found.get("items") or [], key=lambda each: each.get("lastTimestamp") or each.get("eventTime") or "")


async def _of_events(api: KubernetesApi, namespace: str, name: str, reason: str) -> list[str]:
    found = [each for each in await _events_of(api, namespace, name) if each.get("reason") == reason]
    return [f"{reason}: {found[-1].get('message')}"] if found else []


async def _notes(api: KubernetesApi, plan: Plan) -> list[str]:
    found = []
    if plan.wanted.scale.scaled and plan.wanted.objects == "plain":
        scaler = await find(api, SCALER, plan.namespace, plan.name)
        found += [
            f"the autoscaler does nothing: {condition.get('message')}"
            for condition in ((scaler or {}).get("status") or {}).get("conditions") or ()
            if condition["type"] in ("AbleToScale", "ScalingActive") and condition["status"] == "False"
        ]
    if plan.wanted.way_in is not None and plan.wanted.objects == "plain":
        for kind in (ROUTE, BACKEND_TLS):
            made = await find(api, kind, plan.namespace, plan.name)
            if made is not None:
                found += _route_notes(kind, made, plan.wanted.way_in.name)
    return found


def _route_notes(kind: Kind, made: Mapping[str, Any], gateway: str) -> list[str]:
    name = "ancestors" if kind is BACKEND_TLS else "parents"
    parents = (made.get("status") or {}).get(name) or []
    if not parents:
        return [f"no Gateway has taken the {kind.kind} yet: is there one named {gateway!r}, and what runs it?"]
    return [
        f"{kind.kind}: {condition['type']} is false: {condition.get('message') or condition.get('reason')}"
        for parent in parents for condition in parent.get("conditions") or () if condition.get("status") == "False"
    ]  # fmt: skip
