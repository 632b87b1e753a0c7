"""`deploy` of a model whose servers are ours: made in the cluster before anything is rolled out over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from automl_airflow.models.serving_pods import ensure_servers
from automl_core.models.file.validation import validate
from tests.unit.plugins.models.rolling import Airflow
from tests.unit.plugins.models.test_roll import accepted
from tests.unit.serving.kubernetes.files import Shore, model_file, shore

DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/automl-churn"


@pytest.fixture(scope="module")
def there() -> Iterator[Shore]:
    with shore(back_off=0.05) as made:
        yield made


@pytest.fixture
def connected(there: Shore, monkeypatch: pytest.MonkeyPatch) -> Shore:
    extra = {"kube_config_path": str(there.standin.kubeconfig)}
    monkeypatch.setenv("AIRFLOW_CONN_CLUSTER", json.dumps({"conn_type": "kubernetes", "extra": extra}))
    return there


def test_deploy_makes_the_servers_first_and_does_it_again_without_a_change(
    connected: Shore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy = {
        "to": "kubernetes", "image": "standin/any:1", "connection": "cluster", "open": True, "replicas": 1,
        "pod_template": connected.serving, "storage": {"mount": {"path": "/mnt/runs", "claim": "runs"}},
    }  # fmt: skip
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "runs"},
             "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}}  # fmt: skip
    connected.apply("/api/v1/namespaces/default/persistentvolumeclaims/runs", claim, "admin")
    airflow = Airflow.make(tmp_path, monkeypatch, more=f"deploy: {json.dumps(deploy)}")
    told = airflow.do(accepted(airflow, 1), "deploy")
    assert told["version"] == 1
    assert airflow.life.state.champion == 1
    made = connected.get(DEPLOYMENT)
    assert made["status"]["readyReplicas"] == 1
    assert "file:///mnt/runs" in made["spec"]["template"]["spec"]["containers"][0]["command"]
    airflow.do(accepted(airflow, 2), "deploy")
    assert airflow.life.state.rollout is not None
    assert connected.get(DEPLOYMENT)["metadata"]["generation"] == made["metadata"]["generation"]


def test_what_no_other_try_mends_fails_for_good(connected: Shore) -> None:
    said: list[str] = []

    def ensured(**deploy: Any) -> Any:
        return ensure_servers(model_file(**{"connection": "cluster", **deploy}), said.append, lambda: True)

    with pytest.raises(AirflowFailException, match="there is no Airflow connection 'nowhere'"):
        ensured(connection="nowhere")
    with pytest.raises(AirflowFailException, match="knows no HTTPRoute"):
        ensured(name="routed", gateway="public", pod_template=connected.serving)
    with pytest.raises(AirflowFailException, match=r"deploy\.pod_template"):
        ensured(pod_template="absent.yaml")


def test_servers_that_do_not_come_up_may_at_another_try(connected: Shore) -> None:
    said: list[str] = []
    file = model_file(connection="cluster", name="missing", image="standin/missing:1", pod_template=connected.serving)

    def wanted() -> bool:
        return not any("standin/missing:1 is not there" in line for line in said)

    with pytest.raises(AirflowException, match="nobody waits for it any more") as late:
        ensure_servers(file, said.append, wanted)
    assert not isinstance(late.value, AirflowFailException)


def test_a_file_without_servers_of_ours_asks_no_cluster() -> None:
    found, _ = validate({
        "kind": "model", "name": "churn", "candidates": {"experiments": ["churn"]}, "deploy": {"to": "servers"},
        "evaluate": {"data": "latest.csv", "metric": "auc", "target": "y"},
    })  # fmt: skip
    assert found is not None
    assert ensure_servers(found, lambda line: None, lambda: True) is None
