"""A model's file as DAGs: which ones, by the importer and without it, and that its errors are its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from airflow.dag_processing.importers import get_importer_registry

from automl_airflow import collection
from automl_airflow.collection import experiment_dags
from automl_airflow.importer import ExperimentImporter, is_experiment_file
from automl_airflow.models import factory
from automl_airflow.models.common import dag_arguments
from tests.unit.models.file.files import BATCH, FEEDBACK, body, file_of, write
from tests.unit.plugins import files
from tests.unit.plugins.files import round_trip

ALL = {
    "deploy": BATCH, "feedback": {**FEEDBACK}, "watch": {"retrain": {"every": "30d"}},
    "accept": {"by": ["anna", "ben"]}, "tags": ["sales"], "owner": "anna", "description": "Who leaves.",
    "airflow": {"pool": "small"},
}  # fmt: skip


@dataclass
class Parsing:
    """What Airflow says of the parse that is going on."""

    dag_id: str | None = None


def imported(path: Path, bundle: Path) -> list[str]:
    result = ExperimentImporter().import_file(path, bundle_path=bundle)
    assert not result.errors, result.errors[0].message
    return [dag.dag_id for dag in result.dags]


def error(path: Path, bundle: Path) -> str:
    result = ExperimentImporter().import_file(path, bundle_path=bundle)
    assert not result.dags
    (found,) = result.errors
    assert found.error_type == "experiment"
    assert found.stacktrace is None
    return found.message


def test_a_model_has_the_dags_that_its_file_asks_for(tmp_path: Path) -> None:
    assert imported(write(tmp_path, "a.model.yaml", body()), tmp_path) == ["churn.rollout"]
    path = write(tmp_path, "a.model.yaml", body(deploy=BATCH))
    assert imported(path, tmp_path) == ["churn.rollout", "churn.score"]
    path = write(tmp_path, "a.model.yaml", body(**ALL))
    assert imported(path, tmp_path) == ["churn.rollout", "churn.score", "churn.watch"]


def test_every_dag_says_what_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, "a.model.yaml", body(**ALL))
    dags = ExperimentImporter().import_file(path, bundle_path=tmp_path).dags
    for dag in dags:
        read = round_trip(dag)
        assert read.tags == {"automl", "model", "sales"}
        assert read.catchup is False
        assert {task.owner for task in read.tasks} == {"anna"}
        assert {task.pool for task in read.tasks} == {"small"}
        assert dag.is_paused_upon_creation is False
        assert dag.fileloc == str(path)
        assert dag.relative_fileloc == "experiments/a.model.yaml"
        assert "Who leaves." in dag.doc_md
        assert "file://./runs/_models/churn/" in dag.doc_md
        others = {each.dag_id for each in dags} - {dag.dag_id}
        assert all(f"[{each}](/dags/{each})" in dag.doc_md for each in others)
    assert "**Accepted by:** one of anna, ben, asked for 3d 00h, where it is better" in dags[0].doc_md
    assert "`s3://lake/in/ds=${ds}/`" in dags[1].doc_md


def test_links_have_airflow_s_own_address_before_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://flows.example.com/air/")
    said = dag_arguments(file_of(**ALL), tmp_path, "rollout")["doc_md"]
    assert "(https://flows.example.com/air/automl/models/churn)" in said
    assert "(https://flows.example.com/air/dags/churn.score)" in said


def test_scoring_without_a_schedule_begins_paused_as_the_deployment_has_it(tmp_path: Path) -> None:
    deploy = {**BATCH, "schedule": None}
    assert dag_arguments(file_of(deploy=deploy), tmp_path, "score")["is_paused_upon_creation"] is None
    assert dag_arguments(file_of(deploy=BATCH), tmp_path, "score")["is_paused_upon_creation"] is False


def test_what_is_wrong_is_an_import_error_of_its_own_with_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "a.model.yaml", body(evaluate={"data": "x.csv", "metrik": "auc"}))
    good = files.write(tmp_path, "good.yaml", files.body(name="good"))
    assert error(path, tmp_path).startswith(f"{path}:8: evaluate.metrik: the key 'metrik' is not known here.")
    assert imported(good, tmp_path) == ["good"]


@pytest.mark.parametrize("kind", ["modle", "labels"])
def test_another_kind_is_refused_with_what_is_allowed(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, "a.yaml", f"kind: {kind}\nname: a\n")
    allowed = "Allowed: experiment, model, annotation."
    assert f"{path}:1: kind: '{kind}' is no kind of file. {allowed}" in error(path, tmp_path)


def test_names_are_taken_over_kinds_where_dags_would_meet(tmp_path: Path) -> None:
    model = write(tmp_path, "b.model.yaml", body())
    again = write(tmp_path, "c.model.yaml", body())
    assert "'churn' is the name of experiments/b.model.yaml already" in error(again, tmp_path)
    same = files.write(tmp_path, "d.yaml", files.body(name="churn"))
    assert imported(same, tmp_path) == ["churn"]
    meets = files.write(tmp_path, "e.yaml", files.body(name="churn.rollout"))
    assert "is the name of a DAG of the model churn already (experiments/b.model.yaml)" in error(meets, tmp_path)
    assert imported(model, tmp_path) == ["churn.rollout"]


def test_warnings_are_airflow_s_and_stand_in_the_documentation(tmp_path: Path) -> None:
    path = write(tmp_path, "a.model.yaml", body(accept={"within": "60d"}))
    result = ExperimentImporter().import_file(path, bundle_path=tmp_path)
    (warning,) = result.warnings  # notes are for `automl validate`
    assert warning.line_number == 9
    assert "accept.within: a version waits 60d 00h" in warning.message
    assert "- line 9: accept.within: a version waits" in str(result.dags[0].doc_md)


def test_a_task_s_process_makes_its_own_dag_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.model.yaml", body())  # has the name first: nobody asks any more
    path = write(tmp_path, "b.model.yaml", body(**ALL))
    monkeypatch.setattr(factory, "get_parsing_context", lambda: Parsing("churn.score"))
    assert imported(path, tmp_path) == ["churn.score"]


def test_a_closed_deployment_refuses_it_with_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for option, value in {
        "closed": "True", "closed_stores": f"file://{tmp_path}/runs", "closed_data": "s3://lake",
        "closed_images": "x/", "closed_network": "10.2.0.0/16:443",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"AIRFLOW__AUTOML__{option.upper()}", value)
    output = {"storage": f"file://{tmp_path}/runs"}
    assert imported(write(tmp_path, "a.model.yaml", body(output=output)), tmp_path) == ["churn.rollout"]
    path = write(tmp_path, "a.model.yaml", body(output=output, evaluate={"data": "s3://elsewhere/x/"}))
    line = path.read_text().splitlines().index("  data: s3://elsewhere/x/") + 1
    assert f"{path}:{line}: evaluate.data: the data s3://elsewhere/x/ are not on" in error(path, tmp_path)


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/dags/automl/a.yaml", True),
        ("/dags/automl/team/a.model.yaml", True),
        ("/dags/automl/_a.yaml", False),
        ("/dags/automl.yaml", False),
        ("/dags/my-automl/a.yaml", False),
    ],
)
def test_files_below_a_folder_named_automl_count_too(path: str, counts: bool) -> None:
    assert is_experiment_file(path, "/dags") is counts
    assert is_experiment_file(path) is counts


def test_a_bundle_named_automl_may_hold_other_files(tmp_path: Path) -> None:
    bundle = tmp_path / "automl"
    config = bundle / "helm" / "values.yaml"
    config.parent.mkdir(parents=True)
    config.write_text("replicas: 3\n")
    path = write(bundle / "automl", "a.model.yaml", body())
    importer = ExperimentImporter()
    assert list(importer.list_dag_files(bundle)) == [str(path)]
    assert importer.import_file(config, bundle_path=bundle).skipped_files == [str(config)]


@pytest.fixture
def no_importer() -> Iterator[None]:
    registry = get_importer_registry()
    registry.reset()
    yield
    registry.reset()


@pytest.mark.usefixtures("no_importer")
def test_without_the_importer_a_python_file_makes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write(tmp_path, "churn.yaml", files.body(name="churn"))
    write(tmp_path, "churn.model.yaml", body(deploy=BATCH))
    other = tmp_path / "automl" / "other.model.yaml"
    other.parent.mkdir()
    other.write_text(write(tmp_path, "_x.yaml", body(name="other")).read_text())
    found = [dag.dag_id for dag in experiment_dags(tmp_path)]
    assert sorted(found) == ["churn", "churn.rollout", "churn.score", "other.rollout"]
    for wanted in found:
        monkeypatch.setattr(collection, "get_parsing_context", lambda wanted=wanted: Parsing(wanted))
        monkeypatch.setattr(factory, "get_parsing_context", lambda wanted=wanted: Parsing(wanted))
        assert [dag.dag_id for dag in experiment_dags(tmp_path)] == [wanted]
