"""Data sets as assets of Airflow: seen as inlets, and never in the way of anybody's DAG."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset

from automl_airflow import assets
from automl_airflow.factory import build_dag
from tests.unit.plugins.files import body, round_trip, write


def dag_of(folder: Path, **groups: Any) -> Any:
    return build_dag(write(folder, "first.yaml", body(**groups)))


def uris(found: Any) -> list[str]:
    return [asset.uri for asset in found]


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_HOME", "/home/automl")


@pytest.mark.parametrize(
    ("place", "uri"),
    [
        ("s3://lake/churn/a.parquet", "s3://lake/churn/a.parquet?automl=first.train"),
        ("s3://lake/churn/", "s3://lake/churn?automl=first.train"),
        ("s3://lake/churn/${ds}/a.csv", "s3://lake/churn?automl=first.train"),
        ("s3://lake/churn/day-${ds}.csv", "s3://lake/churn?automl=first.train"),
        ("s3://lake/churn/*/a.csv", "s3://lake/churn?automl=first.train"),
        ("odps://p/tables/t/ds=${ds_nodash}", "odps://p/tables/t?automl=first.train"),
        ("oss://lake/ä b.csv", "oss://lake/%C3%A4%20b.csv?automl=first.train"),
        ("data/train.csv", "file:///home/automl/data/train.csv?automl=first.train"),
        ("*.csv", "file:///home/automl?automl=first.train"),
        ("${bundle_dir}/x.csv", "file:///home/automl?automl=first.train"),
        ("file:///data/x.csv", "file:///data/x.csv?automl=first.train"),
    ],
)
def test_a_place_as_an_asset(tmp_path: Path, place: str, uri: str) -> None:
    dag = dag_of(tmp_path, data={"train": place})
    assert uris(dag.get_task("propose").inlets) == [uri]
    assert dag.get_task("propose").inlets[0].name == uri, "a place that is edited is another asset"
    assert uri.isascii()


def test_who_reads_and_who_makes(tmp_path: Path) -> None:
    prepare = [{"name": "a", "command": "true"}, {"name": "b", "command": "true"}]
    dag = round_trip(dag_of(tmp_path, data={"train": "s3://lake/a.csv", "valid": "s3://lake/b.csv"}, prepare=prepare))
    both = ["s3://lake/a.csv?automl=first.train", "s3://lake/b.csv?automl=first.valid"]
    assert uris(dag.get_task("propose").inlets) == both
    assert uris(dag.get_task("prepare.a").inlets) == both
    assert uris(dag.get_task("reduce").outlets) == ["file:///home/automl/runs/first?automl=first"]
    assert not dag.get_task("trial").partial_kwargs.get("inlets"), "a request of each trial would be the price"


@pytest.mark.parametrize(
    "backend",
    [{}, {"backend": "kubernetes", "image": "any:1", "storage_mount": {"path": "/mnt/runs", "claim": "a"}}],
    ids=["local", "kubernetes"],
)
def test_a_task_has_its_assets_when_it_works_and_not_while_airflow_begins_it(
    tmp_path: Path, backend: dict[str, Any]
) -> None:
    """Airflow asks the stored DAG for inactive ones, which may be older than the file: it asks only who has any."""
    task = {"name": "a", "command": "true", **backend}
    dag = dag_of(tmp_path, data={"train": "s3://lake/a.csv"}, prepare=[task])
    for name in ("propose", "prepare", "reduce"):
        given = dag.get_task(name)
        had = uris([*given.inlets, *given.outlets])
        assert len(had) == 1, name
        works = given.prepare_for_execution()
        for _ in range(2):  # as whoever looks at rendered fields does
            works.render_template_fields({"task": works, "run_id": "r"})
        assert not works.inlets, name
        assert not works.outlets, name
        works.pre_execute({})
        assert uris([*works.inlets, *works.outlets]) == had, name
        assert uris([*given.inlets, *given.outlets]) == had, "the DAG's own task is as it was"


def test_an_experiment_without_data_has_its_result_alone(tmp_path: Path) -> None:
    dag = dag_of(tmp_path)
    assert not dag.get_task("propose").inlets
    assert uris(dag.get_task("reduce").outlets) == ["file:///home/automl/runs/first?automl=first"]


@pytest.mark.parametrize(
    ("storage", "uri"),
    [
        ("file://./runs", "file:///home/automl/runs/first?automl=first"),
        ("runs/", "file:///home/automl/runs/first?automl=first"),
        ("file:///home/automl/runs", "file:///home/automl/runs/first?automl=first"),
        ("s3://bucket", "s3://bucket/first?automl=first"),
        ("s3://bucket/some/prefix/", "s3://bucket/some/prefix/first?automl=first"),
    ],
)
def test_a_result_s_asset_is_known_from_its_place_alone(tmp_path: Path, storage: str, uri: str) -> None:
    found = assets.published_asset(storage, "first", Path("/home/automl"))
    assert found is not None
    assert found.uri == uri
    assert uris(dag_of(tmp_path, output={"storage": storage}).get_task("reduce").outlets) == [uri]


def test_a_store_that_is_no_place_of_data_breaks_no_dag(tmp_path: Path) -> None:
    assert assets.published_asset("s3://bucket//odd", "first", Path("/home/automl")) is None
    assert dag_of(tmp_path, output={"storage": "s3://bucket//odd"}).get_task("reduce").outlets == []


def test_what_is_no_asset_breaks_no_dag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(uri: str) -> Asset:
        raise ValueError("not today")

    monkeypatch.setattr(assets, "Asset", refuse)
    dag = dag_of(tmp_path, data={"train": "s3://lake/a.csv"})
    assert dag.get_task("propose").inlets == []
    assert "is no asset: not today" in caplog.text


def test_airflow_renders_a_task_before_it_asks_for_inactive_assets_and_asks_only_who_has_any() -> None:
    import inspect

    from airflow.sdk.execution_time import task_runner

    text = inspect.getsource(task_runner._prepare)
    assert 0 < text.index("render_templates(") < text.index("_validate_task_inlets_and_outlets(")
    instance = SimpleNamespace(task=SimpleNamespace(inlets=[], outlets=[]))
    task_runner._validate_task_inlets_and_outlets(ti=instance, log=None)  # type: ignore[arg-type]  # nobody is asked
