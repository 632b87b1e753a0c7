"""Names and pods: what a cluster admits whatever the experiment is called, and what a pod may not do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends import StartError
from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes.files import MAX_BYTES, config_map, read_template
from automl_core.backends.kubernetes.manifest import PodOrder, literal, pod_manifest
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, NAME_LABEL, AttemptId, label_value
from automl_core.backends.kubernetes.workers import group_manifests, worker_variables
from automl_core.spec.kubernetes import KubernetesTask

DNS = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


def attempt(**fields: Any) -> AttemptId:
    given = {
        "place": "s3://b/x/r",
        "experiment": "digits",
        "run": "r",
        "trial": 3,
        "slot": 4,
        "task": "train",
        "attempt": 1,
    }
    return AttemptId(**{**given, **fields})


def context(**params: Any) -> TrialContext:
    return TrialContext("digits", "r", 3, 1, params or {"lr": 0.1}, "/mnt/runs/c", "/mnt/runs/m")


def pod(order: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    task = KubernetesTask.model_validate({"backend": "kubernetes", "image": "python:3.11", **fields})
    return pod_manifest(PodOrder(task, context(), attempt(), **(order or {})))


@given(st.text(max_size=150), st.text(max_size=300), st.text(max_size=130), st.integers(0, 10**6), st.integers(1, 99))
def test_names_and_labels_are_admitted_whatever_things_are_called(
    name: str, run: str, task: str, trial: int, number: int
) -> None:
    found = attempt(experiment=name, run=run, task=task, trial=trial, attempt=number)
    assert DNS.fullmatch(found.name)
    assert len(found.name) <= 52
    assert re.search(r"-[0-9a-f]{10}$", found.name), "what tells attempts apart is never cut"
    assert all(LABEL.fullmatch(value) and len(value) <= 63 for value in found.labels.values())
    assert found.annotations["automl/experiment"] == name


def test_a_name_that_begins_with_a_digit_keeps_its_digest_whole() -> None:
    names = [attempt(experiment="2026-image-classification", task="distributed", slot=n).name for n in range(2)]
    assert all(re.fullmatch(r"automl-2026-image-.*t3-a1-[0-9a-f]{10}", name) and len(name) <= 52 for name in names)


def test_names_differ_by_all_that_makes_an_attempt_and_by_nothing_else() -> None:
    assert attempt().name == attempt().name
    others = [{"place": "s3://c"}, {"run": "s"}, {"slot": 5}, {"task": "t"}, {"attempt": 2}]
    assert len({attempt().name, *(attempt(**other).name for other in others)}) == 6
    assert attempt().owns(attempt().labels)
    assert not attempt().owns(attempt(attempt=2).labels)
    assert not attempt().owns(None)


@given(st.text(max_size=100), st.text(max_size=100))
def test_labels_of_different_texts_differ(one: str, other: str) -> None:
    assert (label_value(one) == label_value(other)) == (one == other)


def test_pods_are_restricted_unless_the_file_says_otherwise() -> None:
    spec = pod()["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    (container,) = spec["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert spec["restartPolicy"] == "Never"
    free = pod(security={"run_as_root": True, "service_account_token": True, "add_capabilities": ["SYS_PTRACE"]})[
        "spec"
    ]
    assert free["automountServiceAccountToken"] is True
    assert free["securityContext"]["runAsNonRoot"] is False
    assert free["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["SYS_PTRACE"]}


def test_every_field_reaches_the_pod() -> None:
    found = pod(
        {"memory": 2.0**30, "timeout": 60.0},
        command=["train", "--lr", "${lr}"],
        env={"SEED": "${trial_id}"},
        secrets=[{"env": "KEY", "secret": "s", "key": "k"}],
        resources={"cpu": 2, "memory": "1Gi", "gpu": {"count": 2, "type": "A100"}, "cpu_limit": 4},
        volumes=[{"mount": "/data", "claim": "data", "read_only": True}, {"mount": "/tmp/x", "empty_dir": "1Gi"}],
        storage_mount={"path": "/mnt/runs", "claim": "runs"},
        namespace="ml",
        service_account="trainer",
        node_selector={"zone": "a"},
        tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "seconds": 30}],
        priority_class="low",
        image_pull_secrets=["registry"],
        image_pull_policy="IfNotPresent",
        grace=7,
    )
    assert found["metadata"]["namespace"] == "ml"
    spec = found["spec"]
    assert spec["nodeSelector"] == {"zone": "a", "nvidia.com/gpu.product": "A100"}
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}]
    assert (spec["serviceAccountName"], spec["priorityClassName"]) == ("trainer", "low")
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["terminationGracePeriodSeconds"] == 7
    assert spec["activeDeadlineSeconds"] == 6 * 3600 + 60, "the last resort, long after the time limit"
    (container,) = spec["containers"]
    assert container["command"] == ["train", "--lr", "0.1"]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["resources"] == {
        "requests": {"cpu": "2", "memory": "1Gi", "nvidia.com/gpu": "2"},
        "limits": {"cpu": "4", "memory": "1Gi", "nvidia.com/gpu": "2"},
    }
    variables = {each["name"]: each for each in container["env"]}
    assert variables["SEED"]["value"] == "3"
    assert variables["KEY"] == {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    assert variables["AUTOML_MODEL_DIR"]["value"] == "/mnt/runs/m"
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert set(mounts) == {"/mnt/runs", "/data", "/tmp/x"}
    assert mounts["/data"]["readOnly"] is True
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes[mounts["/mnt/runs"]["name"]]["persistentVolumeClaim"] == {"claimName": "runs"}
    assert volumes[mounts["/tmp/x"]["name"]]["emptyDir"] == {"sizeLimit": "1Gi"}


def test_more_memory_is_asked_for_in_place_of_the_files() -> None:
    found = pod({"memory": 1.5 * 2**30}, resources={"memory": "1Gi"})
    assert found["spec"]["containers"][0]["resources"]["limits"]["memory"] == "1536Mi"


def test_a_template_is_kept_where_the_fields_say_nothing() -> None:
    template = {
        "metadata": {"labels": {"team": "a"}, "annotations": {"trial": "${trial_id}"}},
        "spec": {
            "securityContext": {"runAsNonRoot": False},
            "containers": [
                {
                    "name": "main",
                    "image": "mine:1",
                    "env": [{"name": "A", "value": "1"}],
                    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                },
                {"name": "side", "image": "side:1"},
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "hostIPC": True,
        },
    }
    found = pod({"template": template}, image=None, pod_template=template, volumes=[{"mount": "/w", "empty_dir": True}])
    assert found["metadata"]["labels"]["team"] == "a"
    assert found["metadata"]["annotations"]["trial"] == "3"
    assert found["spec"]["hostIPC"] is True
    assert found["spec"]["securityContext"]["runAsNonRoot"] is False
    first, second = found["spec"]["containers"]
    assert (first["name"], first["image"], second["name"]) == ("base", "mine:1", "side")
    assert {"name": "A", "value": "1"} in first["env"]
    assert [mount["mountPath"] for mount in first["volumeMounts"]] == ["/v", "/w"]
    assert template["spec"]["containers"][0]["name"] == "main", "the file's template itself is not changed"


@given(st.text(alphabet="$()aA_ {}", max_size=30))
def test_values_are_taken_as_they_are_by_a_kubelet(text: str) -> None:
    assert expanded(literal(text), {"A": "secret", "a": "secret"}) == text


def expanded(text: str, names: dict[str, str]) -> str:
    """What a kubelet makes of a text: third_party/forked/golang/expansion of Kubernetes, told in words."""
    out, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out, at = out + text[at], at + 1
        elif text[at + 1] == "$":
            out, at = out + "$", at + 2
        elif text[at + 1] == "(" and ")" in text[at:]:
            name = text[at + 2 : text.index(")", at)]
            out, at = out + names.get(name, f"$({name})"), text.index(")", at) + 1
        else:
            out, at = out + text[at : at + 2], at + 2
    return out


def test_several_workers_find_one_another() -> None:
    one = pod({"environment": worker_variables(attempt(), 3, 29500), "timeout": 60.0})
    service, job = group_manifests(one, 3, 29500)
    name = attempt().name
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {NAME_LABEL: name}
    spec = job["spec"]
    assert (spec["completions"], spec["parallelism"], spec["completionMode"], spec["backoffLimit"]) == (
        3,
        3,
        "Indexed",
        0,
    )
    assert "activeDeadlineSeconds" not in spec, "a Job's runs while its pods wait for a node"
    template = spec["template"]
    assert template["spec"]["activeDeadlineSeconds"] == 6 * 3600 + 60
    assert template["spec"]["subdomain"] == name
    assert template["metadata"]["labels"][JOURNAL_LABEL]
    variables = {each["name"]: each for each in template["spec"]["containers"][0]["env"]}
    assert variables["MASTER_ADDR"]["value"] == f"{name}-0.{name}"
    assert variables["WORLD_SIZE"]["value"] == "3"
    path = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert variables["RANK"]["valueFrom"]["fieldRef"]["fieldPath"] == path
    assert variables["AUTOML_HOSTS"]["value"].count(",") == 2


def test_other_containers_of_a_template_are_restricted_too_unless_they_say_otherwise() -> None:
    stated = {"name": "c", "securityContext": {"capabilities": {"add": ["CHOWN"]}}}
    template = {"spec": {"containers": [{"name": "x"}, {"name": "b"}, stated], "initContainers": [{"name": "i"}]}}
    spec = pod(order={"template": template}, pod_template=template)["spec"]
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    contexts = [each["securityContext"] for each in [*spec["initContainers"], *spec["containers"]]]
    assert contexts == [restricted, restricted, restricted, stated["securityContext"]]


def test_a_privileged_container_of_a_template_can_be_admitted() -> None:
    template = {"spec": {"containers": [{"name": "x", "securityContext": {"privileged": True}}]}}
    (container,) = pod(order={"template": template}, pod_template=template)["spec"]["containers"]
    assert "allowPrivilegeEscalation" not in container["securityContext"], "the API server refuses both together"


def test_files_travel_as_one_config_map_called_by_their_content(tmp_path: Any) -> None:
    (tmp_path / "a.py").write_text("print(1)")
    (tmp_path / "b.py").write_text("print(2)")
    task = KubernetesTask.model_validate(
        {"backend": "kubernetes", "image": "a", "files": {"/code/a.py": "a.py", "/code/lib/b.py": "b.py"}}
    )
    found = config_map(task, attempt(), tmp_path)
    assert found["data"] == {"file-0": "print(1)", "file-1": "print(2)"}
    assert found == config_map(task, attempt(attempt=2, trial=9, slot=9), tmp_path)
    mounted = pod_manifest(PodOrder(task, context(), attempt(), files=found["metadata"]["name"]))["spec"]
    assert [mount["mountPath"] for mount in mounted["containers"][0]["volumeMounts"]] == ["/code", "/code/lib"]
    assert mounted["volumes"][1]["configMap"]["items"] == [{"key": "file-1", "path": "b.py"}]
    (tmp_path / "b.py").write_text("print(3)")
    assert config_map(task, attempt(), tmp_path)["metadata"]["name"] != found["metadata"]["name"]
    (tmp_path / "b.py").write_text("x" * MAX_BYTES)
    with pytest.raises(StartError, match="build an image"):
        config_map(task, attempt(), tmp_path)
    (tmp_path / "b.py").unlink()
    with pytest.raises(StartError, match=r"files\./code/lib/b.py: .*b.py can't be read"):
        config_map(task, attempt(), tmp_path)


def test_a_template_may_be_a_file(tmp_path: Any) -> None:
    def read(text: str) -> dict[str, Any]:
        (tmp_path / "pod.yaml").write_text(text)
        task = KubernetesTask.model_validate({"backend": "kubernetes", "pod_template": "pod.yaml"})
        return read_template(task, tmp_path)

    assert read("kind: Pod\nspec: {hostIPC: true}") == {"kind": "Pod", "spec": {"hostIPC": True}}
    for wrong in ("kind: Deployment", "[1]", "{"):
        with pytest.raises(StartError, match="pod_template"):
            read(wrong)


def test_code_and_template_may_come_from_the_bundle_of_the_file(tmp_path: Any) -> None:
    for folder in ("home", "version-1", "version-2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.py").write_text(f"print('{folder}')")
        (tmp_path / folder / "pod.yaml").write_text(f"kind: Pod\nspec: {{hostname: {folder}}}")
    place = "${bundle_dir}"
    task = KubernetesTask.model_validate(
        {"backend": "kubernetes", "files": {"/code/train.py": f"{place}/train.py"}, "pod_template": f"{place}/pod.yaml"}
    )
    names = set()
    for version in ("version-1", "version-2"):
        found = config_map(task, attempt(), tmp_path / "home", tmp_path / version)
        assert found["data"] == {"file-0": f"print('{version}')"}
        names.add(found["metadata"]["name"])
        assert read_template(task, tmp_path / "home", tmp_path / version)["spec"] == {"hostname": version}
    assert len(names) == 2, "a run of each version mounts its own"


def test_a_templates_own_deadline_holds_where_it_is_the_shorter_one() -> None:
    for stated, holds in ((100, 100), (10**6, 6 * 3600 + 60)):
        made = pod({"timeout": 60.0, "template": {"spec": {"activeDeadlineSeconds": stated}}})
        assert made["spec"]["activeDeadlineSeconds"] == holds
    assert pod({"template": {"spec": {"activeDeadlineSeconds": 100}}})["spec"]["activeDeadlineSeconds"] == 100
