"""Custom resources as training tasks: manifests and states, and TrainJobs on the API server stand-in."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from automl_core.backends import Cause, Exit
from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes import resource_job, workloads
from automl_core.backends.kubernetes.access import Access, Cluster
from automl_core.backends.kubernetes.api import KubernetesApi
from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.backends.kubernetes.resource import Verdict, resource_manifest, resource_name, verdict
from automl_core.backends.kubernetes.resource_hub import ResourceHub
from automl_core.backends.kubernetes.resource_job import ResourceJob
from automl_core.backends.kubernetes.waiting import Limits
from automl_core.backends.kubernetes.warnings import hold_of
from automl_core.backends.remote import Unreachable
from automl_core.backends.substitution import PlaceholderError
from automl_core.spec.custom_resource import CustomResourceTask
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.kueue import Queues
from tests.support.trainjobs import trainjob
from tests.unit.backends.test_kubernetes_queues import Later

GROUP, VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
LABEL = "jobset.sigs.k8s.io/jobset-name"
SOON = 20.0
_numbers = itertools.count()


def attempt_of(number: int = 0, task: str = "train", experiment: str = "trains") -> AttemptId:
    return AttemptId("s3://b", experiment, "r", number, number, task, 1)


def context_of(**params: Any) -> TrialContext:
    return TrialContext("trains", "r", 3, 1, params or {"lr": 0.1}, "/c", "/m")


# --- manifests ------------------------------------------------------------------------------------


def test_the_trial_reaches_the_pods_where_the_file_says() -> None:
    task = CustomResourceTask.model_validate(
        {**trainjob(["python", "train.py", "--lr", "${lr}"]), "env": {"DATA": "${model_dir}/d", "AUTOML_TRIAL_ID": "x"}}
    )
    made = resource_manifest(task, context_of(lr=0.25), attempt_of())
    trainer = made["spec"]["trainer"]
    assert trainer["command"] == ["python", "train.py", "--lr", "0.25"]
    variables = {each["name"]: each["value"] for each in trainer["env"]}
    assert json.loads(variables["AUTOML_PARAMS"]) == {"lr": 0.25}
    assert variables["DATA"] == "/m/d"
    assert len(variables) == len(trainer["env"]), "no name twice: a TrainJob with one is refused (listType map)"
    assert variables["AUTOML_TRIAL_ID"] == "3"
    assert made["metadata"]["labels"]["automl/trial"] == "0"
    assert "env" not in task.resource["spec"]["trainer"], "the file's own text stays as it is"


def test_variables_go_to_every_list_that_a_path_leads_to() -> None:
    def worker(*env: dict[str, str]) -> dict[str, Any]:
        return {"template": {"spec": {"containers": [{"name": "pytorch", "env": list(env)}]}}}

    replicas = {"Master": worker({"name": "OWN", "value": "1"}, {"name": "AUTOML_PARAMS", "value": "?"}),
                "Worker": worker()}  # fmt: skip
    task = CustomResourceTask.model_validate(
        {
            "backend": "custom_resource",
            "resource": {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
                         "spec": {"pytorchReplicaSpecs": replicas}},
            "env_at": ["spec.pytorchReplicaSpecs.*.template.spec.containers[0].env"],
            "success": [{"condition": "Succeeded"}], "failure": [{"condition": "Failed"}],
        }
    )  # fmt: skip
    made = resource_manifest(task, context_of(), attempt_of())["spec"]["pytorchReplicaSpecs"]
    for replica in ("Master", "Worker"):
        names = [each["name"] for each in made[replica]["template"]["spec"]["containers"][0]["env"]]
        assert names.count("AUTOML_PARAMS") == 1
        assert ("OWN" in names) == (replica == "Master")


def test_what_json_at_names_is_a_number_and_everything_else_text() -> None:
    task = trainjob(["train", "${nodes}"], json_at=["spec.trainer.numNodes"])
    task["resource"]["spec"]["trainer"]["numNodes"] = "${nodes}"
    made = resource_manifest(CustomResourceTask.model_validate(task), context_of(nodes=4), attempt_of())
    assert made["spec"]["trainer"]["numNodes"] == 4
    assert made["spec"]["trainer"]["command"][1] == "4"
    with pytest.raises(PlaceholderError, match=r"spec\.trainer\.numNodes is no JSON in this trial: 'many'"):
        resource_manifest(CustomResourceTask.model_validate(task), context_of(nodes="many"), attempt_of())


def test_names_are_short_enough_for_what_a_controller_makes_of_them() -> None:
    attempt = attempt_of(12345, task="a-task-with-a-long-name", experiment="an-experiment-with-a-very-long-name")
    for longest in (24, 33, 40, 47, 63):
        name = resource_name(attempt, longest)
        assert len(name) <= longest
        assert name == name.strip("-").lower()
        assert name[0].isalpha()
        assert "--" not in name
        assert resource_name(attempt_of(12346, task=attempt.task, experiment=attempt.experiment), longest) != name
    assert resource_name(attempt_of(), 63) == attempt_of().name


# --- states ---------------------------------------------------------------------------------------


def states(success: list[dict[str, Any]], failure: list[dict[str, Any]]) -> CustomResourceTask:
    resource = {"apiVersion": "example.com/v1", "kind": "Run", "spec": {}}
    return CustomResourceTask.model_validate(
        {"backend": "custom_resource", "resource": resource, "success": success, "failure": failure}
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, None),
        ({"conditions": [{"type": "Suspended", "status": "True"}]}, None),
        ({"conditions": [{"type": "Complete", "status": "False"}]}, None),
        (
            {"conditions": [{"type": "Complete", "status": "True", "reason": "AllJobsCompleted", "message": "done"}]},
            Verdict(True, "AllJobsCompleted", "done"),
        ),
        (
            {"conditions": [{"type": "Complete", "status": "True"}, {"type": "Failed", "status": "True"}]},
            Verdict(False, "Failed", ""),
        ),
        ({"jobStatus": "SUCCEEDED"}, Verdict(True, "SUCCEEDED", "")),
        ({"jobStatus": "RUNNING", "message": "x"}, None),
        ({"jobStatus": "STOPPED", "message": "by hand"}, Verdict(False, "STOPPED", "by hand")),
    ],
)
def test_what_a_status_means(status: dict[str, Any], expected: Verdict | None) -> None:
    task = states(
        [{"condition": "Complete"}, {"field": "status.jobStatus", "values": ["SUCCEEDED"]}],
        [{"condition": "Failed"}, {"field": "status.jobStatus", "values": ["FAILED", "STOPPED"]}],
    )
    assert verdict(task, {"status": status}) == expected


def test_a_condition_may_have_to_have_a_reason() -> None:
    task = states([{"condition": "Done", "reasons": ["Good"]}], [{"condition": "Done", "reasons": ["Bad"]}])

    def done(reason: str) -> dict[str, Any]:
        return {"status": {"conditions": [{"type": "Done", "status": "True", "reason": reason}]}}

    assert verdict(task, done("Good")) == Verdict(True, "Good", "")
    assert verdict(task, done("Bad")) == Verdict(False, "Bad", "")
    assert verdict(task, done("Unheard")) is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('Error creating: admission webhook "vpod.kb.io" denied the request: no', Kind.CONFIG),
        ('Error creating: pods "x" is forbidden: exceeded quota: team', Kind.PENDING),
        ("Error creating: Internal error occurred", Kind.PENDING),
    ],
)
def test_what_a_webhook_denies_is_not_waited_for_for_ever(message: str, kind: Kind) -> None:
    assert hold_of({"reason": "FailedCreate", "message": message}).kind is kind


# --- on the stand-in ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(kueue=True, trainer=True) as made:
        yield made


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "EVERY", 0.1)
    monkeypatch.setattr(resource_job, "EVENTS_EVERY", 0.1)


class Bench:
    """Starts TrainJobs of shell scripts and follows them."""

    def __init__(self, standin: KubernetesStandIn, resources: ResourceHub, pods: PodHub) -> None:
        self.standin, self.resources, self.pods = standin, resources, pods
        connected = config.new_client_from_config(config_file=str(standin.kubeconfig))
        self.core, self.objects = client.CoreV1Api(connected), client.CustomObjectsApi(connected)

    def start(
        self, script: str, limits: Limits | None = None, clock: Callable[[], float] = time.time, **fields: Any
    ) -> ResourceJob:
        """Create a TrainJob whose nodes run a shell script, and begin to watch it."""
        task = CustomResourceTask.model_validate(trainjob(["sh", "-c", script], **fields))
        made = resource_manifest(task, context_of(), attempt_of(next(_numbers)))
        self.objects.create_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, made)
        return self.watch(made["metadata"]["name"], task, limits, clock)

    def watch(
        self, name: str, task: CustomResourceTask, limits: Limits | None = None, clock: Callable[[], float] = time.time
    ) -> ResourceJob:
        return ResourceJob(self.resources, self.pods, name, task, limits or Limits(), clock=clock)

    async def follow(self, job: ResourceJob, until: str | None = None) -> tuple[list[str], list[str], Exit | None]:
        """Lines and notes up to the end, or to a line or note that has a text in it."""
        lines: list[str] = []
        notes: list[str] = []
        async with asyncio.timeout(SOON):
            while True:
                try:
                    report = await job.poll()
                except Unreachable:
                    await asyncio.sleep(0.2)
                    continue
                lines += report.lines
                notes += report.notes
                if report.exit is not None or (until and any(until in text for text in lines + notes)):
                    return lines, notes, report.exit
                await job.wait(0.2)

    async def end_of(self, job: ResourceJob) -> tuple[list[str], list[str], Exit]:
        lines, notes, ended = await self.follow(job)
        assert ended is not None
        return lines, notes, ended

    def is_there(self, name: str) -> bool:
        try:
            self.objects.get_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, name)
        except ApiException as error:
            return error.status != 404
        return True


def on(standin: KubernetesStandIn, test: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        def api() -> KubernetesApi:
            return KubernetesApi(Access(Cluster(kubeconfig_path=str(standin.kubeconfig))))

        resources = ResourceHub(api(), "default", f"{GROUP}/{VERSION}", PLURAL)
        pods = PodHub(api(), "default", LABEL, LABEL)
        resources.start()
        pods.start()
        try:
            await test(Bench(standin, resources, pods))
        finally:
            await resources.stop()
            await pods.stop()

    asyncio.run(main())


def test_a_trainjob_ends_well_and_its_first_node_speaks_for_it(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        script = "echo accuracy=0.5 step=$PET_NODE_RANK of $PET_NNODES; echo $AUTOML_PARAMS; printf last"
        job = bench.start(script, nodes=2)
        lines, notes, ended = await bench.end_of(job)
        assert lines == ["accuracy=0.5 step=0 of 2", '{"lr": 0.1}', "last"]
        assert any(note.startswith("[node-0-1-") and "step=1 of 2" in note for note in notes)
        assert ended.ok
        assert bench.is_there(job.name)
        await job.remove()
        assert not bench.is_there(job.name)

    on(standin, test)


def test_a_failure_is_told_with_the_conditions_words_and_the_pods(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        job = bench.start("test $PET_NODE_RANK = 0 && exec sleep 600; echo it breaks; exit 3", nodes=2)
        _, _, ended = await bench.end_of(job)
        assert (ended.cause, ended.code, ended.blameless) == (Cause.EXITED, 3, False)
        assert ended.reason.startswith("TrainJob has failed: FailedJobs: jobset failed due to one or more job failures")
        assert "pod node-0-1-" in ended.reason
        assert ended.reason.endswith("its last lines:\nit breaks")

    on(standin, test)


def test_a_node_that_is_lost_is_nobodys_fault(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        job = bench.start("echo on; exec sleep 600")
        await bench.follow(job, "on")
        pods = bench.core.list_namespaced_pod("default", label_selector=f"{LABEL}={job.name}").items
        bench.standin.evict(pods[0].metadata.name)
        _, _, ended = await bench.end_of(job)
        assert (ended.cause, ended.kind, ended.blameless) == (Cause.LOST, Kind.EVICTED, True)
        assert ended.reason.startswith("TrainJob has failed")

    on(standin, test)


def test_it_can_be_ended_and_is_ended_at_its_limit(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        job = bench.start("echo on; exec sleep 600")
        await bench.follow(job, "on")
        await job.end(2)
        _, _, ended = await bench.end_of(job)
        assert ended.cause is Cause.TERMINATED
        assert not bench.is_there(job.name)
        assert bench.core.list_namespaced_pod("default", label_selector=f"{LABEL}={job.name}").items == []
        late = bench.start("echo on; exec sleep 600", Limits(timeout=1.0))
        _, notes, ended = await bench.end_of(late)
        assert ended.cause is Cause.TIMEOUT
        assert "it is ended at its time limit of 1.0s" in notes

    on(standin, test)


def test_one_that_somebody_deletes_is_tried_again(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        job = bench.start("echo on; exec sleep 600")
        await bench.follow(job, "on")
        bench.objects.delete_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, job.name)
        _, _, ended = await bench.end_of(job)
        assert (ended.cause, ended.kind, ended.blameless) == (Cause.LOST, Kind.DELETED, True)
        assert ended.reason == "its TrainJob was deleted, and not from here"

    on(standin, test)


def test_what_only_an_event_says_is_told(standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource_job, "MADE_BY", 0.0)

    async def test(bench: Bench) -> None:
        name = f"a-name-that-is-too-long-for-the-pods-{next(_numbers):04}-of-this-kind"
        task = CustomResourceTask.model_validate(trainjob(["true"]))
        made = resource_manifest(task, context_of(), attempt_of(next(_numbers)))
        made["metadata"]["name"] = name
        bench.objects.create_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, made)
        job = bench.watch(name, task, Limits(config=0.0))
        _, _, ended = await bench.end_of(job)
        assert (ended.cause, ended.kind) == (Cause.UNSTARTED, Kind.CONFIG)
        assert "pod names generated for this JobSet will exceed 63 characters" in ended.reason
        assert not bench.is_there(name)

    on(standin, test)


def test_an_end_that_is_told_before_its_pods_are_waits_for_them(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        job = bench.start("echo accuracy=1")
        told, known = bench.pods.pods, False

        async def pods(name: str) -> Any:
            return await told(name) if known else []

        bench.pods.pods = pods  # type: ignore[method-assign]
        async with asyncio.timeout(SOON):
            while not verdict(job._task, await job._resources.pod(job.name) or {}):
                await asyncio.sleep(0.1)
        assert (await job.poll()).exit is None
        known = True
        lines, _, ended = await bench.end_of(job)
        assert (lines, ended.ok) == (["accuracy=1"], True)

    on(standin, test)


def test_a_suspended_trainjob_waits_in_its_queue(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        queues = Queues(standin.kubeconfig)
        queues.make("trains", {"cpu": "2"})
        kueue = {"queue": "trains"}
        first = bench.start("echo on; exec sleep 600", nodes=2, kueue=kueue)
        await bench.follow(first, "on")
        later = Later()
        strict = Limits(timeout=60.0, pending=600.0, pending_fails=True)
        second = bench.start("echo two", strict, later, kueue=kueue)
        _, notes, _ = await bench.follow(second, "more needed")
        assert notes[-1] == (
            "it waits for its turn in the queue trains: couldn't assign flavors to pod set node: "
            "insufficient unused quota for cpu in flavor any, 1 more needed"
        )
        assert await later.still_waits(second)
        await first.end(2)
        await bench.end_of(first)
        lines, notes, ended = await bench.end_of(second)
        assert "it has its turn in the queue" in notes
        assert lines == ["two"]
        assert ended.ok

    on(standin, test)


def test_one_that_kueue_suspends_again_is_tried_again(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        queues = Queues(standin.kubeconfig)
        queues.make("classes", {"cpu": "1"}, preemption=True)
        queues.priority("first", 10)
        job = bench.start("echo on; exec sleep 600", kueue={"queue": "classes"})
        await bench.follow(job, "on")
        urgent = bench.start("echo urgent", kueue={"queue": "classes", "priority_class": "first"})
        _, _, ended = await bench.end_of(job)
        assert (ended.cause, ended.kind, ended.blameless) == (Cause.LOST, Kind.PREEMPTED, True)
        assert "Kueue took its place away (Preempted)" in ended.reason
        _, _, ended = await bench.end_of(urgent)
        assert ended.ok

    on(standin, test)


def test_one_that_is_suspended_by_hand_is_told(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        task = trainjob(["sh", "-c", "echo resumed"])
        task["resource"]["spec"]["suspend"] = True
        parsed = CustomResourceTask.model_validate(task)
        made = resource_manifest(parsed, context_of(), attempt_of(next(_numbers)))
        bench.objects.create_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, made)
        job = bench.watch(made["metadata"]["name"], parsed)
        await bench.follow(job, "it waits until somebody resumes it (spec.suspend is true)")
        bench.objects.patch_namespaced_custom_object(
            GROUP, VERSION, "default", PLURAL, job.name, {"spec": {"suspend": False}}
        )
        lines, _, ended = await bench.end_of(job)
        assert lines == ["resumed"]
        assert ended.ok

    on(standin, test)


def test_a_wrong_field_is_refused_with_its_path(standin: KubernetesStandIn) -> None:
    connected = config.new_client_from_config(config_file=str(standin.kubeconfig))
    task = trainjob(["true"])
    task["resource"]["spec"]["trainer"]["numNodes"] = "two"
    made = resource_manifest(CustomResourceTask.model_validate(task), context_of(), attempt_of(next(_numbers)))
    with pytest.raises(ApiException) as refused:
        client.CustomObjectsApi(connected).create_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, made)
    assert refused.value.status == 422
    answer = json.loads(refused.value.body)
    assert answer["details"]["causes"][0]["field"] == "spec.trainer.numNodes"
    assert "spec.trainer.numNodes in body must be of type integer" in answer["message"]
