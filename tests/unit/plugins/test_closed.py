"""A closed deployment: an import error of one experiment alone, and the word of the worker that begins it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow import closed, session
from automl_airflow.importer import ExperimentImporter
from automl_airflow.maxcompute.connection import access_of
from automl_core.backends.base import BackendError
from automl_core.storage.base import StorageError
from automl_core.study import Study
from tests.unit.plugins.files import body, write
from tests.unit.plugins.test_operators import RUN, World, prints

IMAGE = "registry.example.com/ml/train:3"


def close(patch: pytest.MonkeyPatch, stores: str, **more: str) -> None:
    lists = {
        "closed": "True", "closed_stores": stores, "closed_images": "registry.example.com/ml/",
        "closed_data": "s3://lake/data, odps://sales", "closed_network": "10.2.0.0/16:443",
        "closed_reachable": "10.2.0.1:443", "closed_forbidden": "198.51.100.7:443", **more,
    }  # fmt: skip
    for option, value in lists.items():
        patch.setenv(f"AIRFLOW__AUTOML__{option.upper()}", value)


def pods(folder: Path, image: str = IMAGE, **fields: Any) -> list[dict[str, Any]]:
    mount = {"path": "/mnt", "host_path": f"{folder}/runs"}
    return [{"backend": "kubernetes", "image": image, "command": "x", "storage_mount": mount, **fields}]


def study_of(world: World) -> Study:
    _, journal = session.open_journal(world.where["storage"], None, "first", RUN)
    return Study.load(journal)


def test_a_refused_file_is_its_own_import_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, f"file://{tmp_path}/runs")
    folder, output = tmp_path / "experiments", {"storage": f"file://{tmp_path}/runs"}
    bad = write(folder, "bad.yaml", body(name="bad", output=output, tasks=pods(tmp_path, "evil.org/x")))
    good = write(folder, "good.yaml", body(name="good", output=output, tasks=pods(tmp_path)))
    refused = ExperimentImporter().import_file(bad, bundle_path=tmp_path)
    assert not refused.dags
    line = 1 + next(i for i, each in enumerate(bad.read_text().splitlines()) if "evil.org/x" in each)
    assert refused.errors[0].message == (
        f"{bad}:{line}: tasks[0].image: the image 'evil.org/x', which is evil.org/x:latest, is not on this "
        "deployment's list. Allowed: registry.example.com/ml/."
    )
    fine = ExperimentImporter().import_file(good, bundle_path=tmp_path)
    assert not fine.errors
    assert len(fine.dags) == 1


def test_the_worker_has_the_last_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was let in before the deployment was closed, or that an importer elsewhere has let in."""
    world = World(tmp_path, tasks=prints("accuracy=${x}"))
    close(monkeypatch, f"file://{tmp_path}/runs")
    with pytest.raises(AirflowFailException, match=r"first\.yaml:\d+: tasks\[0\]\.backend: a local training"):
        world.propose()
    assert not list((tmp_path / "runs").rglob("journal"))


def test_a_link_that_leads_out_of_the_allowed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed" / "runs").symlink_to(tmp_path / "elsewhere")
    close(monkeypatch, f"file://{tmp_path}/allowed")
    storage = f"file://{tmp_path}/allowed/runs"
    with pytest.raises(StorageError, match="is not on the list"):
        session.open_experiment_store(storage, None)
    (tmp_path / "allowed" / "real").mkdir()
    session.open_experiment_store(f"file://{tmp_path}/allowed/real", None)


def test_a_run_that_began_open_goes_on_under_the_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, tasks=prints("accuracy=${x}"))
    world.propose()
    close(monkeypatch, "s3://lake")
    with pytest.raises(StorageError, match="is not on the list"):
        world.trial(0)


def test_the_journal_says_that_a_run_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.kubernetes import fences

    fenced = []
    monkeypatch.setattr(fences, "fence_run", lambda study, log: fenced.append(study.state.name))
    output = {"storage": f"file://{tmp_path}/runs"}
    world = World(tmp_path, output=output, tasks=pods(tmp_path))
    close(monkeypatch, f"file://{tmp_path}/runs")
    world.propose()
    assert fenced == ["first"]
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED", "False")
    assert study_of(world).experiment.closed
    assert closed.is_closed(study_of(world).experiment)


def test_a_policy_that_does_not_hold_ends_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.kubernetes import fences

    def broken(*_: Any) -> None:
        raise fences.NotFenced("closed environment: it reaches 198.51.100.7 443")

    monkeypatch.setattr(fences, "fence_run", broken)
    world = World(tmp_path, output={"storage": f"file://{tmp_path}/runs"}, tasks=pods(tmp_path))
    close(monkeypatch, f"file://{tmp_path}/runs")
    with pytest.raises(AirflowFailException, match=r"198\.51\.100\.7"):
        world.propose()
    stop = study_of(world).state.stop
    assert stop is not None
    assert (stop.kind, stop.state) == ("closed", "FAILED")
    assert "198.51.100.7" in stop.reason


def test_a_cluster_that_takes_no_probe_for_now_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowRescheduleException

    from automl_airflow.kubernetes import fences
    from automl_core.backends.remote import NotYet

    def full(*_: Any) -> None:
        raise NotYet("exceeded quota")

    monkeypatch.setattr(fences, "fence_run", full)
    world = World(tmp_path, output={"storage": f"file://{tmp_path}/runs"}, tasks=pods(tmp_path))
    close(monkeypatch, f"file://{tmp_path}/runs")
    with pytest.raises(AirflowRescheduleException):
        world.propose()
    assert study_of(world).state.stop is None
    monkeypatch.setattr(fences, "fence_run", lambda *_: None)
    assert len(world.propose()) == 6


def connection(patch: pytest.MonkeyPatch, name: str, kind: str = "aws", **fields: Any) -> None:
    patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps({"conn_type": kind, **fields}))


def test_a_connection_to_another_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, "s3://lake/models at https://minio.example.com:9000")
    keys = {"login": "AKIA", "password": "s3cr3t"}
    connection(monkeypatch, "good", **keys, extra={"endpoint_url": "https://MINIO.example.com:9000/"})
    connection(monkeypatch, "bad", **keys, extra={"endpoint_url": "https://evil.org"})
    connection(monkeypatch, "cloud", **keys, extra={"region_name": "eu-central-1"})
    session.open_experiment_store("s3://lake/models", "good")
    for name in ("bad", "cloud"):
        with pytest.raises(StorageError, match="has it at another server") as caught:
            session.open_experiment_store("s3://lake/models", name)
        assert "s3cr3t" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://evil.org")  # what the connection leaves out
    with pytest.raises(StorageError, match=r"is at https://evil\.org:443"):
        session.open_experiment_store("s3://lake/models", "cloud")


def test_the_clouds_own_server_is_meant_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, "s3://lake/models")
    keys = {"login": "AKIA", "password": "x"}
    connection(monkeypatch, "cloud", **keys, extra={"region_name": "eu-central-1"})
    connection(monkeypatch, "other", **keys, extra={"endpoint_url": "https://minio.example.com:9000"})
    session.open_experiment_store("s3://lake/models", "cloud")
    with pytest.raises(StorageError, match="at another server"):
        session.open_experiment_store("s3://lake/models", "other")


def test_an_open_deployment_looks_at_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    close(monkeypatch, "s3://lake", closed="False")
    session.open_experiment_store(f"file://{tmp_path}", None)
    assert not closed.is_closed(None)


def odps(patch: pytest.MonkeyPatch, name: str, **extra: Any) -> None:
    given = {"project": "sales", "endpoint": "https://service.cn-hangzhou.maxcompute.aliyun.com/api", **extra}
    connection(patch, name, "odps", login="id", password="s3cr3t", extra=given)


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({}, ""),
        ({"tunnel_endpoint": "https://dt.cn-hangzhou.maxcompute.aliyun.com"}, ""),
        ({"project": "hr"}, "the project hr is not on the list"),
        ({"endpoint": "https://evil.org/api"}, r"is at https://evil\.org:443"),
        ({"tunnel_endpoint": "https://evil.org"}, "the tunnel of the project sales"),
    ],
)
def test_a_projects_connection_leads_where_the_list_says(
    extra: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(monkeypatch, "s3://lake")
    odps(monkeypatch, "mc", **extra)
    if not said:
        assert access_of("mc").project == "sales"
        return
    with pytest.raises(BackendError, match=said) as caught:
        access_of("mc")
    assert "s3cr3t" not in str(caught.value)


def test_a_closed_file_in_an_open_deployment_is_held_to_its_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close(monkeypatch, f"file://{tmp_path}/runs", closed="")
    odps(monkeypatch, "maxcompute_default", project="hr")
    output = {"storage": f"file://{tmp_path}/runs"}
    sql = [{"backend": "maxcompute", "sql": "select 1 as accuracy"}]
    world = World(tmp_path, closed=True, output=output, tasks=sql)
    with pytest.raises(AirflowFailException, match="the project hr is not on the list"):
        world.propose()
    odps(monkeypatch, "maxcompute_default")
    assert len(world.propose()) == 6
    assert study_of(world).experiment.closed


def test_buckets_of_data_may_be_opened_and_hold_no_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, "s3://lake/models at https://minio.example.com:9000",
          closed_data="s3://lake/data at https://minio.example.com:9000, s3://other/data")  # fmt: skip
    keys = {"login": "AKIA", "password": "x"}
    connection(monkeypatch, "good", **keys, extra={"endpoint_url": "https://minio.example.com:9000"})
    session.open_experiment_store("s3://lake", "good")  # whose paths were looked at before
    session.open_experiment_store("s3://lake/data/x", "good")
    with pytest.raises(StorageError):
        session.open_experiment_store("s3://other/data", "good")  # at another server
    with pytest.raises(StorageError):
        session.open_experiment_store("s3://lake-public", "good")
    with pytest.raises(StorageError, match="is not on the list"):
        closed.check_store_place("s3://lake/data", None, closed.policy())
