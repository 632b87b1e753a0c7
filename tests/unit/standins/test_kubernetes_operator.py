"""The unmodified KubernetesPodOperator, its trigger's hook and the asynchronous client on the Kubernetes stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from kubernetes import client, config

from tests.standins.kubernetes import KubernetesStandIn
from tests.standins.kubernetes.testing import pod, wait_for


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def core(cluster: KubernetesStandIn) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))


def operator(cluster: KubernetesStandIn, name: str, **arguments: Any) -> Any:
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    return KubernetesPodOperator(
        task_id="train", name=name, namespace="default", image="standin/any:1", kubernetes_conn_id=None,
        config_file=str(cluster.kubeconfig), in_cluster=False, do_xcom_push=False, startup_check_interval_seconds=1,
        base_container_status_polling_interval=0.1, **arguments,
    )  # fmt: skip


def context() -> dict[str, Any]:
    instance = MagicMock(dag_id="dag", task_id="train", run_id="run", map_index=-1, try_number=1)
    run = MagicMock(run_id="run", run_after=None, logical_date=None)
    return {"ti": instance, "task_instance": instance, "dag_run": run, "run_id": "run", "dag": MagicMock(dag_id="dag")}


def test_the_operator_runs_a_pod_to_its_end(
    cluster: KubernetesStandIn, core: client.CoreV1Api, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.forget_requests()
    script = "for i in 1 2 3; do echo accuracy=0.$i step=$i; sleep 0.2; done"
    operator(cluster, "train", cmds=["sh", "-c", script], durable=False).execute(context())
    printed = capsys.readouterr().out
    assert all(f"accuracy=0.{i} step={i}" in printed for i in (1, 2, 3))
    assert not [each for each in core.list_namespaced_pod("default").items if each.metadata.name.startswith("train")]
    counts = cluster.counts()
    assert counts["create", "pods"] == 1
    assert counts["delete", "pods"] == 1
    assert counts["get", "pods/log"] >= 1


def test_the_operator_sees_a_pod_fail(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    failing = operator(
        cluster, "failing", cmds=["sh", "-c", "echo lost; exit 3"], on_finish_action="keep_pod", durable=False
    )
    with pytest.raises(Exception, match=r"returned a failure|failed"):
        failing.execute(context())
    (left,) = [each for each in core.list_namespaced_pod("default").items if each.metadata.name.startswith("failing")]
    assert left.status.container_statuses[0].state.terminated.exit_code == 3


def test_the_triggers_hook_reads_pods_logs_and_events(
    cluster: KubernetesStandIn, core: client.CoreV1Api, tmp_path: Path
) -> None:
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

    go_on = tmp_path / "go-on"  # the hook reads no events of a pod that has ended when it looks first
    script = f"echo hello; until test -e '{go_on}'; do sleep 0.05; done"
    core.create_namespaced_pod("default", pod("hooked", "sh", "-c", script))

    async def follow() -> tuple[Any, list[str], list[str]]:
        settings = json.loads(cluster.kubeconfig.read_text(encoding="utf-8"))
        hook = AsyncKubernetesHook(conn_id=None, config_dict=settings, in_cluster=False)
        reasons: list[str] = []
        async for each in hook.watch_pod_events("hooked", "default", timeout_seconds=2):  # until the pod has ended
            reasons.append(each.reason)
            if {"Scheduled", "Started"} <= set(reasons):
                break
        go_on.touch()
        wait_for(lambda: core.read_namespaced_pod("hooked", "default").status.phase == "Succeeded")
        found = await hook.get_pod("hooked", "default")
        lines = await hook.read_logs("hooked", "default", container_name="base")
        await hook.delete_pod("hooked", "default")
        return found, lines, reasons

    found, lines, reasons = asyncio.run(follow())
    assert found.status.phase == "Succeeded"
    assert [line.split(" ", 1)[1] for line in lines if line] == ["hello"]
    assert {"Scheduled", "Started"} <= set(reasons)


def test_the_asynchronous_client_watches(cluster: KubernetesStandIn) -> None:
    from kubernetes_asyncio import client as asynchronous
    from kubernetes_asyncio import config as configuration
    from kubernetes_asyncio import watch

    async def life() -> list[str]:
        settings = asynchronous.Configuration()
        await configuration.load_kube_config(str(cluster.kubeconfig), client_configuration=settings)
        phases = []
        async with asynchronous.ApiClient(settings) as connection:
            api = asynchronous.CoreV1Api(connection)
            body: Any = pod("async", "sleep", "0.2")
            await api.create_namespaced_pod("default", body)
            stream = watch.Watch().stream(
                api.list_namespaced_pod, "default", field_selector="metadata.name=async", timeout_seconds=20
            )
            async with stream:
                async for event in stream:
                    phases.append(event["object"].status.phase)
                    if phases[-1] == "Succeeded":
                        break
            log = await api.read_namespaced_pod_log("async", "default")
            assert log == ""
            with pytest.raises(asynchronous.exceptions.ApiException) as caught:
                await api.read_namespaced_pod("nobody", "default")
            assert caught.value.status == 404
        return phases

    phases = asyncio.run(life())
    assert phases[-1] == "Succeeded"
