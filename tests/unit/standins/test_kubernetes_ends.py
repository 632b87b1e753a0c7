"""Ends and changes that a kubelet and its cluster bring about, as Kubernetes 1.36.2 did them on two nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.rest import ApiException

from tests.standins.kubernetes import KubernetesStandIn
from tests.standins.kubernetes.testing import Lab, pod, wait_for

SAVES = "trap 'exit 0' TERM; while :; do sleep 0.05; done"


@pytest.fixture(scope="module")
def running() -> Iterator[Lab]:
    with KubernetesStandIn(back_off=0.2) as standin:
        yield Lab(standin)


@pytest.fixture
def lab(running: Lab) -> Iterator[Lab]:
    yield running
    running.core.delete_collection_namespaced_pod("default", grace_period_seconds=0)


def training(found: Any) -> Any:
    return found.status.container_statuses[0].state.terminated


def test_a_deadline_fails_a_pod_whatever_it_exits_with_and_counts_init_containers(lab: Lab) -> None:
    body = pod("late", "sh", "-c", SAVES)
    body["spec"] |= {"activeDeadlineSeconds": 1}
    found = lab.run(body)
    assert (found.status.phase, found.status.reason) == ("Failed", "DeadlineExceeded")
    assert (training(found).exit_code, training(found).reason) == (0, "Completed")
    body = pod("never", "true")
    stage = {"name": "stage", "image": "a", "command": ["sleep", "600"]}
    body["spec"] |= {"activeDeadlineSeconds": 1, "initContainers": [stage]}
    found = lab.run(body)
    assert (found.status.phase, found.status.reason) == ("Failed", "DeadlineExceeded")
    assert training(found) is None


@pytest.mark.parametrize(
    ("script", "phase"), [(SAVES, "Succeeded"), ("trap '' TERM; sleep 600 & wait; wait", "Failed")]
)
def test_a_volume_beyond_its_limit_is_evicted_of_which_an_event_tells(lab: Lab, script: str, phase: str) -> None:
    body = pod("full", "sh", "-c", f"head -c 2000000 /dev/zero > /scratch/x; {script}")
    body["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}]
    body["spec"]["containers"][0]["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
    found = lab.run(body)
    assert found.status.phase == phase
    assert found.status.reason == (None if phase == "Succeeded" else "Evicted")
    assert not [each for each in found.status.conditions if each.type == "DisruptionTarget"]
    said = dict(lab.events("full"))
    assert said["Evicted"] == 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". '


def test_a_resize_holds_without_a_restart_and_never_below_what_is_used(lab: Lab) -> None:
    body = pod(
        "resized", "python", "-c", "import time; x = bytearray(40_000_000); print('has', flush=True); time.sleep(600)"
    )
    body["spec"]["containers"][0]["resources"] = {"limits": {"memory": "200Mi"}}
    lab.core.create_namespaced_pod("default", body)
    wait_for(lambda: lab.core.read_namespaced_pod("resized", "default").status.phase == "Running")  # no log before
    wait_for(lambda: "has" in lab.log("resized"))

    def resize(memory: str) -> Any:
        patch = {"spec": {"containers": [{"name": "base", "resources": {"limits": {"memory": memory}}}]}}
        lab.core.patch_namespaced_pod_resize("resized", "default", patch)
        return lab.core.read_namespaced_pod("resized", "default")

    found = resize("300Mi")
    assert found.status.container_statuses[0].resources.limits["memory"] == "300Mi"
    assert found.status.container_statuses[0].restart_count == 0

    def refused() -> bool:
        lowered = resize("10Mi")
        assert lowered.spec.containers[0].resources.limits["memory"] == "10Mi", "what is wished"
        told = {each.type: each.reason for each in lowered.status.conditions}
        return told.get("PodResizeInProgress") == "Error"

    wait_for(refused)
    held = lab.core.read_namespaced_pod("resized", "default").status.container_statuses[0].resources.limits["memory"]
    assert held == "300Mi"


def test_a_containers_own_rules_start_it_again_in_its_pod(lab: Lab) -> None:
    body = pod("ruled", "sh", "-c", "sleep 0.2; exit 42")
    rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    body["spec"]["containers"][0] |= {"restartPolicy": "Never", "restartPolicyRules": [rule]}
    lab.core.create_namespaced_pod("default", body)

    def waits() -> Any:
        found = lab.core.read_namespaced_pod("ruled", "default")
        state = found.status.container_statuses[0] if found.status.container_statuses else None
        return found if state and state.restart_count and state.state.waiting else None

    found = wait_for(waits)
    assert found.status.phase == "Running"
    assert found.status.container_statuses[0].state.waiting.reason == "CrashLoopBackOff"


def test_what_has_several_owners_goes_with_the_last(lab: Lab) -> None:
    owners = []
    for name in ("first", "second"):
        made = lab.core.create_namespaced_pod("default", pod(name, "sleep", "600"))
        owners.append({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": made.metadata.uid})
    lab.core.create_namespaced_config_map("default", {"metadata": {"name": "shared"}})
    for owner in owners:
        lab.core.patch_namespaced_config_map("shared", "default", {"metadata": {"ownerReferences": [owner]}})
    assert len(lab.core.read_namespaced_config_map("shared", "default").metadata.owner_references) == 2
    lab.core.delete_namespaced_pod("first", "default", grace_period_seconds=0)
    assert lab.core.read_namespaced_config_map("shared", "default")
    lab.core.delete_namespaced_pod("second", "default", grace_period_seconds=0)

    def gone(name: str) -> bool:
        try:
            lab.core.read_namespaced_config_map(name, "default")
        except ApiException as error:
            return bool(error.status == 404)
        return False

    wait_for(lambda: gone("shared"))
    late = {"metadata": {"name": "late", "ownerReferences": owners[:1]}}
    lab.core.create_namespaced_config_map("default", late)
    wait_for(lambda: gone("late"), "what names an owner that is gone")
