"""What OpenLineage is told of a model's tasks; its provider's own classes are in tests/heavy/test_openlineage.py."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from automl_airflow.models.accepting import AcceptOperator
from automl_airflow.models.deploying import DeployOperator
from automl_airflow.models.evaluating import EvaluateOperator
from automl_airflow.models.lineage import Seen, TellsLineage
from automl_airflow.models.score_pods import PodScoreOperator
from automl_airflow.models.score_sql import SqlScoreOperator
from automl_airflow.models.score_tasks import ScoreOperator
from automl_core.models.life import Person
from tests.unit.plugins.models.rolling import Airflow


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    return Airflow.make(tmp_path, monkeypatch)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three names of the provider and its client that are used, with their parameters."""

    def module(name: str, **names: Any) -> None:
        made = ModuleType(name)
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, name, made)

    def data_set(namespace: str, name: str, facets: dict[str, Any]) -> Any:
        return namespace, name, {key: each.datasetVersion for key, each in facets.items()}

    facet = SimpleNamespace(DatasetVersionDatasetFacet=lambda datasetVersion: SimpleNamespace(**locals()))
    module("airflow.providers.openlineage")
    module("airflow.providers.openlineage.extractors", OperatorLineage=SimpleNamespace)
    module("openlineage")
    module("openlineage.client")
    module("openlineage.client.event_v2", Dataset=data_set)
    module("openlineage.client.facet_v2", dataset_version_dataset=facet)


@pytest.mark.usefixtures("provider")
def test_what_was_read_and_written_has_its_fingerprint_as_version() -> None:
    task = TellsLineage()
    task.lineage_read = (
        Seen("s3://lake/rows/ds=1/", "f00d"),
        Seen("/srv/rows.csv"),
        Seen("file:///srv/runs/_models/a/"),
    )
    task.lineage_written = (Seen("oss://lake/_models/churn/", "2"), Seen("s3://lake", "1"))
    told = task.get_openlineage_facets_on_complete(None)
    assert told.inputs == [
        ("s3://lake", "rows/ds=1", {"version": "f00d"}), ("file", "/srv/rows.csv", {}),
        ("file", "/srv/runs/_models/a/", {}),
    ]  # fmt: skip
    assert told.outputs == [("oss://lake", "_models/churn", {"version": "2"}), ("s3://lake", "/", {"version": "1"})]


@pytest.mark.parametrize(
    "operator", [EvaluateOperator, DeployOperator, AcceptOperator, ScoreOperator, PodScoreOperator, SqlScoreOperator]
)
def test_every_task_of_a_model_tells_ours_before_an_operator_below_it(operator: type) -> None:
    assert operator.get_openlineage_facets_on_complete is TellsLineage.get_openlineage_facets_on_complete  # type: ignore[attr-defined]


def test_evaluations_and_uses_note_what_they_have_read_and_written(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "version": 1, "champion": None, "verdict": {"ok": True, "reasons": []},
        "data": {"place": "s3://lake/latest/ds=1/", "fingerprint": {"digest": "f00d"}},
    }  # fmt: skip
    monkeypatch.setattr(EvaluateOperator, "_evaluate", lambda *_: (told, {}))
    airflow.publish("one")
    run = airflow.begin("a")
    airflow.do(run, "offer")

    def done(task: str) -> TellsLineage:
        operator: Any = airflow.dag().get_task(task)
        operator.execute(airflow.context(run, task))
        assert isinstance(operator, TellsLineage)
        return operator

    evaluated = done("evaluate")
    version = airflow.life.state.version(1)
    assert version.newest is not None
    rows, model = evaluated.lineage_read
    assert rows == Seen("s3://lake/latest/ds=1/", "f00d")
    assert (model.place.endswith(version.model.prefix), model.version) == (True, version.model.digest)
    (evidence,) = evaluated.lineage_written
    assert evidence.version == version.newest.digest
    assert airflow.life.store.get(evidence.place.removeprefix(f"{airflow.life.store.url}/"))
    airflow.life.accept(1, version.newest.digest, Person("anna", "rest"))
    used = done("deploy")
    assert used.lineage_read == (model,)
    assert [(each.place.endswith("/_models/churn/"), each.version) for each in used.lineage_written] == [(True, "1")]
