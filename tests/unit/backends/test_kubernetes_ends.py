"""What the ends of pods mean: whose fault, and whether another attempt is worth it. One table, one row a case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends import Cause
from automl_core.backends.kubernetes.bounds import limits_local_storage, memory_held
from automl_core.backends.kubernetes.ends import (
    DISRUPTIONS,
    Kind,
    exit_of_pod,
    failed_at,
    gone,
    has_begun,
    has_ended,
    left_behind,
    started_at,
)
from automl_core.backends.kubernetes.holds import hold, is_mounting, refused
from automl_core.states import NEVER_BEGAN

BEGAN, ENDED = "2026-11-21T10:00:00Z", "2026-11-21T10:01:30Z"


def pod(
    phase: str = "Failed", *, code: int | None = None, reason: str = "Error", message: str = "", conditions: Any = (),
    status: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, memory: str = "1Gi",
) -> dict[str, Any]:  # fmt: skip
    containers: list[dict[str, Any]] = []
    if code is not None:
        ended = {"exitCode": code, "reason": reason, "startedAt": BEGAN, "finishedAt": ENDED, "message": message}
        containers = [{"name": "base", "state": {"terminated": ended}}]
    return {
        "metadata": {"name": "p", "labels": {}, **(metadata or {})},
        "spec": {"containers": [{"name": "base", "resources": {"limits": {"memory": memory}}}]},
        "status": {"phase": phase, "conditions": list(conditions), "containerStatuses": containers, **(status or {})},
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return pod("Pending", status={"containerStatuses": [{"name": "base", "state": state}]})


def disrupted(disruption: str, **more: Any) -> dict[str, Any]:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": disruption, "message": "because"}
    return pod(conditions=[condition], **more)


@pytest.mark.parametrize(
    ("ended", "kind", "words"),
    [
        (disrupted("PreemptionByScheduler", code=143), Kind.PREEMPTED, "preempted"),
        (disrupted("DeletionByTaintManager"), Kind.NODE_LOST, "node was lost"),
        (disrupted("EvictionByEvictionAPI", code=137), Kind.EVICTED, "evicted"),
        (disrupted("SomethingNew"), Kind.EVICTED, "taken away"),
        (pod(status={"reason": "Evicted", "message": "The node was low on resource: memory."}), Kind.EVICTED, "low on"),
        (pod(status={"reason": "NodeLost"}), Kind.NODE_LOST, "node was lost"),
        (pod(status={"reason": "OutOfcpu", "message": "no room"}), Kind.REJECTED, "no room"),
        (
            pod(status={"reason": "New", "message": "Pod was rejected: a device is gone"}),
            Kind.REJECTED,
            "device is gone",
        ),
        (pod(code=255, reason="Unknown"), Kind.NODE_LOST, "restarted"),
        (pod(code=137, reason="ContainerStatusUnknown", message="could not be located"), Kind.NODE_LOST, "located"),
        (disrupted("TerminationByKubelet", code=0, reason="Completed"), Kind.EVICTED, "ended by its node"),
        (
            disrupted(
                "EvictionByEvictionAPI",
                code=0,
                reason="Completed",
                phase="Succeeded",
                metadata={
                    "deletionTimestamp": "2026-11-21T10:01:58Z",
                    "deletionGracePeriodSeconds": 30,
                },
            ),
            Kind.EVICTED,
            "evicted",
        ),
    ],
)
def test_what_the_cluster_takes_away_is_no_failure_of_the_training(ended: Any, kind: Kind, words: str) -> None:
    found = exit_of_pod(ended)
    assert (found.blameless, found.retryable, found.kind, found.cause) == (True, True, kind, Cause.LOST)
    assert words in found.reason
    assert not found.ok


def test_every_disruption_has_its_words() -> None:
    for reason in DISRUPTIONS:
        assert exit_of_pod(disrupted(reason)).reason.endswith(": because")


def test_a_pod_evicted_for_its_own_appetite_is_its_own_fault() -> None:
    message = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi."
    found = exit_of_pod(pod(status={"reason": "Evicted", "message": message}))
    assert not found.blameless
    assert message in found.reason


def test_what_is_evicted_for_its_own_appetite_has_not_run_out_of_memory() -> None:
    status = {"reason": "Evicted", "message": 'Container base exceeded its local ephemeral storage limit "1Gi".'}
    found = exit_of_pod(pod(code=137, status=status), most_memory=2.0**40)
    assert (found.kind, found.blameless, found.retryable) == (Kind.EVICTED, False, True)
    assert "ephemeral storage" in found.reason


def test_training_that_saves_itself_when_it_is_asked_to_go_has_not_succeeded() -> None:
    asked = {"deletionTimestamp": "2026-11-21T10:01:58Z", "deletionGracePeriodSeconds": 30}
    left = exit_of_pod(pod("Succeeded", code=0, reason="Completed", metadata=asked))
    assert (left.kind, left.blameless, left.ok) == (Kind.DELETED, True, False)
    at_once = {"deletionTimestamp": ENDED, "deletionGracePeriodSeconds": 0}
    assert exit_of_pod(pod("Succeeded", code=0, reason="Completed", metadata=at_once)).ok, "removed when it had ended"


def test_success() -> None:
    found = exit_of_pod(pod("Succeeded", code=0, reason="Completed"), peak_memory=5)
    assert found.ok
    assert (found.seconds, found.peak_memory_bytes) == (90.0, 5)


def test_an_exit_code_is_a_failure_that_counts() -> None:
    found = exit_of_pod(pod(code=3))
    assert (found.code, found.cause, found.blameless, found.final, found.retryable) == (
        3,
        Cause.EXITED,
        False,
        False,
        True,
    )
    assert found.reason == "exit code 3"


@pytest.mark.parametrize("code", [137, 1])
def test_out_of_memory_is_tried_again_only_with_more(code: int) -> None:
    ended = pod(code=code, reason="OOMKilled")
    more, same = exit_of_pod(ended, most_memory=2.0**40), exit_of_pod(ended, most_memory=None)
    assert more.kind == same.kind == Kind.OOM
    assert (more.blameless, more.retryable) == (True, True)
    assert (same.blameless, same.retryable) == (False, False)
    assert "limit is 1Gi" in more.reason
    assert "the next attempt gets more" in more.reason


def test_a_kill_without_a_word_gets_more_memory_where_there_is_more() -> None:
    more, same = exit_of_pod(pod(code=137), most_memory=2.0**40), exit_of_pod(pod(code=137), most_memory=None)
    assert (more.kind, more.blameless) == (Kind.OOM, True)
    assert (same.kind, same.blameless, same.retryable) == ("", False, True)


def test_a_command_that_is_not_there_never_will_be() -> None:
    found = exit_of_pod(pod(code=127, reason="StartError", message='exec: "trian": not found'))
    assert not found.retryable
    assert "trian" in found.reason


def test_the_clusters_own_deadline_is_a_timeout() -> None:
    assert exit_of_pod(pod(status={"reason": "DeadlineExceeded"}), timeout=60).cause is Cause.TIMEOUT


def test_an_init_container_that_failed_is_named() -> None:
    init = {"name": "fetch", "state": {"terminated": {"exitCode": 2, "message": "no such bucket"}}}
    found = exit_of_pod(pod(status={"initContainerStatuses": [init]}))
    assert (found.code, found.reason) == (2, "the init container fetch failed with exit code 2: no such bucket")


def test_what_was_ended_from_here_says_so() -> None:
    assert exit_of_pod(pod(code=143), cause=Cause.TERMINATED).cause is Cause.TERMINATED
    assert exit_of_pod(pod("Running"), cause=Cause.TIMEOUT, timeout=60).reason.startswith("ran past its time limit")
    assert gone(None, cause=Cause.TERMINATED).cause is Cause.TERMINATED


def test_of_what_was_ended_from_here_it_is_known_whether_it_had_begun() -> None:
    for seen, begun in ((waiting("ContainerCreating"), False), (pod("Pending"), False), (pod(code=143), True)):
        assert (exit_of_pod(seen, cause=Cause.TERMINATED).kind == NEVER_BEGAN) is not begun
        assert (gone(seen, cause=Cause.TERMINATED).kind == NEVER_BEGAN) is not begun


def test_a_pod_deleted_by_others_is_tried_again() -> None:
    deleted = {"deletionTimestamp": "2026-11-21T10:01:31Z", "deletionGracePeriodSeconds": 30}
    for found in (gone(None), gone(pod("Running")), exit_of_pod(pod(code=143, metadata=deleted))):
        assert (found.kind, found.blameless) == (Kind.DELETED, True)
    earlier = {"deletionTimestamp": "2026-11-21T11:00:00Z", "deletionGracePeriodSeconds": 30}
    assert exit_of_pod(pod(code=3, metadata=earlier)).code == 3, "it had failed long before it was deleted"


def test_a_pod_that_had_succeeded_when_it_was_deleted_has_succeeded() -> None:
    assert gone(pod("Succeeded", code=0, reason="Completed")).ok


@pytest.mark.parametrize(
    ("held", "kind", "hopeless"),
    [
        (waiting("ImagePullBackOff", "Back-off pulling image"), Kind.IMAGE, False),
        (waiting("InvalidImageName"), Kind.IMAGE, True),
        (waiting("CreateContainerConfigError", 'secret "aws" not found'), Kind.CONFIG, False),
    ],
)
def test_what_keeps_a_container_from_being_made(held: Any, kind: Kind, hopeless: bool) -> None:
    found = hold(held)
    assert found is not None
    assert (found.kind, found.hopeless) == (kind, hopeless)
    ended = refused(found)
    assert not ended.retryable
    assert str(found) in ended.reason


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("container has runAsNonRoot and image will run as root (pod: p, container: base)", "security.run_as_user"),
        ("container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root", "number"),
        ("container's runAsUser breaks non-root policy (pod: p)", "security.run_as_root"),
    ],
)
def test_a_user_that_the_cluster_does_not_allow_fails_at_once_and_says_what_to_write(message: str, advice: str) -> None:
    found = hold(waiting("CreateContainerConfigError", message))
    assert found is not None
    assert found.hopeless
    assert message in refused(found).reason
    assert advice in refused(found).reason


def test_a_sidecar_that_never_comes_up_is_named_and_one_that_fails_beside_the_training_holds_nothing() -> None:
    crash = {
        "name": "proxy", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}},
        "lastState": {"terminated": {"exitCode": 1, "message": "no such host"}},
    }  # fmt: skip
    before = waiting("PodInitializing")
    before["status"]["initContainerStatuses"] = [crash]
    before["spec"]["initContainers"] = [{"name": "proxy", "restartPolicy": "Always"}]
    found = hold(before)
    assert found is not None
    assert (found.kind, str(found)) == (Kind.CONFIG, "CrashLoopBackOff: proxy: no such host")
    running = {"name": "base", "state": {"running": {"startedAt": BEGAN}}}
    beside = pod("Running", status={"containerStatuses": [running], "initContainerStatuses": [crash]})
    assert hold(beside) is None


def test_what_a_template_has_running_beside_an_ended_training_is_seen() -> None:
    sidecar = {"name": "proxy", "state": {"running": {"startedAt": BEGAN}}}
    ended = pod("Running", code=0, reason="Completed")
    assert left_behind(ended) == []
    ended["status"]["containerStatuses"].append(sidecar)
    assert left_behind(ended) == ["proxy"]
    late = {"deletionTimestamp": "2026-11-21T10:02:10Z", "deletionGracePeriodSeconds": 30}
    assert gone({**ended, "metadata": {"name": "p", **late}}).ok, "it had ended before it was deleted"
    ended["status"]["phase"] = "Failed"
    assert left_behind(ended) == []


def test_a_pod_is_mounting_until_its_node_says_otherwise() -> None:
    scheduled = {"type": "PodScheduled", "status": "True"}
    ready = {"type": "PodReadyToStartContainers", "status": "True"}
    assert is_mounting(pod("Pending", conditions=[scheduled]))
    assert not is_mounting(pod("Pending", conditions=[scheduled, ready])), "its image is pulled"
    assert not is_mounting(pod("Pending"))
    assert not is_mounting(pod("Running", conditions=[scheduled]))


def test_what_keeps_a_pod_from_a_node_is_the_schedulers_message() -> None:
    message = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    found = hold(pod("Pending", conditions=[condition]))
    assert found is not None
    assert str(found) == f"Unschedulable: {message}"
    assert hold(waiting("ContainerCreating")) is None
    assert hold({"metadata": {"name": "p"}}) is None


def test_begin_and_end_are_read_from_the_container() -> None:
    assert not has_begun(waiting("ContainerCreating"))
    assert has_begun(pod(code=0))
    assert started_at(pod(code=0)) == started_at(pod(code=1))
    assert has_ended(pod())
    assert not has_ended(pod("Running"))


def kubelet_took(at: str, **more: Any) -> dict[str, Any]:
    """A pod that its node has ended for its own sake from a moment on."""
    condition = {
        "type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet", "message": "low on memory",
        "lastTransitionTime": at,
    }  # fmt: skip
    return pod(conditions=[condition], code=0, reason="Completed", **more)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_training_that_its_node_ends_and_that_saves_itself_has_not_succeeded(phase: str) -> None:
    left = exit_of_pod(kubelet_took("2026-11-21T10:01:29Z", phase=phase))
    assert (left.kind, left.cause, left.blameless, left.ok) == (Kind.EVICTED, Cause.LOST, True, False)
    settled = exit_of_pod(kubelet_took("2026-11-21T10:04:00Z", phase=phase))
    assert settled.ok, "what carried its model was ended, minutes after it"


def test_the_clusters_deadline_is_none_of_the_trainings_successes() -> None:
    status = {"reason": "DeadlineExceeded", "startTime": "2026-11-21T09:59:51Z"}
    cut = pod(code=0, reason="Completed", status=status)
    cut["spec"]["activeDeadlineSeconds"] = 100
    ended = exit_of_pod(cut)
    assert (ended.cause, ended.code, ended.retryable) == (Cause.TIMEOUT, 0, False)
    assert "activeDeadlineSeconds of 1m 40s" in ended.reason
    assert "trained for 1m 30s" in ended.reason
    assert "memory" not in exit_of_pod({**cut, "status": {**pod(code=137)["status"], **status}}).reason
    ours = exit_of_pod(cut, timeout=90)
    assert ours.reason == "ran past its time limit of 1m 30s and was ended by the cluster"
    cut["spec"]["activeDeadlineSeconds"] = 600
    assert exit_of_pod(cut).ok, "the training had ended; a container beside it had not"


def test_a_time_limit_that_python_as_process_1_sits_out_says_nothing_of_memory() -> None:
    ended = exit_of_pod(pod(code=137), cause=Cause.TIMEOUT, timeout=60)
    assert ended.reason.startswith("ran past its time limit of 1m 00s and was ended (")
    assert "did not end when it was asked to" in ended.reason
    assert "memory" not in ended.reason
    assert "memory" not in exit_of_pod(pod(code=137), cause=Cause.TERMINATED).reason


@pytest.mark.parametrize("code", [0, 137, None])
def test_a_time_limit_is_one_though_who_ended_the_pod_has_been_started_anew(code: int | None) -> None:
    asked = {"deletionTimestamp": "2026-11-21T10:02:04Z", "deletionGracePeriodSeconds": 34}
    left = pod("Succeeded" if code == 0 else "Failed", code=code, metadata=asked)
    if code is None:
        left["status"]["containerStatuses"] = [{"name": "base", "state": {"running": {"startedAt": BEGAN}}}]
    for found in (exit_of_pod(left, timeout=89.5), gone(left, timeout=89.5)):
        assert (found.cause, found.retryable) == (Cause.TIMEOUT, False)
    assert exit_of_pod(left, timeout=600).kind == Kind.DELETED


def test_local_storage_beyond_its_own_limit_is_told_by_an_event_alone() -> None:
    well = pod("Succeeded", code=0, reason="Completed")
    assert not limits_local_storage(well)
    well["spec"]["volumes"] = [{"emptyDir": {"sizeLimit": "10Mi"}}]
    assert limits_local_storage(well)
    message = 'Usage of EmptyDir volume "scratch" exceeds the limit "10Mi". '
    own = exit_of_pod(well, evicted=message)
    assert (own.kind, own.cause, own.blameless, own.ok) == (Kind.EVICTED, Cause.KILLED, False, False)
    assert "scratch" in own.reason
    nodes = exit_of_pod(well, evicted="The node was low on resource: memory.")
    assert (nodes.kind, nodes.cause, nodes.blameless) == (Kind.EVICTED, Cause.LOST, True)
    failed = pod(code=0, reason="Completed", status={"reason": "Evicted", "message": message})
    assert exit_of_pod(failed).kind == Kind.EVICTED


def test_a_child_that_is_killed_for_memory_fails_no_training_that_ends_well() -> None:
    for phase in ("Succeeded", "Failed"):  # failed: a container beside it was ended
        assert exit_of_pod(pod(phase, code=0, reason="OOMKilled")).ok
    assert exit_of_pod(pod(code=1, reason="OOMKilled")).kind == Kind.OOM


def test_memory_that_held_is_what_the_status_says() -> None:
    ended = pod(code=137, reason="OOMKilled", memory="80Mi")
    ended["status"]["containerStatuses"][0]["resources"] = {"limits": {"memory": "300Mi"}}
    assert memory_held(ended) == 300 * 2**20
    assert "limit is 300Mi" in exit_of_pod(ended).reason
    assert exit_of_pod(ended, most_memory=400 * 2**20).blameless
    assert exit_of_pod(ended, most_memory=300 * 2**20).final, "no attempt would get more"
    assert memory_held(pod(code=0)) == 2**30


CONDITIONS = st.sampled_from([*DISRUPTIONS, "SomethingNew"]).map(
    lambda reason: {"type": "DisruptionTarget", "status": "True", "reason": reason, "lastTransitionTime": ENDED}
)


@given(
    phase=st.sampled_from(["Succeeded", "Failed"]),
    code=st.sampled_from([0, 1, 137, 143]),
    reason=st.sampled_from(["Completed", "Error", "OOMKilled", "ContainerStatusUnknown"]),
    conditions=st.lists(CONDITIONS, max_size=1),
    told=st.sampled_from([None, "The node was low on resource: memory.", "Usage of EmptyDir exceeds the limit"]),
    word=st.sampled_from(["", "DeadlineExceeded", "Evicted", "NodeShutdown", "Terminated"]),
)
def test_nothing_that_was_ended_is_a_success(
    phase: str, code: int, reason: str, conditions: list[dict[str, str]], told: str | None, word: str
) -> None:
    status = {"reason": word, "message": "The node was low on resource: memory."} if word else {}
    found = exit_of_pod(pod(phase, code=code, reason=reason, conditions=conditions, status=status), evicted=told)
    if found.ok:
        assert (conditions, told, word) == ([], None, ""), "somebody ended it"
        assert code == 0 or phase == "Succeeded"
    if conditions and word != "DeadlineExceeded" and not (told and "exceeds" in told and word != "Evicted"):
        assert found.blameless


def test_what_ended_a_pod_came_over_it_at_its_deadline_at_its_own_end_or_when_it_was_taken_away() -> None:
    began = 1795255200.0  # BEGAN
    late = {"reason": "DeadlineExceeded", "startTime": BEGAN}
    ended = pod(code=0, status=late)
    assert failed_at({**ended, "spec": {"activeDeadlineSeconds": 60}}) == began + 60
    assert failed_at({**ended, "spec": {"activeDeadlineSeconds": 600}}) == began + 90, "its own end came before"
    assert failed_at({**pod(status=late), "spec": {"activeDeadlineSeconds": 60}}) == began + 60, "it never trained"
    assert failed_at(pod(code=1)) == began + 90
    asked = {"deletionTimestamp": "2026-11-21T10:00:30Z", "deletionGracePeriodSeconds": 10}
    assert failed_at(pod(metadata=asked)) == began + 20
    moved = {"type": "DisruptionTarget", "status": "True", "reason": "New", "lastTransitionTime": BEGAN}
    assert failed_at(pod(conditions=[moved])) == began
    assert failed_at(pod()) is None
