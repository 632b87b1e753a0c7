"""Ends of real processes that a cluster brings about: what the kubelet says of them, and what we make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automl_core.backends import Cause
from automl_core.backends.kubernetes import group, warnings
from automl_core.backends.kubernetes import job as job_module
from automl_core.backends.kubernetes.artifacts import ENDED, FOLDER, Carrying
from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.group import GroupJob
from automl_core.backends.kubernetes.job import PodJob
from automl_core.backends.kubernetes.waiting import Limits
from automl_core.backends.kubernetes.workers import INDEX
from automl_core.backends.remote import RemoteJob
from automl_core.running.sync import MODULE, Order
from automl_core.spec.kubernetes import Artifacts
from automl_core.storage import open_store
from tests.sources import ROOT
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched
from tests.unit.backends.kubernetes_bench import Bench, on

SAVES = "trap 'echo saved; exit 0' TERM; echo begun; while :; do sleep 0.1; done"
"""Training that saves itself when it is asked to go, and exits with 0."""


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_faults(standin: KubernetesStandIn) -> Iterator[None]:
    standin.forget_requests()
    yield
    standin.clear_faults()


def started(bench: Bench, command: str, workers: int, limits: Limits | None = None, **fields: Any) -> RemoteJob:
    """A pod (or several) that runs a shell script, watched."""
    if workers == 1:
        return PodJob(bench.hub, bench.start(command, **fields), limits or Limits())
    return GroupJob(bench.hub, bench.start_group(command, workers, **fields), workers, limits or Limits())


def pod_of(bench: Bench, job: RemoteJob) -> Any:
    """One of its pods, as the cluster has it."""
    name = job.name  # type: ignore[attr-defined]
    return bench.core.list_namespaced_pod("default", label_selector=f"automl/name={name}").items[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_training_evicted_by_its_node_that_exits_with_0_is_lost(standin: KubernetesStandIn, workers: int) -> None:
    async def test(bench: Bench) -> None:
        job = started(bench, SAVES, workers, grace=5)
        await bench.follow(job, until="begun")
        name = pod_of(bench, job).metadata.name
        standin.evict(name)
        _, ended = await bench.run(job)
        if workers == 1:
            status = bench.core.read_namespaced_pod(name, "default").status
            assert (status.phase, status.reason) == ("Succeeded", None), "what a kubelet makes of it"
        assert (ended.kind, ended.cause, ended.blameless) == (Kind.EVICTED, Cause.LOST, True)
        assert "low on resource" in ended.reason

    on(standin, test)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_templates_deadline_is_a_time_limit_whatever_the_training_exits_with(
    standin: KubernetesStandIn, workers: int
) -> None:
    async def test(bench: Bench) -> None:
        job = started(bench, SAVES, workers, grace=5, pod_template={"spec": {"activeDeadlineSeconds": 1}})
        _, ended = await bench.run(job)
        assert (ended.cause, ended.retryable) == (Cause.TIMEOUT, False), ended
        assert "activeDeadlineSeconds of 1" in ended.reason

    on(standin, test)


def test_of_workers_that_are_deleted_because_of_ones_deadline_that_one_counts_however_late_one_looks() -> None:
    """When it was is known from its deadline: its training may never have begun, or have ended much later."""

    def seen(index: int, *, deleted: bool) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": f"w-{index}", "labels": {INDEX: str(index)}}
        status: dict[str, Any] = {"phase": "Failed", "startTime": "2026-11-21T10:00:00Z"}
        if deleted:
            metadata |= {"deletionTimestamp": "2026-11-21T10:01:06Z", "deletionGracePeriodSeconds": 5}
            status["phase"] = "Pending"
        else:
            status |= {"reason": "DeadlineExceeded", "message": "Pod was active longer than its deadline"}
        spec = {"activeDeadlineSeconds": 60, "containers": [{"name": "base"}]}
        return {"metadata": metadata, "spec": spec, "status": status}

    hub: Any = SimpleNamespace(workloads=None, peak_memory=lambda _: None)
    job = GroupJob(hub, "w", 3, Limits(), clock=lambda: 2_000_000_000.0)
    pods = {
        each["metadata"]["name"]: each
        for each in (seen(0, deleted=True), seen(1, deleted=False), seen(2, deleted=True))
    }
    job._note_first_failure(pods, [])
    assert job._first is not None
    assert (job._first.cause, job._first.retryable) == (Cause.TIMEOUT, False)
    assert job._first.reason.startswith("worker 1: ")
    assert "it had not begun to train" in job._first.reason


@pytest.mark.parametrize("workers", [1, 2])
def test_training_that_fills_its_own_volume_is_evicted_though_it_exits_with_0(
    standin: KubernetesStandIn, workers: int
) -> None:
    async def test(bench: Bench) -> None:
        fills = f"head -c 3000000 /dev/zero > /scratch/x; {SAVES}"
        job = started(bench, fills, workers, grace=5, volumes=[{"mount": "/scratch", "empty_dir": "1Mi"}])
        _, ended = await bench.run(job)
        assert (ended.kind, ended.blameless, ended.retryable, ended.ok) == (Kind.EVICTED, False, True, False)
        assert "exceeds the limit" in ended.reason

    on(standin, test)


def test_only_pods_with_a_bound_for_local_storage_cost_a_request_at_their_end(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        for fields, asked in (({}, 0), ({"volumes": [{"mount": "/scratch", "empty_dir": "1Gi"}]}, 1)):
            standin.forget_requests()
            _, ended = await bench.run(started(bench, "echo done", 1, **fields))
            assert ended.ok
            assert standin.counts().get(("list", "events"), 0) == asked

    on(standin, test)


def test_an_init_container_is_no_time_of_the_training_but_is_of_its_pods_deadline(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        stage = [{"name": "stage", "image": "a", "command": ["sleep", "3"]}]
        job = started(bench, "sleep 0.5", 1, Limits(timeout=2.5), pod_template={"spec": {"initContainers": stage}})
        _, ended = await bench.run(job)
        assert ended.ok, ended
        template = {"spec": {"initContainers": stage, "activeDeadlineSeconds": 1}}
        _, cut = await bench.run(started(bench, "sleep 0.5", 1, Limits(timeout=2.5), pod_template=template))
        assert cut.cause is Cause.TIMEOUT
        assert "it had not begun to train" in cut.reason

    on(standin, test)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_init_container_that_never_ends_is_given_up_by_its_name(standin: KubernetesStandIn, workers: int) -> None:
    async def test(bench: Bench) -> None:
        waits = {"name": "stage", "image": "a", "command": ["sleep", "600"]}
        job = started(
            bench, "echo never", workers, Limits(pending=1.0, pending_fails=True),
            pod_template={"spec": {"initContainers": [waits]}},
        )  # fmt: skip
        _, ended = await bench.run(job)
        assert (ended.kind, ended.cause, ended.retryable) == (Kind.PENDING, Cause.UNSTARTED, False)
        assert "init container stage" in ended.reason

    on(standin, test)


def test_a_sidecar_that_is_deaf_to_sigterm_takes_no_time_from_what_brings_the_model(
    standin: KubernetesStandIn, tmp_path: Path
) -> None:
    """A node ends sidecars one after the other, the last first, and a shell or Python as process 1 sits SIGTERM out."""
    store = open_store(str(tmp_path / "store"))
    order = Order(store.url, {}, {f"{FOLDER}/model": "models/m"}, 60, ENDED)
    carrying = Carrying(Artifacts(env={"PYTHONPATH": str(ROOT)}, grace=3), "automl:1", MODULE, order.to_json())
    deaf = {"name": "deaf", "image": "a", "restartPolicy": "Always", "command": ["sh", "-c", DEAF]}

    async def test(bench: Bench) -> None:
        job = started(
            bench, f"echo weights > {FOLDER}/model/w.txt", 1, carrying=carrying,
            pod_template={"spec": {"initContainers": [deaf]}},
        )  # fmt: skip
        _, ended = await bench.run(job)
        assert ended.ok, ended
        assert store.get("models/m/w.txt") == b"weights\n"
        ends = {each.name: each.state.terminated for each in pod_of(bench, job).status.init_container_statuses}
        assert ends["deaf"].exit_code == 137
        assert ends["automl-keep"].finished_at < ends["deaf"].finished_at, "not after it, in the rest of the grace"

    on(standin, test)


DEAF = "trap '' TERM; while :; do sleep 0.1; done"
HOG = "python3 -c 'import time; x = bytearray(150_000_000); time.sleep(60)'"


def test_a_child_killed_for_memory_fails_no_training_that_goes_on(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "LINGERING", 0.0)
    sidecar = {"name": "proxy", "image": "proxy:1", "command": ["sleep", "600"]}

    async def test(bench: Bench) -> None:
        standin.fault(single_process_oom=True)
        for containers in ([], [{"name": "base"}, sidecar]):
            template = {"spec": {"containers": containers}}
            job = started(bench, f"{HOG} || echo accuracy=0.5", 1, resources={"memory": "60Mi"}, pod_template=template)
            lines, ended = await bench.run(job)
            reason = pod_of(bench, job).status.container_statuses[0].state.terminated.reason if not containers else ""
            assert reason in ("", "OOMKilled"), "what a kubelet says of it"
            assert "accuracy=0.5" in lines
            assert ended.ok, ended

    try:
        on(standin, test)
    finally:
        standin.fault(single_process_oom=False)


def test_memory_raised_in_place_is_what_the_next_attempt_must_exceed(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        job = PodJob(bench.hub, bench.start(f"echo begun; sleep 1; exec {HOG}", resources={"memory": "60Mi"}), Limits(),
                     most_memory=200 * 2**20)  # fmt: skip
        await bench.follow(job, until="begun")
        patch = {"spec": {"containers": [{"name": "base", "resources": {"limits": {"memory": "100Mi"}}}]}}
        bench.core.patch_namespaced_pod_resize(job.name, "default", patch)
        _, ended = await bench.run(job)
        assert (ended.kind, ended.blameless) == (Kind.OOM, True)
        assert "its limit is 100Mi" in ended.reason
        assert job.memory_held == 100 * 2**20

    on(standin, test)


def test_workers_that_a_quota_never_lets_be_together_are_given_up(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "_MADE_BY", 0.0)
    monkeypatch.setattr(warnings, "EVERY", 0.2)

    async def test(bench: Bench) -> None:
        quota = {"metadata": {"name": "team"}, "spec": {"hard": {"limits.memory": "150Mi"}}}
        bench.core.create_namespaced_resource_quota("default", quota)
        try:
            job = started(bench, "sleep 600", 2, Limits(config=0.5), resources={"memory": "100Mi"})
            _, ended = await bench.run(job)
        finally:
            bench.core.delete_namespaced_resource_quota("team", "default")
        assert (ended.kind, ended.retryable) == (Kind.CONFIG, False)
        assert "100Mi for each of 2 workers is wanted, 150Mi is all there is" in ended.reason

    on(standin, test)


def test_the_stand_ins_kubelet_lets_a_lost_nodes_training_go_on_until_the_node_is_back(
    standin: KubernetesStandIn, tmp_path: Any
) -> None:
    beat = tmp_path / "beat"
    script = f"echo begun; while :; do date +%s%N > {beat}; sleep 0.1; done"

    async def test(bench: Bench) -> None:
        job = started(bench, script, 1)
        await bench.follow(job, until="begun")
        found = pod_of(bench, job)
        standin.lose_node(found.spec.node_name, trains_on=True)
        bench.core.delete_namespaced_pod(found.metadata.name, "default", grace_period_seconds=0)
        _, ended = await bench.run(job)
        assert ended.blameless
        before = beat.read_text()
        async with asyncio.timeout(stretched(10)):
            while beat.read_text() == before:
                await asyncio.sleep(0.1)
        standin.restore_node(found.spec.node_name)

    on(standin, test)
