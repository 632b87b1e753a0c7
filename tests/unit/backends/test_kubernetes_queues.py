"""Pods and Jobs that wait in a queue of Kueue, on the API server stand-in with its Kueue."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config

from automl_core.backends import Cause, Exit
from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes import ends, workloads
from automl_core.backends.kubernetes.access import Access, Cluster
from automl_core.backends.kubernetes.api import KubernetesApi
from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.group import GroupJob
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.job import PodJob
from automl_core.backends.kubernetes.manifest import PodOrder, pod_manifest
from automl_core.backends.kubernetes.naming import AttemptId
from automl_core.backends.kubernetes.queueing import MANAGED, PRIORITY, QUEUE, ignores_queue, queue_of
from automl_core.backends.kubernetes.waiting import Limits
from automl_core.backends.kubernetes.workers import group_manifests
from automl_core.backends.kubernetes.workloads import standing_of
from automl_core.backends.remote import RemoteJob, Unreachable
from automl_core.spec.kubernetes import KubernetesTask
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.kueue import Queues

SOON = 20.0
_numbers = itertools.count()


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(kueue=True) as made:
        yield made


class Bench:
    """Starts pods and Jobs in queues, and follows them."""

    def __init__(self, standin: KubernetesStandIn, hub: PodHub) -> None:
        self.standin, self.hub = standin, hub
        connected = config.new_client_from_config(config_file=str(standin.kubeconfig))
        self.core, self.batch = client.CoreV1Api(connected), client.BatchV1Api(connected)
        self.queues = Queues(standin.kubeconfig)

    def start(self, command: str, queue: str, *, priority: str | None = None, **fields: Any) -> str:
        """Start a pod (or a Job of `workers`) of one CPU each in a queue. Returns its name."""
        number = next(_numbers)
        kueue = {"queue": queue, **({"priority_class": priority} if priority else {})}
        given = {"backend": "kubernetes", "image": "python:3.11", "command": command, "grace": 1, "kueue": kueue,
                 "resources": {"cpu": 1}, **fields}  # fmt: skip
        task = KubernetesTask.model_validate(given)
        attempt = AttemptId("s3://b", "queued", "r", number, number, "train", 1)
        pod = pod_manifest(PodOrder(task, TrialContext("queued", "r", number, 1, {"lr": 0.1}, "/c", "/m"), attempt))
        if task.workers == 1:
            self.core.create_namespaced_pod("default", pod)
            return attempt.name
        service, job = group_manifests(pod, task.workers, task.port)
        self.core.create_namespaced_service("default", service)
        self.batch.create_namespaced_job("default", job)
        return attempt.name

    async def follow(
        self, job: RemoteJob, until: str | None = None, *, notes: list[str] | None = None
    ) -> tuple[list[str], list[str], Exit | None]:
        """Lines and notes up to the end, or to a line or note that has a text in it."""
        lines: list[str] = []
        said: list[str] = notes if notes is not None else []
        async with asyncio.timeout(SOON):
            while True:
                try:
                    report = await job.poll()
                except Unreachable:
                    await asyncio.sleep(0.2)
                    continue
                lines += report.lines
                said += report.notes
                if report.exit is not None or (until and any(until in text for text in lines + said)):
                    return lines, said, report.exit
                await job.wait(0.2)


class Later:
    """This machine's clock, for a moment a day ahead: so long has a job been in its queue."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    async def still_waits(self, job: RemoteJob) -> bool:
        """Whether a job is left in its queue though it has been there for a day."""
        self._ahead = 86400.0
        report = await job.poll()
        self._ahead = 0.0
        return report.exit is None and not report.running


def on(standin: KubernetesStandIn, test: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        hub = PodHub(KubernetesApi(Access(Cluster(kubeconfig_path=str(standin.kubeconfig)))), "default")
        hub.start()
        try:
            await test(Bench(standin, hub))
        finally:
            await hub.stop()

    asyncio.run(main())


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "EVERY", 0.1)


def test_a_pod_waits_for_quota_is_told_why_and_its_waiting_counts_for_nothing(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        bench.queues.make("narrow", {"cpu": "1"})
        first = bench.start("echo one; while ! test -e /tmp/never; do sleep 0.1; done", "narrow")
        running = PodJob(bench.hub, first, Limits())
        await bench.follow(running, "one")
        second = bench.start("echo two", "narrow")
        later = Later()
        waiting = PodJob(bench.hub, second, Limits(timeout=60.0, pending=600.0, pending_fails=True), clock=later)
        _, notes, _ = await bench.follow(waiting, "more needed")
        assert notes[-1] == (
            "it waits for its turn in the queue narrow: couldn't assign flavors to pod set main: "
            "insufficient unused quota for cpu in flavor any, 1 more needed"
        )
        pod = bench.core.read_namespaced_pod(second, "default")
        assert [gate.name for gate in pod.spec.scheduling_gates] == ["kueue.x-k8s.io/admission"]
        assert pod.metadata.labels[MANAGED] == "true"
        assert await later.still_waits(waiting)
        await running.end(0)
        lines, notes, ended = await bench.follow(waiting)
        assert lines == ["two"]
        assert "it has its turn in the queue" in notes
        assert ended is not None
        assert ended.ok
        assert ended.seconds < 60

    on(standin, test)


def test_a_pod_that_waits_can_be_ended(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        bench.queues.make("shut", {"cpu": "0"})
        name = bench.start("echo never", "shut")
        job = PodJob(bench.hub, name, Limits())
        await bench.follow(job, "maximum capacity")
        await job.end(4)
        lines, _, ended = await bench.follow(job)
        assert ended is not None
        assert (ended.cause, lines) == (Cause.TERMINATED, [])

    on(standin, test)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_queue_that_is_missing_or_stopped_is_told(standin: KubernetesStandIn, workers: int) -> None:
    async def test(bench: Bench) -> None:
        def watch(name: str) -> RemoteJob:
            return GroupJob(bench.hub, name, 2, Limits(), queued=True) if workers > 1 else PodJob(
                bench.hub, name, Limits()
            )  # fmt: skip

        missing = f"none-{workers}"
        job = watch(bench.start("echo x", missing, workers=workers))
        _, notes, _ = await bench.follow(job, "doesn't exist")
        assert notes[-1] == f"it waits for its turn in the queue {missing}: LocalQueue {missing} doesn't exist"
        bench.queues.make(f"held-{workers}", {"cpu": "8"}, stopPolicy="Hold")
        job = watch(bench.start("echo x", f"held-{workers}", workers=workers))
        _, notes, _ = await bench.follow(job, "is inactive")
        assert f"ClusterQueue held-{workers} is inactive" in notes[-1]
        bench.queues.change(f"held-{workers}", {"stopPolicy": "None"})
        _, _, ended = await bench.follow(job)
        assert ended is not None
        assert ended.ok

    on(standin, test)


@pytest.mark.parametrize("workers", [1, 2])
def test_who_is_preempted_by_kueue_is_not_to_blame(standin: KubernetesStandIn, workers: int) -> None:
    async def test(bench: Bench) -> None:
        queue = f"two-classes-{workers}"
        bench.queues.make(queue, {"cpu": str(workers)}, preemption=True)
        bench.queues.priority(f"urgent-{workers}", 100)
        name = bench.start("trap 'exit 0' TERM; echo on; while :; do sleep 0.1; done", queue, workers=workers)
        job = GroupJob(bench.hub, name, 2, Limits(), queued=True) if workers > 1 else PodJob(bench.hub, name, Limits())
        await bench.follow(job, "on")
        urgent = bench.start("echo first", queue, priority=f"urgent-{workers}", workers=workers)
        _, _, ended = await bench.follow(job)
        assert ended is not None
        assert (ended.cause, ended.kind, ended.blameless) == (Cause.LOST, Kind.PREEMPTED, True)
        assert "Kueue took its place away (Preempted): Preempted to accommodate a workload (UID: " in ended.reason
        other = GroupJob(bench.hub, urgent, 2, Limits(), queued=True) if workers > 1 else PodJob(
            bench.hub, urgent, Limits()
        )  # fmt: skip
        _, _, ended = await bench.follow(other)
        assert ended is not None
        assert ended.ok

    on(standin, test)


def test_several_workers_wait_as_one_suspended_job(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        bench.queues.make("pairs", {"cpu": "2"})
        first = bench.start("echo one; while :; do sleep 0.1; done", "pairs")
        running = PodJob(bench.hub, first, Limits())
        await bench.follow(running, "one")
        name = bench.start("echo rank $JOB_COMPLETION_INDEX", "pairs", workers=2)
        later = Later()
        job = GroupJob(bench.hub, name, 2, Limits(pending=600.0, pending_fails=True), queued=True, clock=later)
        _, notes, _ = await bench.follow(job, "insufficient unused quota")
        found = bench.batch.read_namespaced_job(name, "default")
        assert found.spec.suspend
        assert QUEUE in found.metadata.labels
        assert QUEUE not in found.spec.template.metadata.labels, "the Job waits, its pods don't"
        assert await bench.hub.pods(name) == []
        assert await later.still_waits(job)
        await running.end(0)
        lines, notes, ended = await bench.follow(job, notes=notes)
        assert lines == ["rank 0"]
        assert "[worker 1] rank 1" in notes
        assert ended is not None
        assert ended.ok
        again = bench.start("echo never", "pairs", workers=3)
        job = GroupJob(bench.hub, again, 3, Limits(), queued=True)
        await bench.follow(job, "maximum capacity")
        await job.end(4)
        _, _, ended = await bench.follow(job)
        assert ended is not None
        assert ended.cause is Cause.TERMINATED

    on(standin, test)


def test_what_kueue_says_is_read_from_the_workloads_conditions() -> None:
    def workload(*conditions: tuple[str, str, str, str], **status: Any) -> dict[str, Any]:
        found = [dict(zip(("type", "status", "reason", "message"), each, strict=True)) for each in conditions]
        return {"metadata": {}, "status": {"conditions": found, **status}}

    assert standing_of(workload()).waits == ""
    waits = workload(("QuotaReserved", "False", "WaitingForQuota", "insufficient unused quota"))
    assert standing_of(waits).waits == "insufficient unused quota"
    checks = [{"name": "gpu-nodes", "state": "Pending", "message": "nodes are made"}, {"name": "b", "state": "Ready"}]
    checked = workload(("QuotaReserved", "True", "QuotaReserved", "x"), admissionChecks=checks)
    assert standing_of(checked).waits == "gpu-nodes: nodes are made"
    past = workload(("Evicted", "False", "QuotaReserved", "Previously: …"))
    assert standing_of(past).evicted is None
    gone = workload(("Evicted", "True", "Preempted", "for another"))
    assert standing_of(gone).evicted == ("Preempted", "for another")


def test_a_queue_that_nobody_keeps_is_seen_by_the_missing_label() -> None:
    pod: dict[str, Any] = {"metadata": {"name": "p", "labels": {QUEUE: "q"}}, "status": {}}
    assert ignores_queue(pod)
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
    other = {"metadata": {"name": "p", "labels": {}}, "status": {"conditions": [gated]}}
    assert queue_of(other) is None, "somebody else's gate"
    queued = {"metadata": {"name": "p", "labels": {QUEUE: "q", MANAGED: "true"}}, "status": {"conditions": [gated]}}
    assert queue_of(queued) == "q"
    assert not ignores_queue(queued)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("WorkloadEvictedDueToPreempted", Kind.PREEMPTED),
        ("WorkloadEvictedDueToClusterQueueStopped", Kind.EVICTED),
        ("WorkloadEvictedDueToPodsReadyTimeout", Kind.EVICTED),
        ("WorkloadDeleted", Kind.EVICTED),
    ],
)
def test_every_reason_of_kueue_for_taking_a_pod_away_is_nobodys_fault(reason: str, kind: Kind) -> None:
    target = {"type": "TerminationTarget", "status": "True", "reason": reason, "message": "why"}
    state = {"name": "base", "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}
    pod = {"metadata": {"name": "p"}, "status": {"phase": "Failed", "conditions": [target],
                                                  "containerStatuses": [state]}}  # fmt: skip
    ended = ends.exit_of_pod(pod)
    assert (ended.cause, ended.kind, ended.blameless) == (Cause.LOST, kind, True)


def test_the_labels_of_a_queue_and_its_class() -> None:
    task = KubernetesTask.model_validate(
        {"backend": "kubernetes", "image": "i", "kueue": {"queue": "team-a", "priority_class": "low"}}
    )
    attempt = AttemptId("s3://b", "e", "r", 0, 0, "train", 1)
    pod = pod_manifest(PodOrder(task, TrialContext("e", "r", 0, 1, {}, "/c", "/m"), attempt))
    assert pod["metadata"]["labels"][QUEUE] == "team-a"
    assert pod["metadata"]["labels"][PRIORITY] == "low"
    for queue in ("Team A", "x" * 64, ""):
        with pytest.raises(ValueError, match=r"kueue\.queue"):
            KubernetesTask.model_validate({"backend": "kubernetes", "image": "i", "kueue": {"queue": queue}})
