"""Jobs on the Kubernetes stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.rest import ApiException

from tests.standins.kubernetes import KubernetesStandIn
from tests.standins.kubernetes.jobrules import index_ranges, parse_ranges
from tests.standins.kubernetes.testing import wait_for


class Lab:
    def __init__(self, standin: KubernetesStandIn) -> None:
        self.standin = standin
        connection = config.new_client_from_config(str(standin.kubeconfig))
        self.core = client.CoreV1Api(connection)
        self.batch = client.BatchV1Api(connection)

    def start(self, name: str, script: str, template: dict[str, Any] | None = None, **spec: Any) -> Any:
        container = {"name": "main", "image": "i", "command": ["sh", "-c", script]}
        pods = {"restartPolicy": "Never", "containers": [container], **(template or {})}
        return self.batch.create_namespaced_job(
            "default", {"metadata": {"name": name}, "spec": {"template": {"spec": pods}, **spec}}
        )

    def get(self, name: str) -> Any:
        return self.batch.read_namespaced_job(name, "default")

    def ended(self, name: str) -> tuple[str, str, Any]:
        """(Complete or Failed, its reason, the job) once it is over."""

        def look() -> Any:
            job = self.get(name)
            for each in job.status.conditions or ():
                if each.type in {"Complete", "Failed"} and each.status == "True":
                    return each.type, each.reason, job
            return None

        found: tuple[str, str, Any] = wait_for(look, f"{name} to be over")
        return found

    def pods(self, job: str) -> list[Any]:
        return list(self.core.list_namespaced_pod("default", label_selector=f"job-name={job}").items)

    def log(self, pod: Any) -> str:
        data: bytes = self.core.read_namespaced_pod_log(pod.metadata.name, "default", _preload_content=False).data
        return data.decode()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with KubernetesStandIn(back_off=0.1) as standin:
        yield Lab(standin)


def test_an_indexed_job_runs_its_ranks(lab: Lab) -> None:
    service = {"metadata": {"name": "ring"}, "spec": {"clusterIP": "None", "selector": {"job-name": "ranks"}}}
    lab.core.create_namespaced_service("default", service)
    lab.start("ranks", "echo $JOB_COMPLETION_INDEX $HOSTNAME", {"subdomain": "ring"}, completions=3, parallelism=3,
              completionMode="Indexed")  # fmt: skip
    kind, reason, job = lab.ended("ranks")
    assert (kind, reason) == ("Complete", "CompletionsReached")
    assert (job.status.succeeded, job.status.completed_indexes) == (3, "0-2")
    assert job.status.completion_time >= job.status.start_time
    pods = sorted(lab.pods("ranks"), key=lambda each: each.metadata.name)
    assert [lab.log(each) for each in pods] == [f"{i} ranks-{i}\n" for i in range(3)]
    index = "batch.kubernetes.io/job-completion-index"
    assert [each.metadata.labels[index] for each in pods] == ["0", "1", "2"]
    assert [each.metadata.annotations[index] for each in pods] == ["0", "1", "2"]
    assert all(each.metadata.owner_references[0].uid == job.metadata.uid for each in pods)
    assert [each.spec.hostname for each in pods] == ["ranks-0", "ranks-1", "ranks-2"]


def test_failures_are_counted_up_to_the_limit(lab: Lab) -> None:
    lab.start("fails", "exit 1", backoffLimit=2)
    kind, reason, job = lab.ended("fails")
    assert (kind, reason, job.status.failed) == ("Failed", "BackoffLimitExceeded", 3)
    assert len(lab.pods("fails")) == 3


def test_a_failed_index_is_made_again(lab: Lab) -> None:
    claim = {"metadata": {"name": "once"}, "spec": {}}
    lab.core.create_namespaced_persistent_volume_claim("default", claim)
    script = 'test "$JOB_COMPLETION_INDEX" = 0 && exit 0; mkdir /once/x && exit 1; exit 0'
    container = {"name": "main", "image": "i", "command": ["sh", "-c", script],
                 "volumeMounts": [{"name": "v", "mountPath": "/once"}]}  # fmt: skip
    template = {"containers": [container], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "once"}}]}
    lab.start("retried", "", template, completions=2, parallelism=2, completionMode="Indexed")
    kind, _, job = lab.ended("retried")
    assert (kind, job.status.failed, job.status.completed_indexes) == ("Complete", 1, "0-1")
    assert len(lab.pods("retried")) == 3


@pytest.mark.parametrize(
    ("action", "kind", "reason", "failed"),
    [("FailJob", "Failed", "PodFailurePolicy", 1), ("Count", "Failed", "BackoffLimitExceeded", 2)],
)
def test_a_failure_policy_decides_by_the_exit_code(lab: Lab, action: str, kind: str, reason: str, failed: int) -> None:
    rule = {"action": action, "onExitCodes": {"operator": "In", "values": [42]}}
    name = f"policy-{action.lower()}"
    lab.start(name, "exit 42", podFailurePolicy={"rules": [rule]}, backoffLimit=1)
    found, why, job = lab.ended(name)
    assert (found, why, job.status.failed) == (kind, reason, failed)


def test_disrupted_pods_need_not_count(lab: Lab, tmp_path: Path) -> None:
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    script = f"until test -e '{tmp_path}/go-on'; do sleep 0.05; done"  # it runs until it has been seen to
    lab.start("disrupted", script, podFailurePolicy={"rules": [rule]}, backoffLimit=0)
    (pod,) = wait_for(lambda: [each for each in lab.pods("disrupted") if each.status.phase == "Running"])
    lab.standin.evict(pod.metadata.name)
    wait_for(lambda: not [each for each in lab.pods("disrupted") if each.metadata.uid == pod.metadata.uid
                          and each.status.phase == "Running"])  # fmt: skip
    (tmp_path / "go-on").touch()
    kind, _, job = lab.ended("disrupted")
    assert (kind, job.status.failed) == ("Complete", None)


def test_one_index_can_be_enough(lab: Lab) -> None:
    script = 'test "$JOB_COMPLETION_INDEX" = 0 || sleep 60'
    policy = {"rules": [{"succeededIndexes": "0"}]}
    lab.start("launcher", script, {"terminationGracePeriodSeconds": 1}, completions=3, parallelism=3,
              completionMode="Indexed", successPolicy=policy)  # fmt: skip
    kind, reason, job = lab.ended("launcher")
    assert (kind, reason, job.status.completed_indexes) == ("Complete", "SuccessPolicy", "0")
    assert not [each for each in lab.pods("launcher") if each.status.phase == "Running"]


def test_a_deadline_ends_a_job(lab: Lab) -> None:
    lab.start("overdue", "sleep 60", {"terminationGracePeriodSeconds": 1}, activeDeadlineSeconds=1)
    assert lab.ended("overdue")[:2] == ("Failed", "DeadlineExceeded")
    assert not [each for each in lab.pods("overdue") if each.status.phase == "Running"]


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_pods_go_with_their_job(lab: Lab, propagation: str) -> None:
    name = f"deleted-{propagation.lower()}"
    # deaf to the request to end: the job is looked at while they still end
    script = "trap '' TERM; while :; do sleep 1; done"
    lab.start(name, script, {"terminationGracePeriodSeconds": 3}, completions=2, parallelism=2)
    wait_for(lambda: [each.status.phase for each in lab.pods(name)] == ["Running", "Running"])
    lab.batch.delete_namespaced_job(name, "default", propagation_policy=propagation)
    if propagation == "Foreground":
        assert lab.get(name).metadata.finalizers == ["foregroundDeletion"]
    wait_for(lambda: not lab.pods(name))

    def gone() -> bool:
        try:
            lab.get(name)
        except ApiException as error:
            return bool(error.status == 404)
        return False

    wait_for(gone)


def test_pods_stay_where_nobody_says_otherwise(lab: Lab) -> None:
    lab.start("orphaning", "sleep 60")
    (pod,) = wait_for(lambda: lab.pods("orphaning"))
    lab.batch.delete_namespaced_job("orphaning", "default")
    left = lab.core.read_namespaced_pod(pod.metadata.name, "default")
    assert not left.metadata.owner_references
    assert not left.metadata.deletion_timestamp
    lab.core.delete_namespaced_pod(pod.metadata.name, "default", grace_period_seconds=0)


def test_what_a_job_owns_goes_with_it(lab: Lab) -> None:
    job = lab.start("owner", "sleep 60")
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "owner", "uid": job.metadata.uid}
    service = {"metadata": {"name": "owned", "ownerReferences": [reference]}, "spec": {"clusterIP": "None"}}
    lab.core.create_namespaced_service("default", service)
    lab.batch.delete_namespaced_job("owner", "default", propagation_policy="Background")
    wait_for(lambda: "owned" not in [each.metadata.name for each in lab.core.list_namespaced_service("default").items])


def test_a_suspended_job_has_no_pods(lab: Lab) -> None:
    lab.start("paused", "true", suspend=True)
    wait_for(lambda: [each.type for each in lab.get("paused").status.conditions or ()] == ["Suspended"])
    assert not lab.pods("paused")
    lab.batch.patch_namespaced_job("paused", "default", {"spec": {"suspend": False}})
    assert lab.ended("paused")[0] == "Complete"


def test_a_job_that_is_over_can_be_forgotten(lab: Lab) -> None:
    lab.start("short", "true", ttlSecondsAfterFinished=0)
    wait_for(lambda: "short" not in [each.metadata.name for each in lab.batch.list_namespaced_job("default").items])
    wait_for(lambda: not lab.pods("short"))


def test_a_job_is_checked(lab: Lab) -> None:
    with pytest.raises(ApiException) as caught:
        lab.start("wrong", "true", {"restartPolicy": "Always"})
    assert caught.value.status == 422
    assert "spec.template.spec.restartPolicy" in str(caught.value.body)


@pytest.mark.parametrize("indexes", [set(), {0}, {0, 1, 2, 4}, {1, 3, 5}, set(range(10))])
def test_ranges_of_indexes(indexes: set[int]) -> None:
    text = index_ranges(indexes)
    assert (parse_ranges(text) if text else set()) == indexes
