"""Faults on demand of the Kubernetes stand-in, and its journal of requests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from kubernetes import client, config
from kubernetes.client.rest import ApiException

from tests.standins.kubernetes import KubernetesStandIn
from tests.standins.kubernetes.testing import pod, wait_for


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.2) as standin:
        yield standin


@pytest.fixture
def core(cluster: KubernetesStandIn) -> Iterator[client.CoreV1Api]:
    api = client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))
    yield api
    cluster.clear_faults()
    for node in ("node-1", "node-2"):
        cluster.restore_node(node)
    api.delete_collection_namespaced_pod("default", grace_period_seconds=0)


def get(cluster: KubernetesStandIn, path: str) -> httpx.Response:
    url = f"{cluster.url}/api/v1/namespaces/default/{path}"
    return httpx.get(url, headers={"Authorization": f"Bearer {cluster.token}"})


def start(core: client.CoreV1Api, name: str, *command: str, **spec: Any) -> Any:
    """The pod, running: its command must outlive the look that finds it so."""
    core.create_namespaced_pod("default", pod(name, *(command or ("sleep", "60")), **spec))
    return wait_for(lambda: phase(core, name) == "Running" and core.read_namespaced_pod(name, "default"))


def phase(core: client.CoreV1Api, name: str) -> str:
    return str(core.read_namespaced_pod(name, "default").status.phase)


def condition(found: Any, kind: str) -> Any:
    return next((each for each in found.status.conditions or () if each.type == kind), None)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "Forbidden"), (404, "NotFound"), (409, "Conflict"), (410, "Expired"), (429, "TooManyRequests"),
     (500, "InternalError"), (503, "ServiceUnavailable")],
)  # fmt: skip
def test_the_next_requests_fail(cluster: KubernetesStandIn, core: client.CoreV1Api, status: int, reason: str) -> None:
    cluster.fail(status, "list", "pods", count=2)
    assert get(cluster, "secrets").status_code == 200
    answers = [get(cluster, "pods") for _ in range(3)]
    assert [each.status_code for each in answers] == [status, status, 200]
    assert (answers[0].json()["reason"], answers[0].json()["code"]) == (reason, status)


def test_every_third_request_fails_and_says_when_to_come_again(
    cluster: KubernetesStandIn, core: client.CoreV1Api
) -> None:
    cluster.fail(429, "list", "pods", every=3, retry_after=7)
    answers = [get(cluster, "pods") for _ in range(6)]
    assert [each.status_code for each in answers] == [200, 200, 429] * 2
    assert answers[2].headers["retry-after"] == "7"


def test_a_request_can_be_slow(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    cluster.fail(200, "list", "pods", delay=0.3, count=1)
    before = time.monotonic()
    assert get(cluster, "pods").status_code == 200
    assert time.monotonic() - before >= 0.3


@pytest.mark.parametrize(
    "fault",
    [{"status": 418}, {"status": 500, "count": 0}, {"status": 500, "colour": "red"}, {"away": 1, "mode": "sulk"},
     {"lose_node": "node-9"}, {"lose_node": "node-1", "pods": "eaten"}, {"evict": "nobody"}, {}],
)  # fmt: skip
def test_a_fault_that_is_none_is_refused(cluster: KubernetesStandIn, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        cluster.fault(**fault)


@pytest.mark.parametrize("mode", ["refuse", "drop"])
def test_the_server_goes_away_and_comes_back(cluster: KubernetesStandIn, core: client.CoreV1Api, mode: str) -> None:
    started = start(core, "outlives", "sh", "-c", "while :; do echo tick; sleep 0.1; done")
    cluster.away(0.5, mode)

    def unreachable() -> bool:
        try:
            get(cluster, "pods")
        except httpx.TransportError:
            return True
        return False

    wait_for(unreachable)
    wait_for(lambda: not unreachable())
    found = core.read_namespaced_pod("outlives", "default")
    assert (found.metadata.uid, found.status.phase) == (started.metadata.uid, "Running")


def test_a_cut_is_over_when_it_is_answered(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    """What begins after it (another test's pods) is not met by it."""
    cluster.fail(200, "create", "pods", delay=0.3)
    start(core, "before-it")  # its connection is kept, and cut
    cluster.cut()
    start(core, "after-it")  # sent once: nothing that makes is sent again


def test_watches_are_closed(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    url = f"{cluster.url}/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=60"
    start(core, "seen")
    with httpx.stream("GET", url, headers={"Authorization": f"Bearer {cluster.token}"}) as answer:
        lines = answer.iter_lines()
        assert '"name":"seen"' in next(lines)
        cluster.fault(close_watches=True)
        list(lines)  # ends


def test_only_what_the_rules_allow(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    cluster.restrict([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}])
    assert get(cluster, "pods").status_code == 200
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod("default", pod("no", "true"))
    assert caught.value.status == 403
    assert 'cannot create resource \\"pods\\" in API group \\"\\" in the namespace \\"default\\"' in caught.value.body
    assert get(cluster, "pods/x/log").status_code == 403


def test_requests_are_counted(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    cluster.forget_requests()
    get(cluster, "pods")
    get(cluster, "pods/nobody")
    get(cluster, "pods/nobody/log?tailLines=1")
    assert cluster.counts() == {("list", "pods"): 1, ("get", "pods"): 1, ("get", "pods/log"): 1}
    last = cluster.requests()[-1]
    assert (last["verb"], last["name"], last["query"], last["status"]) == ("get", "nobody", "tailLines=1", 404)


@pytest.mark.parametrize(
    ("fate", "expected"), [("terminating", "Running"), ("unknown", "Unknown"), ("failed", "Failed")]
)
def test_a_lost_node_takes_its_pods(
    cluster: KubernetesStandIn, core: client.CoreV1Api, fate: str, expected: str
) -> None:
    node = start(core, "victim").spec.node_name
    cluster.lose_node(node, fate, eviction=0.1)

    def taken() -> Any:
        found = core.read_namespaced_pod("victim", "default")
        return found.metadata.deletion_timestamp and found

    found = wait_for(taken)
    assert (found.status.phase, found.status.reason) == (expected, "NodeLost")
    assert condition(found, "DisruptionTarget").reason == "DeletionByTaintManager"
    ready = condition(core.read_node(node), "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "NodeStatusUnknown")
    assert get(cluster, "pods/victim/log").status_code == 500
    other = start(core, "elsewhere")
    assert other.spec.node_name != node
    cluster.restore_node(node)
    with pytest.raises(ApiException):
        core.read_namespaced_pod("victim", "default")


def test_a_deleted_nodes_pods_are_collected(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    node = start(core, "collected").spec.node_name
    cluster.lose_node(node, "gone", eviction=0.1)
    wait_for(lambda: get(cluster, "pods/collected").status_code == 404)


def test_an_evicted_pod_stays_and_says_why(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    start(core, "evicted", "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done")
    cluster.evict("evicted")
    wait_for(lambda: phase(core, "evicted") == "Failed")
    found = core.read_namespaced_pod("evicted", "default")
    assert found.status.reason == "Evicted"
    assert found.status.message.startswith("The node was low on resource: memory.")
    assert condition(found, "DisruptionTarget").reason == "TerminationByKubelet"
    assert found.status.container_statuses[0].state.terminated.exit_code == 137


def test_an_evicted_pod_that_exits_with_0_has_succeeded_and_a_condition_alone_tells(
    cluster: KubernetesStandIn, core: client.CoreV1Api
) -> None:
    start(core, "saves", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done")
    cluster.evict("saves")
    wait_for(lambda: phase(core, "saves") == "Succeeded")
    found = core.read_namespaced_pod("saves", "default")
    assert (found.status.reason, found.status.message) == (None, None)
    assert condition(found, "DisruptionTarget").reason == "TerminationByKubelet"


def test_a_preempted_pod_is_deleted_with_its_grace(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    script = "trap 'sleep 0.5; exit 0' TERM; while :; do sleep 0.05; done"
    start(core, "preempted", "sh", "-c", script)
    cluster.preempt("default/preempted")
    found = core.read_namespaced_pod("preempted", "default")
    assert condition(found, "DisruptionTarget").reason == "PreemptionByScheduler"
    assert found.metadata.deletion_timestamp
    wait_for(lambda: get(cluster, "pods/preempted").status_code == 404)


def test_a_drained_pod_is_evicted_through_the_api(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    start(core, "drained", terminationGracePeriodSeconds=1)
    core.create_namespaced_pod_eviction("drained", "default", {"metadata": {"name": "drained"}})
    wait_for(lambda: get(cluster, "pods/drained").status_code == 404)


def test_a_pod_vanishes(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    start(core, "vanished")
    cluster.vanish("vanished")
    assert get(cluster, "pods/vanished").status_code == 404
