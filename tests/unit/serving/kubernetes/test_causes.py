"""Why pods don't come up: what clusters tell of them, as real ones do (`facts` of Kubernetes 1.36), in words."""

from __future__ import annotations

from typing import Any

from automl_core.serving.kubernetes.causes import is_ready, problems_of


def pod(name: str = "a", *, conditions: list[dict[str, Any]] | None = None, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": {"phase": "Running", "conditions": conditions or [], **status}}


def container(**state: Any) -> dict[str, Any]:
    return {"name": "server", "image": "serving:1", "ready": False, "restartCount": 0, **state}


def told(found: dict[str, Any], *events: dict[str, Any]) -> str:
    problems = problems_of([found], {found["metadata"]["name"]: events})
    assert len(problems) <= 1
    return problems[0] if problems else ""


def test_a_pod_that_answers_has_no_problem_whatever_it_went_through() -> None:
    before = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    ready = pod(
        conditions=[{"type": "Ready", "status": "True"}],
        containerStatuses=[container(restartCount=4, lastState=before, ready=True, state={"running": {}})],
    )
    assert is_ready(ready)
    assert told(ready) == ""


def test_a_server_that_was_evicted_and_ended_by_itself_is_no_success() -> None:
    # it handles SIGTERM and exits with 0: its phase is Succeeded, without reason, and only an event tells why
    evicted = {"reason": "Evicted", "message": 'Usage of EmptyDir volume "cache" exceeds the limit "5Gi".'}
    said = told(pod(phase="Succeeded"), evicted)
    assert said.startswith("Evicted: Usage of EmptyDir volume")
    assert "Raise `deploy.cache`" in said
    assert "a server never does by itself" in told(pod(phase="Succeeded"))
    said = told(pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."))
    assert said == "Evicted: The node was low on resource: memory."


def test_memory_is_named_by_its_field_whatever_the_exit_code() -> None:
    # of a child that was killed while the server went on to its end: its own code, also 0
    for code in (0, 137):
        last = {"terminated": {"exitCode": code, "reason": "OOMKilled"}}
        said = told(
            pod(containerStatuses=[container(state={"waiting": {"reason": "CrashLoopBackOff"}}, lastState=last)])
        )
        assert "deploy.resources.memory" in said


def test_a_crash_is_quoted_by_its_last_lines_and_not_counted() -> None:
    last = {"terminated": {"exitCode": 1, "reason": "Error", "message": "line one\nstorage: no such bucket\n"}}
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
    once = told(pod(containerStatuses=[container(state=state, lastState=last, restartCount=1)]))
    often = {told(pod(containerStatuses=[container(state=state, lastState=last, restartCount=n)])) for n in (2, 3, 9)}
    assert once == "the server ended with exit code 1, its last lines: line one storage: no such bucket"
    assert often == {once.replace("code 1,", "code 1 again and again,")}


def test_what_has_not_begun_is_told_by_conditions_containers_and_events() -> None:
    message = "0/2 nodes are available: 2 Insufficient cpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    assert told(pod(phase="Pending", conditions=[condition])) == f"no node takes it: {message}"
    waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "lake-keys" not found'}}
    assert told(pod(containerStatuses=[container(state=waiting)])) == (
        'CreateContainerConfigError: secret "lake-keys" not found'
    )
    creating = pod(containerStatuses=[container(state={"waiting": {"reason": "ContainerCreating"}})])
    mount = {"type": "Warning", "reason": "FailedMount", "message": 'MountVolume.SetUp failed for volume "tls"'}
    probe = {"type": "Warning", "reason": "Unhealthy", "message": "Startup probe failed: connection refused"}
    assert told(creating) == ""
    assert told(creating, {"type": "Normal", "reason": "Pulled", "message": ""}, mount).startswith("FailedMount: Mount")
    running = pod(containerStatuses=[container(state={"running": {"startedAt": "2026-11-29T22:00:00Z"}})])
    assert told(running, mount, probe) == "Unhealthy: Startup probe failed: connection refused", "the latest"
    unready = probe | {"message": "Readiness probe failed: HTTP probe failed with statuscode: 503"}
    assert "can't load the version in use" in told(running, mount, unready)


def test_each_cause_is_told_once_with_its_pods_and_who_goes_is_passed_over() -> None:
    message = "0/1 nodes are available: 1 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    pods = [pod(name, phase="Pending", conditions=[condition]) for name in "abc"]
    pods[2]["metadata"]["deletionTimestamp"] = "2026-11-29T22:00:00Z"
    assert problems_of(pods, {}) == [f"no node takes it: {message} (2 pods)"]


def test_what_others_say_is_cut_to_its_end() -> None:
    last = {"terminated": {"exitCode": 1, "message": "x" * 5000 + " the reason"}}
    said = told(pod(containerStatuses=[container(state={"waiting": {}}, lastState=last)]))
    assert said.endswith("the reason")
    assert len(said) < 800
