"""Custom resources in a closed environment: what their controllers make of them stands behind a policy of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.triggers.base import TaskSuccessEvent
from kubernetes import client, config

from automl_airflow.kubernetes import fences
from automl_airflow.kubernetes.fences import lift
from automl_core.backends.base import StartError
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.unit.plugins.test_custom_resource import Setting, run
from tests.unit.plugins.test_custom_resource import setting as setting_of
from tests.unit.plugins.test_fences import CONNECT, closed
from tests.unit.plugins.test_fences import ports as ports_of

setting = setting_of
ports = ports_of


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(trainer=True) as made:
        yield made


def test_a_trainjobs_pods_reach_what_they_may_and_nothing_else(
    setting: Setting, ports: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed(monkeypatch, ports, tmp_path)
    monkeypatch.setattr(fences, "LOOK", 0.05)
    program = tmp_path / "runs" / "connect.py"
    program.parent.mkdir()
    program.write_text(CONNECT)
    setting.create("fenced", setting.script(f"python3 /mnt/runs/connect.py {ports[0]} {ports[1]}"))
    binding = setting.bind()
    job = setting.launch(binding)
    assert isinstance(run(setting.trigger(binding, job)), TaskSuccessEvent)
    printed = (tmp_path / "runs" / setting.journal.prefix / "experiment_0" / "log.txt").read_text()
    assert f"reached {ports[0]}\nnot {ports[1]}\n" in printed
    setting.study.refresh()
    assert [act.act for act in setting.study.state.acts] == ["closed"]
    network = client.NetworkingV1Api(config.new_client_from_config(str(setting.standin.kubeconfig)))
    (policy,) = network.list_namespaced_network_policy("default").items
    assert policy.spec.pod_selector.match_labels == {"jobset.sigs.k8s.io/jobset-name": job["name"]}
    setting.core.delete_collection_namespaced_pod("default", grace_period_seconds=0)
    lift(setting.study, logging.getLogger("test"))
    assert network.list_namespaced_network_policy("default").items == []


@pytest.mark.parametrize("what", ["image", "hostNetwork"])
def test_what_a_resource_brings_is_looked_at_when_it_starts(
    what: str, setting: Setting, ports: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = setting.script("true")
    trainer = task["resource"]["spec"]
    if what == "image":
        trainer["trainer"]["image"] = "evil.org/x"
    else:
        job = trainer["runtimePatches"][0]["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"][0]
        job["template"]["spec"]["template"]["spec"]["hostNetwork"] = True
    setting.create(f"refused-{what.lower()}", task)
    closed(monkeypatch, ports, tmp_path)
    with pytest.raises(StartError, match=r"evil\.org/x" if what == "image" else "its node's network") as caught:
        setting.launch(setting.bind())
    assert caught.value.systematic
    assert setting.trainjobs() == []
