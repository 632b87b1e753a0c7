"""The demonstration starts a cluster where an experiment needs one, and ends it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from kubernetes import client, config

from automl_airflow.kubernetes.connection import cluster_from
from automl_airflow.kubernetes.demo import DemoKubernetes
from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneError
from tests.standins.kubernetes.testing import pod
from tests.support.patience import stretched

EXPERIMENTS = PRODUCT_ROOT / "experiments"
VARIABLE = "AIRFLOW_CONN_KUBERNETES_DEFAULT"


@pytest.fixture(autouse=True)
def _nothing_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_the_example_gets_a_cluster_and_loses_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    example = EXPERIMENTS / "moons_kubernetes.yaml"
    try:
        found = DemoKubernetes(tmp_path).environment(example, detached=True)
        said = capsys.readouterr().out
        assert "stand-in" in said
        assert VARIABLE in said
        cluster = cluster_from(json.loads(found[VARIABLE])["extra"], "demo")
        core = client.CoreV1Api(config.new_client_from_config(config_file=cluster.kubeconfig_path))
        core.create_namespaced_pod("default", pod("here", "test", "-d", "examples"))
        ends = time.monotonic() + stretched(20)
        while (phase := core.read_namespaced_pod("here", "default").status.phase) not in ("Succeeded", "Failed"):
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert phase == "Succeeded", "an image brings the product"
        for secret in (tmp_path / "kubernetes.json", Path(str(cluster.kubeconfig_path))):
            assert secret.stat().st_mode & 0o077 == 0
        assert DemoKubernetes(tmp_path).environment(example) == found, "used again"
    finally:
        DemoKubernetes(tmp_path).stop()  # by another process, as `make stop` does
    assert not (tmp_path / "kubernetes.json").exists()


def test_nothing_is_started_where_nothing_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = DemoKubernetes(tmp_path)
    assert demo.environment(EXPERIMENTS / "digits_mlp.yaml") == {}
    assert demo.environment(EXPERIMENTS / "breast_cancer_sql.yaml") == {}
    monkeypatch.setenv(VARIABLE, "{}")
    assert demo.environment(EXPERIMENTS / "moons_kubernetes.yaml") == {}, "a real cluster is left alone"
    demo.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_stand_in_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = DemoKubernetes(tmp_path)
    monkeypatch.setattr(demo, "arguments", lambda: ["--nodes", "many"])
    with pytest.raises(StandaloneError, match=r"stand-in of Kubernetes did not start[\s\S]*--nodes"):
        demo.environment(EXPERIMENTS / "moons_kubernetes.yaml")
    demo.stop()
