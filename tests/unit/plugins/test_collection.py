"""All experiments from one Python DAG file, where Airflow doesn't read experiment files by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.dag_processing.importers import get_importer_registry

from automl_airflow import collection
from automl_airflow.collection import BrokenExperiments, experiment_dags
from automl_airflow.importer import ExperimentImporter
from tests.unit.plugins.files import body, write


class Parsing:
    """What Airflow says of the parse that is going on."""

    def __init__(self, dag_id: str | None = None) -> None:
        self.dag_id = dag_id


@pytest.fixture(autouse=True)
def no_importer() -> Iterator[None]:
    registry = get_importer_registry()
    registry.reset()
    yield
    registry.reset()


def test_every_file_is_a_dag(tmp_path: Path) -> None:
    write(tmp_path, "one.yaml", body(name="one"))
    write(tmp_path, "team/two.yml", body(name="two"))
    write(tmp_path, ".hidden.yaml", body(name="hidden"))
    write(tmp_path, "_shared.yaml", "a: 1")
    assert [dag.dag_id for dag in experiment_dags(tmp_path)] == ["one", "two"]


def test_bad_files_are_one_import_error_and_their_neighbours_load(tmp_path: Path) -> None:
    write(tmp_path, "bad.yaml", body(name="bad", space={}))
    write(tmp_path, "good.yaml", body(name="good"))
    write(tmp_path, "worse.yaml", "name: [")
    first, broken = list(experiment_dags(tmp_path))
    assert first.dag_id == "good"
    assert isinstance(broken, BrokenExperiments)
    with pytest.raises(ValueError, match=r"(?s)bad\.yaml.*worse\.yaml"):
        broken.validate()


def test_a_tasks_process_reads_its_own_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        write(tmp_path, f"{name}.yaml", body(name=name))
    write(tmp_path, "bad.yaml", body(name="bad", space={}))
    built: list[str] = []

    def build(path: Path, bundle: Path) -> tuple[list[object], list[object]]:
        built.append(path.name)
        return [path], []

    monkeypatch.setattr(collection, "build_all", build)
    monkeypatch.setattr(collection, "get_parsing_context", lambda: Parsing("two"))
    assert len(list(experiment_dags(tmp_path))) == 1
    assert built == ["two.yaml"]


@pytest.mark.parametrize("line", ['name: "two"', "name: 'two'", "name:   two   # the second"])
def test_its_file_is_found_however_the_name_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    path = write(tmp_path, "one.yaml", body(name="one"))
    path.write_text(path.read_text().replace("name: first", line).replace("name: one", line))
    monkeypatch.setattr(collection, "get_parsing_context", lambda: Parsing("two"))
    assert [dag.dag_id for dag in experiment_dags(tmp_path)] == ["two"]


def test_nothing_is_left_to_do_where_airflow_reads_experiment_files(tmp_path: Path) -> None:
    write(tmp_path, "one.yaml", body(name="one"))
    get_importer_registry().register(ExperimentImporter())
    assert list(experiment_dags(tmp_path)) == []
