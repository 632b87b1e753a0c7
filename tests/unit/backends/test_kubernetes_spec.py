"""Training tasks in pods as the experiment file states them: what is taken, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.files import read_template
from automl_core.spec.errors import SpecError
from automl_core.spec.kubernetes import KubernetesTask
from automl_core.spec.loader import parse_experiment
from automl_core.spec.quantities import memory_quantity, parse_quantity
from automl_core.spec.tasks import LocalTask


def experiment(task: dict[str, Any], storage: str = "s3://bucket/runs") -> Any:
    body = {
        "name": "x",
        "output": {"storage": storage},
        "goal": {"metric": "a", "direction": "maximize"},
        "space": {"lr": {"type": "uniform", "low": 0, "high": 1}},
        "tasks": [task],
    }
    return parse_experiment(yaml.safe_dump(body), "x.yaml")


def pod_task(**fields: Any) -> KubernetesTask:
    return KubernetesTask.model_validate({"backend": "kubernetes", "image": "python:3.11", **fields})


def problems(task: dict[str, Any], storage: str = "s3://bucket/runs") -> list[str]:
    with pytest.raises(SpecError) as caught:
        experiment(task, storage)
    return str(caught.value).splitlines()


def test_a_task_without_a_backend_is_local_and_one_with_kubernetes_is_not() -> None:
    assert isinstance(experiment({"command": ["a"]}).tasks[0], LocalTask)
    found = experiment({"backend": "kubernetes", "image": "a", "command": ["b", "${lr}"]}).tasks[0]
    assert isinstance(found, KubernetesTask)


def test_an_experiment_with_pods_survives_the_journal() -> None:
    from automl_core.spec.models import Experiment

    found = experiment(
        {"backend": "kubernetes", "image": "a", "resources": {"cpu": 1.5, "gpu": {"count": 2, "type": "A"}}}
    )
    assert Experiment.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"backend": "kubernets"}, "Did you mean 'kubernetes'?"),
        ({"resources": {"memory": "4Gb"}}, "tasks[0].resources.memory: found '4Gb'"),
        ({"resources": {"cpu": 0}}, "above 0"),
        ({"resources": {"cpu": 4, "cpu_limit": 2}}, "cpu_limit: 2 is below cpu (4)"),
        ({"volumes": [{"mount": "data", "claim": "c"}]}, "tasks[0].volumes[0].mount"),
        ({"volumes": [{"mount": "/data"}]}, "exactly one of"),
        ({"volumes": [{"mount": "/data", "claim": "c", "empty_dir": True}]}, "found claim and empty_dir"),
        ({"secrets": [{"env": "A-B C", "secret": "s", "key": "k"}]}, "tasks[0].secrets[0].env"),
        ({"secrets": [{"env": "A", "key": "k"}]}, "tasks[0].secrets[0]"),
        ({"secrets": [{"env": "A", "secret": "s", "connection": "c", "key": "k"}]}, "tasks[0].secrets[0]"),
        ({"image": None}, "name the container image"),
        ({"command": "run ${lrr}"}, "Did you mean 'lr'?"),
        ({"command": []}, "an empty command"),
        ({"memory_limit_on_oom": {"max": "4Gi"}}, "state resources.memory"),
        ({"memory_limit_on_oom": {"max": "1Gi"}, "resources": {"memory": "2Gi"}}, "no more than resources.memory"),
        ({"storage_mount": {"path": "/mnt", "claim": "runs"}}, "is no folder to be mounted"),
        ({"tolerations": [{"value": "x"}]}, "operator has to be Exists"),
        ({"imagee": "x"}, "imagee"),
    ],
)
def test_mistakes_are_named_with_their_place(fields: dict[str, Any], said: str) -> None:
    found = problems({"backend": "kubernetes", "image": "a", "command": ["b"], **fields})
    assert any(said in line for line in found), found
    assert all(line.startswith("x.yaml:") for line in found)


def test_a_folder_has_to_be_mounted_and_a_bucket_not() -> None:
    task = {"backend": "kubernetes", "image": "a", "command": ["b"]}
    (line,) = problems(task, "file://./runs")
    assert "tasks[0].storage_mount" in line
    assert "{path: /mnt/runs, claim: a-volume-claim}" in line
    experiment({**task, "storage_mount": {"path": "/mnt/runs", "claim": "runs"}}, "file://./runs")


@pytest.mark.parametrize(
    ("text", "number"), [("2", 2), ("500m", 0.5), ("4Gi", 4 * 2**30), ("1.5G", 1.5e9), ("64Ki", 65536)]
)
def test_quantities(text: str, number: float) -> None:
    assert parse_quantity(text) == number


@given(st.integers(1, 2**45))
def test_memory_as_a_quantity_is_never_less(size: int) -> None:
    found = parse_quantity(memory_quantity(size))
    assert size <= found < size + 2**20


def test_memory_grows_with_each_attempt_that_ran_out_of_it_up_to_the_limit() -> None:
    task = pod_task(resources={"memory": "1Gi"}, memory_limit_on_oom={"factor": 2, "max": "3Gi"})
    assert [task.memory_after(n) for n in range(4)] == [2**30, 2**31, 3 * 2**30, 3 * 2**30]
    assert task.most_memory == 3 * 2**30
    assert pod_task(resources={"memory": "1Gi"}).memory_after(3) == 2**30


def test_the_price_of_an_hour_is_that_of_all_resources_of_all_workers() -> None:
    task = pod_task(
        resources={"cpu": "500m", "memory": "2G", "gpu": 2},
        prices={"cpu_hour": 1, "memory_gb_hour": 0.25, "gpu_hour": 3},
        cost_per_hour=0.5,
        workers=2,
    )
    assert task.hourly_price == pytest.approx(0.5 + 2 * (0.5 * 1 + 2 * 0.25 + 2 * 3))
    assert task.price_with(4e9) == pytest.approx(0.5 + 2 * (0.5 * 1 + 4 * 0.25 + 2 * 3))


RULES = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
WHOLE = [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"containers": [{"name": "base", "restartPolicyRules": RULES}]}, "containers[0].restartPolicyRules"),
        ({"containers": [{"name": "base", "restartPolicy": "OnFailure"}]}, "containers[0].restartPolicy"),
        (
            {"containers": [{"name": "base"}, {"name": "side", "restartPolicyRules": WHOLE}]},
            "containers[1].restartPolicyRules[0].action",
        ),
        (
            {"initContainers": [{"name": "stage", "restartPolicyRules": [*RULES, *WHOLE]}]},
            "initContainers[0].restartPolicyRules[1].action",
        ),
    ],
)
def test_a_template_may_not_have_the_training_started_again_in_its_pod(
    spec: dict[str, Any], field: str, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError) as caught:
        pod_task(pod_template={"spec": spec})
    assert f"pod_template.spec.{field}: " in str(caught.value)
    (tmp_path / "pod.yaml").write_text(yaml.safe_dump({"spec": spec}))
    with pytest.raises(StartError) as refused:
        read_template(pod_task(pod_template="pod.yaml"), tmp_path)
    assert f"spec.{field}: " in str(refused.value)
    assert refused.value.systematic


def test_containers_beside_the_training_may_be_started_again() -> None:
    beside = [{"name": "base"}, {"name": "side", "restartPolicy": "OnFailure", "restartPolicyRules": RULES}]
    helpers = [{"name": "proxy", "restartPolicy": "Always"}, {"name": "stage", "restartPolicyRules": RULES}]
    assert pod_task(pod_template={"spec": {"containers": beside, "initContainers": helpers}}).pod_template


def test_more_memory_than_held_is_given_after_it_was_raised_in_place() -> None:
    grows = pod_task(resources={"memory": "80Mi"}, memory_limit_on_oom={"factor": 1.5, "max": "1Gi"})
    assert grows.memory_after(1) == 120 * 2**20
    assert grows.memory_after(1, held=300 * 2**20) == 450 * 2**20
    assert grows.memory_after(1, held=900 * 2**20) == 2**30
    assert pod_task(resources={"memory": "80Mi"}).memory_after(1, held=300 * 2**20) == 80 * 2**20
