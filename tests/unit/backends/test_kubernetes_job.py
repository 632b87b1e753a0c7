"""Pods watched through the hub, on the API server stand-in: logs, ends, waiting, an API server that is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import client

from automl_core.backends import Cause
from automl_core.backends.kubernetes import group, warnings
from automl_core.backends.kubernetes import job as job_module
from automl_core.backends.kubernetes.artifacts import ENDED, FOLDER, Carrying
from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.group import GroupJob
from automl_core.backends.kubernetes.job import PodJob
from automl_core.backends.kubernetes.waiting import Limits
from automl_core.backends.remote import RemoteJob
from automl_core.running.failures import digest_of_end
from automl_core.running.sync import MODULE, Order
from automl_core.spec.kubernetes import Artifacts
from automl_core.storage import open_store
from tests.sources import ROOT
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.unit.backends.kubernetes_bench import SOON, Bench, on


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture(autouse=True)
def _no_faults(standin: KubernetesStandIn) -> Iterator[None]:
    standin.forget_requests()
    yield
    standin.clear_faults()


def test_a_pods_lines_come_once_and_its_end_after_them(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start(
            "for i in 1 2 3; do echo accuracy=0.$i step=$i; echo same; sleep 0.4; done; printf last; exit 3"
        )
        job = PodJob(bench.hub, name, Limits())
        lines, ended = await bench.run(job)
        expected = [line for i in (1, 2, 3) for line in (f"accuracy=0.{i} step={i}", "same")]
        assert lines == [*expected, "last"]
        assert (ended.cause, ended.code, ended.ok) == (Cause.EXITED, 3, False)
        again = PodJob(bench.hub, name, Limits())
        assert (await bench.run(again))[0] == lines, "a watcher that starts anew reads all from the beginning"
        await job.remove()
        with pytest.raises(client.ApiException) as caught:
            bench.core.read_namespaced_pod(name, "default")
        assert caught.value.status == 404

    on(standin, test)


def test_one_list_and_one_watch_serve_many_pods(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        jobs = [PodJob(bench.hub, bench.start("sleep 0.5; echo done"), Limits()) for _ in range(10)]
        ended = await asyncio.gather(*(bench.run(job) for job in jobs))
        assert [lines for lines, _ in ended] == [["done"]] * 10
        counts = standin.counts()
        assert counts["list", "pods"] == 1
        assert counts["watch", "pods"] == 1
        assert counts.get(("get", "pods"), 0) <= 10

    on(standin, test)


def test_ended_on_request(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start("trap 'echo saving; exit 0' TERM; echo begun; while :; do sleep 0.1; done", grace=5)
        job = PodJob(bench.hub, name, Limits())
        await bench.follow(job, until="begun")
        await job.end(5)
        await job.end(5)
        _, ended = await bench.run(job)
        assert ended.cause is Cause.TERMINATED
        await job.end(0)
        await job.remove()

    on(standin, test)


def test_ended_at_its_time_limit(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        job = PodJob(bench.hub, bench.start("exec sleep 600"), Limits(timeout=1))
        _, ended = await bench.run(job)
        assert ended.cause is Cause.TIMEOUT
        assert not ended.retryable

    on(standin, test)


def test_out_of_memory(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        hog = "exec python3 -c 'import time; x = bytearray(200_000_000); time.sleep(60)'"
        job = PodJob(bench.hub, bench.start(hog, resources={"memory": "60Mi"}), Limits(), most_memory=2.0**40)
        _, ended = await bench.run(job)
        assert (ended.kind, ended.blameless) == (Kind.OOM, True)

    on(standin, test)


@pytest.mark.parametrize(
    ("fault", "kinds"),
    [
        ("evict", {Kind.EVICTED}),
        ("preempt", {Kind.PREEMPTED}),
        ("vanish", {Kind.DELETED}),
        ("node", {Kind.NODE_LOST}),
    ],
)
def test_what_the_cluster_takes_away(standin: KubernetesStandIn, fault: str, kinds: set[Kind]) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start("echo begun; exec sleep 600")
        job = PodJob(bench.hub, name, Limits())
        await bench.follow(job, until="begun")
        node = bench.core.read_namespaced_pod(name, "default").spec.node_name
        if fault == "node":
            standin.lose_node(node, pods="failed")
        else:
            getattr(standin, fault)(name)
        _, ended = await bench.run(job)
        if fault == "node":
            standin.restore_node(node)
        assert ended.kind in kinds
        assert ended.blameless
        assert ended.cause is Cause.LOST

    on(standin, test)


def test_a_lost_nodes_pod_is_removed_by_force_when_nobody_confirms_its_end(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start("echo begun; exec sleep 600")
        late = [0.0]
        job = PodJob(bench.hub, name, Limits(), clock=lambda: time.time() + late[0])
        await bench.follow(job, until="begun")
        node = bench.core.read_namespaced_pod(name, "default").spec.node_name
        standin.lose_node(node, pods="terminating")
        late[0] = 600.0
        _, notes, ended = await bench.follow(job)
        standin.restore_node(node)
        assert ended is not None
        assert (ended.kind, ended.blameless) == (Kind.NODE_LOST, True)
        assert any("by force" in note for note in notes)

    on(standin, test)


def test_a_pod_that_no_node_takes_says_why_then_waits_or_fails(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start("echo never", resources={"gpu": 1})
        waits = PodJob(bench.hub, name, Limits(pending=0.1))
        _, notes, ended = await bench.follow(waits, until="waits on")
        assert ended is None
        assert any("Insufficient nvidia.com/gpu" in note for note in notes)
        fails = PodJob(bench.hub, name, Limits(pending=0.1, pending_fails=True))
        _, _, ended = await bench.follow(fails)
        assert ended is not None
        assert (ended.kind, ended.cause, ended.retryable) == (Kind.PENDING, Cause.UNSTARTED, False)
        assert "Insufficient nvidia.com/gpu" in ended.reason

    on(standin, test)


def test_an_image_that_comes_late_is_waited_for_and_one_that_never_comes_is_not(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        late = PodJob(bench.hub, bench.start("echo here", image="standin/slow:2"), Limits(image=20.0))
        lines, ended = await bench.run(late)
        assert (lines, ended.ok) == (["here"], True)
        missing = PodJob(bench.hub, bench.start("echo", image="standin/missing:1"), Limits(image=3.0))
        _, notes, failed = await bench.follow(missing)
        assert failed is not None
        assert (failed.kind, failed.retryable) == (Kind.IMAGE, False)
        assert "standin/missing:1" in failed.reason
        assert notes

    on(standin, test)


def test_a_secret_that_is_missing_is_named(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start("echo", secrets=[{"env": "KEY", "secret": "nowhere", "key": "k"}])
        job = PodJob(bench.hub, name, Limits(config=0.5))
        _, _, ended = await bench.follow(job)
        assert ended is not None
        assert (ended.kind, ended.retryable) == (Kind.CONFIG, False)
        assert "nowhere" in ended.reason

    on(standin, test)


def test_an_api_server_that_is_away_loses_no_line_and_no_end(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start("for i in 1 2 3 4 5 6; do echo line $i; sleep 0.4; done")
        job = PodJob(bench.hub, name, Limits())
        before, _, _ = await bench.follow(job, until="line 1")
        standin.away(3)
        after, notes, ended = await bench.follow(job)
        assert before + after == [f"line {i}" for i in range(1, 7)]
        assert any("unreachable" in note for note in notes)
        assert ended is not None
        assert ended.ok

    on(standin, test)


def test_throttled_refused_and_expired_requests_are_survived(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        standin.fail(429, verb="get", resource="pods/log", every=2, retry_after=1)
        standin.fail(410, verb="watch", resource="pods", count=2)
        standin.fail(500, verb="list", resource="pods", count=1)
        name = bench.start("for i in 1 2 3 4; do echo line $i; sleep 0.5; done")
        lines, ended = await bench.run(PodJob(bench.hub, name, Limits()))
        assert lines == [f"line {i}" for i in range(1, 5)]
        assert ended.ok

    on(standin, test)


def test_a_flood_is_read_to_its_end(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        flood = "python3 -c \"print(('x' * 99 + chr(10)) * 30000, end=''); print('last')\""
        lines, ended = await bench.run(PodJob(bench.hub, bench.start(f"exec {flood}"), Limits()))
        assert ended.ok
        assert len(lines) == 30001
        assert lines[-1] == "last"

    on(standin, test)


def test_helpers_carry_checkpoints_and_models_for_training_that_knows_no_buckets(
    standin: KubernetesStandIn, tmp_path: Path
) -> None:
    store = open_store(str(tmp_path / "store"))
    store.put("checkpoints/state.json", b"7")
    order = Order(store.url, {"checkpoints": f"{FOLDER}/resume"}, {f"{FOLDER}/model": "models/m"}, 0.2, ENDED)
    artifacts = Artifacts(env={"PYTHONPATH": str(ROOT)}, grace=20)

    async def test(bench: Bench) -> None:
        modes = f"stat -c %a {FOLDER}/model {FOLDER}/resume {FOLDER}/resume/state.json"
        script = f"cat {FOLDER}/resume/state.json; echo; {modes}; echo weights > {FOLDER}/model/w.txt"
        name = bench.start(script, carrying=Carrying(artifacts, "automl:1", MODULE, order.to_json()))
        lines, ended = await bench.run(PodJob(bench.hub, name, Limits()))
        assert ended.ok, ended
        assert lines == ["7", "777", "777", "666"], "the training may run as another user"
        assert store.get("models/m/w.txt") == b"weights\n"

    on(standin, test)


def test_a_model_that_could_not_be_carried_is_no_success(standin: KubernetesStandIn, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "models").write_text("a file where a folder is to be")
    order = Order(str(tmp_path / "store"), {}, {f"{FOLDER}/model": "models/m"}, 0.2, ENDED)
    artifacts = Artifacts(env={"PYTHONPATH": str(ROOT)}, grace=20)

    async def test(bench: Bench) -> None:
        name = bench.start(
            f"echo weights > {FOLDER}/model/w.txt", carrying=Carrying(artifacts, "automl:1", MODULE, order.to_json())
        )
        _, ended = await bench.run(PodJob(bench.hub, name, Limits()))
        assert (ended.kind, ended.blameless, ended.ok) == (Kind.STORAGE, True, False)
        assert "could not be stored" in ended.reason

    on(standin, test)


def test_workers_train_as_one(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        script = "echo $RANK of $WORLD_SIZE at $MASTER_ADDR:$MASTER_PORT; sleep 0.5; echo accuracy=0.$RANK"
        name = bench.start_group(script, 3)
        job = GroupJob(bench.hub, name, 3, Limits())
        lines, notes, ended = await bench.follow(job)
        assert ended is not None
        assert ended.ok, ended
        assert lines[0].startswith("0 of 3 at ")
        assert lines[1:] == ["accuracy=0.0"], "metrics are the master's"
        for rank in (1, 2):
            assert f"[worker {rank}] accuracy=0.{rank}" in notes
        await job.remove()
        await gone(bench, name)

    on(standin, test)


def test_workers_end_as_one_when_one_fails(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        wait = "time.sleep(0.5 if os.environ['RANK'] == '1' else 600)"
        code = f"import os, time; {wait}; raise ValueError('rank 1')"
        name = bench.start_group(f'exec python3 -c "{code}"', 3)
        job = GroupJob(bench.hub, name, 3, Limits(), signature=lambda end, lines: digest_of_end(end, lines, {}))
        _, notes, ended = await bench.follow(job)
        assert ended is not None
        assert (ended.cause, ended.code) == (Cause.EXITED, 1)
        assert ended.reason.startswith("worker 1: exit code 1")
        assert "ValueError: rank 1" in ended.reason
        assert ended.error
        assert any("all of it is ended" in note for note in notes)
        await gone(bench, name)

    on(standin, test)


def test_workers_that_the_cluster_does_not_admit_say_why(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warnings, "EVERY", 0.2)
    monkeypatch.setattr(group, "_MADE_BY", 0.2)

    async def test(bench: Bench) -> None:
        name = bench.start_group("echo never", 2, service_account="nobody")
        _, _, ended = await bench.follow(GroupJob(bench.hub, name, 2, Limits(config=0.5)))
        assert ended is not None
        assert (ended.kind, ended.cause) == (Kind.CONFIG, Cause.UNSTARTED)
        assert '"nobody" not found' in ended.reason
        await gone(bench, name)

    on(standin, test)


def test_a_lost_nodes_worker_is_removed_by_force_and_ends_all(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        late = [0.0]
        name = bench.start_group("echo begun; exec sleep 600", 2)
        job = GroupJob(bench.hub, name, 2, Limits(), clock=lambda: time.time() + late[0])
        await bench.follow(job, until="[worker 1] begun")
        pods = bench.core.list_namespaced_pod("default", label_selector=f"automl/name={name}").items
        node = pods[0].spec.node_name
        standin.lose_node(node, pods="terminating")
        _, notes, ended = await bench.follow(job, until="all of it is ended")
        late[0] = 600.0
        if ended is None:
            _, more, ended = await bench.follow(job)
            notes += more
        standin.restore_node(node)
        assert ended is not None
        assert (ended.kind, ended.blameless) == (Kind.NODE_LOST, True)
        assert any("by force" in note for note in notes)
        await gone(bench, name)

    on(standin, test)


def test_workers_of_which_one_is_deleted_end_where_failed_ones_are_kept(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start_group("echo begun; exec sleep 600", 2)
        job = GroupJob(bench.hub, name, 2, Limits(), keep="failed")
        await bench.follow(job, until="[worker 1] begun")
        pods = bench.core.list_namespaced_pod("default", label_selector=f"automl/name={name}").items
        bench.core.delete_namespaced_pod(pods[0].metadata.name, "default", grace_period_seconds=1)
        _, _, ended = await bench.follow(job)
        assert ended is not None
        assert (ended.kind, ended.blameless) == (Kind.DELETED, True)
        await job.end(0)

    on(standin, test)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("code", [0, 3])
def test_containers_of_a_template_do_not_outlive_the_training(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch, workers: int, code: int
) -> None:
    for module in (job_module, group):
        monkeypatch.setattr(module, "LINGERING", 0.0)
    sidecar = {"name": "proxy", "image": "proxy:1", "command": ["sleep", "600"]}
    template = {"spec": {"containers": [{"name": "base"}, sidecar]}}

    async def test(bench: Bench) -> None:
        script = f"echo accuracy=0.5; exit {code}"
        watched: RemoteJob
        if workers == 1:
            watched = PodJob(bench.hub, bench.start(script, pod_template=template), Limits())
        else:
            name = bench.start_group(script, workers, pod_template=template)
            watched = GroupJob(bench.hub, name, workers, Limits())
        lines, notes, ended = await bench.follow(watched)
        assert lines == ["accuracy=0.5"]
        assert ended is not None
        assert (ended.cause, ended.code, ended.ok) == (Cause.EXITED, code, code == 0)
        assert any("ended" in note for note in notes)
        await watched.remove()

    on(standin, test)


def test_workers_end_as_one_on_request(standin: KubernetesStandIn) -> None:
    async def test(bench: Bench) -> None:
        name = bench.start_group("echo begun; exec sleep 600", 2)
        job = GroupJob(bench.hub, name, 2, Limits())
        await bench.follow(job, until="begun")
        await job.end(1)
        _, ended = await bench.run(job)
        assert ended.cause is Cause.TERMINATED
        await gone(bench, name)

    on(standin, test)


async def gone(bench: Bench, name: str) -> None:
    """Wait until nothing is left of a Job."""
    async with asyncio.timeout(SOON):
        while bench.core.list_namespaced_pod("default", label_selector=f"automl/name={name}").items:
            await asyncio.sleep(0.2)
    assert not bench.batch.list_namespaced_job("default", label_selector=f"automl/name={name}").items
    assert not bench.core.list_namespaced_service("default", label_selector=f"automl/name={name}").items
