"""Custom resources in the experiment file: what is refused, and where paths lead."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.errors import SpecError
from automl_core.spec.field_paths import places, steps_of, value_at
from automl_core.spec.loader import parse_experiment
from tests.support.trainjobs import trainjob


def parsed(task: dict[str, Any], storage: str = "s3://models/automl") -> CustomResourceTask:
    body = {
        "name": "e",
        "output": {"storage": storage},
        "goal": {"metric": "auc", "direction": "maximize"},
        "space": {"lr": {"type": "uniform", "low": 0, "high": 1}},
        "tasks": [task],
    }
    found = parse_experiment(yaml.safe_dump(body), "x.yaml").tasks[0]
    assert isinstance(found, CustomResourceTask)
    return found


def test_a_trainjob_is_read() -> None:
    task = parsed(trainjob(["train", "${lr}"], kueue={"queue": "team-a"}))
    assert (task.api_version, task.kind) == ("trainer.kubeflow.org/v1alpha1", "TrainJob")
    assert task.pods is not None
    assert task.pods.container == "node"


def test_a_name_within_the_resource_is_substituted_and_so_its_placeholders_are_looked_at() -> None:
    task = trainjob(["train"], env={"source": "${lr}"})
    task["resource"]["spec"]["runtimeRef"] = {"name": "torch-${trial_id}"}
    parsed(task)
    task["resource"]["spec"]["runtimeRef"] = {"name": "torch-${trail_id}"}
    with pytest.raises(SpecError, match=r"tasks\[0\]\.resource\.spec\.runtimeRef\.name: \$\{trail_id\} is not known"):
        parsed(task)
    task["resource"]["spec"]["runtimeRef"] = {"name": "torch"}
    with pytest.raises(SpecError, match=r"env\.name: \$\{x\} is not known"):
        parsed({**task, "env": {"name": "${x}"}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resource": {"kind": "TrainJob"}}, r"resource\.apiVersion: a text is wanted"),
        ({"resource": {"apiVersion": "v1", "kind": "Pod"}}, r"GROUP/VERSION is wanted here.*found 'v1'"),
        (
            {"resource": {"apiVersion": "a.b/v1", "kind": "${lr}"}},
            r"resource\.kind: .*a text is wanted here, the same for every trial",
        ),
        ({"resource": {"apiVersion": "a.b/v1", "kind": "K", "status": {}}}, r"resource\.status: only apiVersion"),
        (
            {"resource": {"apiVersion": "a.b/v1", "kind": "K", "metadata": {"name": "mine"}}},
            r"its name follows from the attempt",
        ),
        ({"env_at": ["spec.containers[0].env"]}, r"env_at\[0\]: spec\.containers\[0\]\.env leads nowhere in resource"),
        ({"env_at": ["spec.runtimeRef.name"]}, r"env_at\[0\]: spec\.runtimeRef\.name is no list of environment"),
        ({"env_at": ["spec..env"]}, r"the path of a field is wanted here"),
        ({"json_at": ["spec.trainer.nodes"]}, r"json_at\[0\]: spec\.trainer\.nodes is no text: None"),
        ({"json_at": ["spec.trainer.numNodes"]}, r"spec\.trainer\.numNodes is no text: 1 needs no reading"),
        ({"success": []}, r"success"),
        ({"success": [{}]}, r"exactly one of condition and field"),
        ({"success": [{"condition": "C", "field": "status.phase"}]}, r"exactly one of condition and field"),
        ({"success": [{"field": "status.phase"}]}, r"name the values of the field"),
        ({"failure": [{"condition": "C", "values": ["x"]}]}, r"a condition has a status and reasons"),
        ({"pods": {"label": "not a label"}}, r"pods\.label"),
        ({"name_length": 10}, r"name_length"),
        ({"kueue": {"queue": "Team A"}}, r"kueue\.queue"),
        ({"env": {"X": "${none}"}}, r"\$\{none\} is not known"),
    ],
)
def test_what_can_not_be_is_a_problem(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parsed({**trainjob(["train"]), **change})


def test_a_placeholder_in_the_resource_is_checked() -> None:
    with pytest.raises(SpecError, match=r"\$\{learning_rate\} is not known"):
        parsed(trainjob(["train", "${learning_rate}"]))


def test_a_folder_has_to_be_found_by_the_pods() -> None:
    with pytest.raises(SpecError, match=r"storage_path: output\.storage is a folder"):
        parsed(trainjob(["train"]), "file://./runs")
    assert parsed({**trainjob(["train"]), "storage_path": "/mnt/runs"}, "file://./runs").storage_path == "/mnt/runs"
    with pytest.raises(SpecError, match=r"storage_path: .*output\.storage \(s3://.*\) is no folder"):
        parsed({**trainjob(["train"]), "storage_path": "/mnt/runs"})


def test_paths_lead_to_every_field_that_they_name() -> None:
    spec: dict[str, Any] = {"a": {"x": {"l": [{"e": 1}, {"e": 2}]}, "y": {"l": [{"e": 3}]}}}
    found = [(container[key]) for container, key in places(spec, "a.*.l[*].e")]
    assert found == [1, 2, 3]
    assert value_at(spec, "a.x.l[1].e") == 2
    assert value_at(spec, "a.z.l[1].e") is None
    assert value_at(spec, "a.x.l[7].e") is None
    with pytest.raises(KeyError, match=r"a\.x\.l is no mapping"):
        list(places(spec, "a.x.l.e"))
    made: dict[str, Any] = {}
    ((container, key),) = places(made, "spec.trainer.env", make=True)
    container[key] = []
    assert made == {"spec": {"trainer": {"env": []}}}


_keys = st.from_regex(r"[A-Za-z_][\w-]{0,8}", fullmatch=True).filter(str.isascii)


@given(st.lists(st.one_of(_keys, st.integers(0, 3)), min_size=1, max_size=6).filter(lambda s: isinstance(s[0], str)))
def test_a_path_leads_where_its_steps_do(steps: list[str | int]) -> None:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")
    assert steps_of(path) == steps
    value: Any = "end"
    for step in reversed(steps):
        value = {step: value} if isinstance(step, str) else [None] * step + [value]
    assert value_at(value, path) == "end"
