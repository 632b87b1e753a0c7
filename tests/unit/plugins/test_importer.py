"""Experiment files as DAG files: which count, where their errors stand, that Airflow's processor finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.importers import get_importer_registry
from airflow.utils import file as airflow_file

from automl_airflow import compat
from automl_airflow.importer import ExperimentImporter, is_experiment_file
from tests.unit.plugins.files import TWO_TASKS, body, write


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry, and a search for DAG files, that nobody has changed."""
    registry = get_importer_registry()
    monkeypatch.setattr(airflow_file, "list_py_file_paths", _unwrapped(airflow_file.list_py_file_paths))
    registry.reset()
    yield
    registry.reset()


def _unwrapped(function: Any) -> Any:
    while hasattr(function, "__wrapped__") and getattr(function, "lists_experiments", False):
        function = function.__wrapped__
    return function


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/dags/experiments/a.yaml", True),
        ("/dags/experiments/a.yml", True),
        ("/dags/experiments/team/a.yaml", True),
        ("/dags/experiments/A.YAML", True),
        ("/dags/a.yaml", False),
        ("/dags/experiments.yaml", False),
        ("/dags/my-experiments/a.yaml", False),
        ("/dags/experiments/.a.yaml", False),
        ("/dags/experiments/_shared.yaml", False),
        ("/dags/experiments/a.json", False),
        ("/dags/experiments/a.yaml~", False),
    ],
)
def test_yaml_below_a_folder_of_experiments_counts(path: str, counts: bool) -> None:
    assert is_experiment_file(path) is counts
    assert ExperimentImporter().can_handle(path) is counts


def test_folders_around_a_bundle_don_t_count(tmp_path: Path) -> None:
    """A bundle at …/experiments/team-a: its configuration files were import errors, every one."""
    bundle = tmp_path / "experiments" / "team-a"
    config = bundle / "config" / "prod.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("replicas: 3\n")
    path = write(bundle, "first.yaml", body())
    importer = ExperimentImporter()
    assert list(importer.list_dag_files(bundle)) == [str(path)]
    skipped = importer.import_file(config, bundle_path=bundle)
    assert skipped.success
    assert skipped.skipped_files == [str(config)]
    assert [dag.dag_id for dag in importer.import_file(path, bundle_path=bundle).dags] == ["first"]


def test_a_bundle_that_is_a_folder_of_experiments_is_one(tmp_path: Path) -> None:
    path = write(tmp_path, "first.yaml", body())
    importer = ExperimentImporter()
    assert list(importer.list_dag_files(tmp_path / "experiments")) == [str(path)]
    assert importer.import_file(path, bundle_path=tmp_path / "experiments").dags


def test_versions_of_a_bundle_below_such_a_folder_don_t_take_each_other_s_names(tmp_path: Path) -> None:
    bundles = [tmp_path / "experiments" / "versions" / each for each in ("1a2b", "9f8e")]
    for bundle in bundles:
        path = write(bundle, "first.yaml", body())
        assert ExperimentImporter().import_file(path, bundle_path=bundle).success


def test_a_good_file_is_one_dag_that_knows_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, "team/first.yaml", body(tasks=TWO_TASKS))
    result = ExperimentImporter().import_file(path, bundle_path=tmp_path)
    assert result.success
    assert not result.errors
    (dag,) = result.dags
    assert dag.dag_id == "first"
    assert dag.fileloc == str(path)
    assert dag.relative_fileloc == "experiments/team/first.yaml"


def test_a_bad_file_is_an_import_error_of_its_own_in_words(tmp_path: Path) -> None:
    path = write(tmp_path, "bad.yaml", body(trials={"max": "many"}))
    result = ExperimentImporter().import_file(path, bundle_path=tmp_path)
    assert not result.dags
    (error,) = result.errors
    assert error.file_path == "experiments/bad.yaml"
    assert "trials.max" in error.message
    assert error.stacktrace is None, "a mistake in a file is no fault of the program"


def test_a_fault_of_ours_is_an_import_error_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path, bundle: Path) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr("automl_airflow.factory.build", broken)
    result = ExperimentImporter().import_file(write(tmp_path, "a.yaml", body()), bundle_path=tmp_path)
    (error,) = result.errors
    assert error.message == "RuntimeError: out of luck"
    assert "broken" in (error.stacktrace or "")


def test_other_yaml_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("a: 1")
    result = ExperimentImporter().import_file(path, bundle_path=tmp_path)
    assert not result.dags
    assert not result.errors
    assert result.skipped_files == [str(path)]


@pytest.mark.usefixtures("fresh_registry")
def test_the_dag_processors_search_finds_experiment_files_beside_python_ones(tmp_path: Path) -> None:
    python = tmp_path / "other.py"
    python.write_text("from airflow.sdk import DAG\ndag = DAG('other')\n")
    good = write(tmp_path, "first.yaml", body())
    write(tmp_path, ".hidden.yaml", body())
    (tmp_path / "values.yaml").write_text("a: 1")
    assert airflow_file.list_py_file_paths(tmp_path) == [str(python)]
    compat.list_as_dag_files()
    get_importer_registry().register(ExperimentImporter())
    found = airflow_file.list_py_file_paths(tmp_path)
    assert sorted(map(str, found)) == sorted([str(python), str(good)])


@pytest.mark.usefixtures("fresh_registry")
def test_asking_twice_for_it_changes_nothing_more(tmp_path: Path) -> None:
    compat.list_as_dag_files()
    once = airflow_file.list_py_file_paths
    compat.list_as_dag_files()
    assert airflow_file.list_py_file_paths is once
    assert once(tmp_path / "nowhere") == []
    assert once(None) == []


def test_what_may_be_a_slip_stands_in_the_dags_documentation_and_among_airflows_warnings(tmp_path: Path) -> None:
    path = write(tmp_path, "slip.yaml", body(output={"storage": "s3:/bucket/x"}))
    result = ExperimentImporter().import_file(path, bundle_path=tmp_path)
    assert result.success
    assert not result.errors
    (warning,) = [each for each in result.warnings if "s3:/bucket/x" in each.message]
    lines = path.read_text().splitlines()
    assert "storage" in lines[(warning.line_number or 0) - 1]
    assert warning.warning_type == "experiment"
    assert "**Warnings**" in result.dags[0].doc_md
    assert f"- line {warning.line_number}: output.storage: 's3:/bucket/x' is no address" in result.dags[0].doc_md


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("0 0 31 2 *", "schedule: '0 0 31 2 *' names no date that ever comes"),
        ("61 * * * *", "schedule: '61 * * * *' is neither a cron line nor a preset"),
        ({"assets": ["名字"]}, "schedule.assets[0]: '名字' has other characters than ASCII"),
        ({"assets": [""]}, "schedule.assets[0]: an asset's name must not be empty"),
    ],
)
def test_a_schedule_that_airflow_drops_in_silence_is_an_import_error(tmp_path: Path, schedule: Any, says: str) -> None:
    path = write(tmp_path, "first.yaml", body(schedule=schedule))
    result = ExperimentImporter().import_file(path, bundle_path=tmp_path)
    (error,) = result.errors
    assert not result.dags
    assert f"{says}" in error.message
    assert ".yaml:" in error.message


def test_the_second_file_of_a_name_is_an_import_error_and_the_first_one_stays(tmp_path: Path) -> None:
    first, second = (write(tmp_path, name, body()) for name in ("a.yaml", "team/b.yaml"))
    assert ExperimentImporter().import_file(first, bundle_path=tmp_path).success
    (error,) = ExperimentImporter().import_file(second, bundle_path=tmp_path).errors
    assert "is the name of experiments/a.yaml already" in error.message
    assert "b.yaml:4: name:" in error.message
