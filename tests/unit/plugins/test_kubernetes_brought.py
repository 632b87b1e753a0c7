"""Spec files and code that goes along in pods, on the stand-in: its pods are processes, and unpack it for real."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from airflow.triggers.base import TaskSuccessEvent

from automl_airflow.kubernetes.launching import Launch
from automl_airflow.kubernetes.sweep import sweep
from automl_core.backends import StartError
from automl_core.backends.kubernetes import bringing
from automl_core.backends.kubernetes.workers import group_manifests
from automl_core.code import with_code
from automl_core.running import code_in_pod
from automl_core.spec.loader import parse_experiment
from automl_core.storage import Credentials, open_store
from automl_core.study import Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from tests.contract.object_servers import MotoServer
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched
from tests.unit.plugins.kubernetes_trials import RUN, Setting, context, prepare, run

TRAIN = "pwd; ls; ls $AUTOML_CODE_DIR/pkg; cat ${spec_file}; echo more > written; echo accuracy=0.5 step=1"
SPEC = {"format": "yaml", "base": {"optim": {"name": "1e3"}}}


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture(scope="module")
def moto_server() -> Iterator[MotoServer]:
    with MotoServer() as server:
        yield server


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setenv("AUTOML_CODE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "src" / "pkg").mkdir(parents=True)
    (tmp_path / "src" / "pkg" / "model.py").write_text("x = 1\n")
    (tmp_path / "src" / "train.sh").write_text("echo hello\n")
    return prepare(tmp_path, standin, monkeypatch)


def create(setting: Setting, name: str, store: Any, **fields: Any) -> None:
    """An experiment with code and a spec file, whose pods find the store as `fields` say."""
    setting.name = name
    task = {"name": "train", "backend": "kubernetes", "image": "python:3.11", "grace": 1, "poll": 0.3, "cwd": "code"}
    body = {
        "name": name,
        "output": {"storage": store.url},
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random"},
        "space": {"optim.lr": {"type": "fixed", "value": 1e-5}, "x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": 4, "concurrency": 2, "canary": False},
        "code": "src",
        "spec_file": SPEC,
        "tasks": [{**task, "command": TRAIN, **fields}],
    }
    experiment, _ = with_code(parse_experiment(json.dumps(body), "x.yaml"), setting.folder / "e.yaml", store)
    setting.journal = StudyJournal(store, experiment_prefix(name, RUN))
    setting.study = Study.create(setting.journal, experiment, RUN, [])


def bucket(server: MotoServer, name: str) -> Any:
    client = boto3.client(
        "s3", endpoint_url=server.endpoint, region_name="us-east-1",
        aws_access_key_id="key", aws_secret_access_key="secret",
    )  # fmt: skip
    client.create_bucket(Bucket=name)
    return open_store(f"s3://{name}/models", Credentials("key", "secret", None, server.endpoint, "us-east-1"))


def output(setting: Setting, job: dict[str, Any]) -> list[str]:
    """What a pod has printed when it has ended."""
    until = time.monotonic() + stretched(30)
    while (phase := setting.core.read_namespaced_pod(job["name"], "default").status.phase) not in (
        "Succeeded",
        "Failed",
    ):
        assert time.monotonic() < until, phase
        time.sleep(0.1)
    lines = printed(setting, job["name"])
    assert phase == "Succeeded", lines
    return lines


def printed(setting: Setting, pod: str) -> list[str]:
    answer = setting.core.read_namespaced_pod_log(pod, "default", container="base", _preload_content=False)
    text: str = answer.data.decode()
    return text.splitlines()


def maps(setting: Setting) -> list[Any]:
    found = setting.core.list_namespaced_config_map("default").items
    return [each for each in found if each.metadata.name.startswith("automl-")]


def check(lines: list[str]) -> dict[str, Any]:
    """That a training saw the code and its spec file. Returns the latter."""
    assert lines[1:4] == ["pkg", "train.sh", "model.py"]
    assert lines[-1] == "accuracy=0.5 step=1"
    body = yaml.safe_load("\n".join(lines[4:-1]))
    assert body["optim"] == {"name": "1e3", "lr": 1e-5}
    found: dict[str, Any] = body
    return found


def test_where_the_storage_is_mounted_its_archive_is_unpacked_from_there(setting: Setting) -> None:
    (setting.folder / "runs").mkdir()
    store = open_store(str(setting.folder / "runs"))
    create(setting, "mounted", store, storage_mount={"path": "/mnt/runs", "host_path": "./runs"})
    (setting.folder / "src" / "train.sh").write_text("edited while the run is on")
    for slot in range(2):  # what the one has written there the other doesn't see
        binding = setting.bind(slot)
        event = run(setting.trigger(binding, setting.launch(binding)))
        assert isinstance(event, TaskSuccessEvent)
        log = store.get(f"{setting.journal.prefix}experiment_{slot}/log.txt").decode().splitlines()
        body = check(log)
        assert body["automl"]["model_dir"].endswith(f"/scratch/slot_{slot}_0_1/model")
        kept = store.get(f"{setting.journal.prefix}experiment_{slot}/spec.yaml").decode()
        assert yaml.safe_load(kept)["automl"]["model_dir"].startswith("/mnt/runs/mounted/")
    assert maps(setting) == []


def test_without_a_mount_it_travels_as_a_config_map_that_all_trials_share(
    setting: Setting, moto_server: MotoServer
) -> None:
    create(setting, "carried", bucket(moto_server, "carried"))
    jobs = [setting.launch(setting.bind(slot)) for slot in range(2)]
    for job in jobs:
        body = check(output(setting, job))
        assert body["automl"]["model_dir"].startswith("s3://carried/models/carried/")
    (shared,) = maps(setting)
    assert {owner.name for owner in shared.metadata.owner_references} == {job["name"] for job in jobs}
    assert not [key for key in shared.metadata.annotations or {} if "spec" in key]
    sweep(context(), setting.study)
    assert maps(setting) == []


def test_several_workers_all_have_both(setting: Setting, moto_server: MotoServer) -> None:
    create(setting, "group", bucket(moto_server, "group"), workers=2)
    job = setting.launch(setting.bind())
    until = time.monotonic() + stretched(30)
    while (setting.batch.read_namespaced_job(job["name"], "default").status.succeeded or 0) < 2:
        assert time.monotonic() < until
        time.sleep(0.1)
    for pod in setting.core.list_namespaced_pod("default", label_selector="automl/experiment=group").items:
        check(printed(setting, pod.metadata.name))
    sweep(context(), setting.study)


def test_a_large_one_is_fetched_from_the_bucket_by_an_image_of_this_product(
    setting: Setting, moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (setting.folder / "src" / "table.bin").write_bytes(random.Random(1).randbytes(bringing.MOST_CODE_BYTES))
    store = bucket(moto_server, "large")
    create(setting, "large", store)
    with pytest.raises(StartError, match=r"code: packed it has 900,\d+ bytes, of which a cluster carries 900,000"):
        setting.launch(setting.bind())
    env = {"AWS_ENDPOINT_URL": moto_server.endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key",
           "AWS_SECRET_ACCESS_KEY": "secret"}  # fmt: skip
    create(setting, "large2", store, artifacts={"image": "automl:1", "env": env}, command="ls; echo accuracy=1 step=1")
    binding = setting.bind()
    pod = Launch(setting.operator(), setting.study, store, binding)._manifest([], None)
    helper = next(each for each in pod["spec"]["initContainers"] if each["name"] == bringing.CONTAINER)
    assert helper["image"] == "automl:1"
    assert helper["command"][-1].startswith(f"python -m {code_in_pod.__name__}")
    for each in helper["env"]:
        monkeypatch.setenv(each["name"], each["value"].replace(bringing.CODE_FOLDER, str(setting.folder / "unpacked")))
    assert code_in_pod.main() == 0
    assert sorted(path.name for path in (setting.folder / "unpacked").iterdir()) == ["pkg", "table.bin", "train.sh"]
    store.delete_prefix("_code/")
    for kept in (setting.folder / "cache").rglob("*.tar.gz"):
        kept.unlink()
    assert code_in_pod.main() == 1


def test_a_spec_file_that_a_pod_cannot_carry_is_refused(setting: Setting, moto_server: MotoServer) -> None:
    create(setting, "long", bucket(moto_server, "long"))
    spec = setting.study.experiment.spec_file
    assert spec is not None
    spec.base["text"] = "x" * bringing.MOST_SPEC_BYTES  # type: ignore[index,call-overload]
    with pytest.raises(StartError, match=r"spec_file: it has 200,\d+ bytes, and a pod carries 200,000 at most"):
        setting.launch(setting.bind())


def test_an_experiment_without_them_has_the_pod_that_it_had(setting: Setting) -> None:
    setting.create("true", "plain")
    pod = Launch(setting.operator(), setting.study, setting.journal.store, setting.bind())._manifest([], None)
    assert "initContainers" not in pod["spec"]
    assert "workingDir" not in pod["spec"]["containers"][0]
    assert not [each for each in json.dumps(pod).split('"') if each.startswith("/automl") or "spec-file" in each]


def test_the_job_of_several_workers_does_not_repeat_the_spec_file() -> None:
    pod = {"metadata": {"name": "p", "annotations": {bringing.SPEC_ANNOTATION: "a: 1", "b": "c"}}, "spec": {}}
    service, job = group_manifests(pod, 2, 29500)
    assert service["metadata"]["annotations"] == job["metadata"]["annotations"] == {"b": "c"}
    assert job["spec"]["template"]["metadata"]["annotations"] == pod["metadata"]["annotations"]
