"""Data sets in attempts: found by the training, fetched once, and said where they are others than at the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automl_core.data import cache
from automl_core.data.inputs import DataOfRun, MissingData
from automl_core.running.data import data_of
from automl_core.running.local import LocalRun
from automl_core.running.places import Places, context_of
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.stages import DATA, begin_stage
from tests.support.memory_store import MemoryStore
from tests.unit.data.lake import Lake
from tests.unit.running.promises import experiment

SHOW = (
    "echo place=${data.train} env=$AUTOML_DATA_TRAIN target=${columns.target} columns=$AUTOML_COLUMNS; "
    "cat ${data.train}; echo accuracy=1"
)


class Bench:
    """A run on data sets, with attempts on this machine."""

    def __init__(self, home: Path, lake: Lake, data: dict[str, Any], **groups: Any) -> None:
        self.home, self.lake, self.lines = home, lake, list[str]()
        columns = {"target": "churned", "features": ["a", "b"]}
        self.store = MemoryStore()
        spec = experiment(
            tasks=groups.pop("tasks", [{"command": SHOW, "metrics": {"source": "stdout"}}]), data=data, columns=columns,
            **groups,
        )  # fmt: skip
        taken = DataOfRun(spec, {}, home, None, lake).take()
        self.study = Study.create(StudyJournal(self.store, "e/r/"), spec, "r", [], inputs={DATA: taken})

    def run(self, slot: int = 0) -> Outcome:
        binding = self.study.ask(slot)
        assert isinstance(binding, Binding)
        run = LocalRun(self.study, self.store, binding, home=self.home, emit=self.lines.append, access=self.lake)
        return run.run()[0]

    def warnings(self, slot: int = 0) -> list[str]:
        return self.study.refresh().works[slot].attempts[-1].warnings


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    monkeypatch.setenv("AUTOML_DATA_CACHE", str(tmp_path / "cache"))
    return Lake()


def test_a_file_of_the_machine_is_found_where_it_lies(tmp_path: Path, lake: Lake) -> None:
    (tmp_path / "train.csv").write_text("one,two\n")
    bench = Bench(tmp_path, lake, {"train": "train.csv"})
    assert bench.run().state is TrialState.SUCCEEDED
    assert bench.lines[0].startswith(f"place={tmp_path}/train.csv env={tmp_path}/train.csv target=churned columns={{")
    assert json.loads(bench.lines[0].split("columns=")[1]) == {"target": "churned", "features": ["a", "b"]}
    assert bench.lines[1] == "one,two"
    assert bench.warnings() == []


def test_an_object_is_fetched_once_for_all_trials(tmp_path: Path, lake: Lake) -> None:
    lake.put(**{"t/train.csv": "one,two\n"})
    bench = Bench(tmp_path, lake, {"train": {"place": "s3://lake/t/train.csv", "connection": "keys"}})
    for slot in range(3):
        assert bench.run(slot).state is TrialState.SUCCEEDED
    assert lake.bucket.calls["download_file"] == 1
    assert set(lake.connections) == {"keys"}
    assert "one,two" in bench.lines
    assert not any(bench.warnings(slot) for slot in range(3))


def test_trials_of_a_machine_ask_a_bucket_once_a_minute(tmp_path: Path, lake: Lake) -> None:
    lake.put(**{"train.csv": "1\n"})
    bench = Bench(tmp_path, lake, {"train": "s3://lake/train.csv"})
    before = lake.bucket.calls["entries"]
    bench.run(0)
    first = lake.bucket.calls["entries"] - before
    bench.run(1)
    bench.run(2)
    assert lake.bucket.calls["entries"] - before == first, "a client of a bucket costs each 0.6 s of a core"
    assert not any(bench.warnings(slot) for slot in range(3))


def test_a_trial_says_that_its_data_have_changed(tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "FRESH", 0.0)
    lake.put(**{"train.csv": "1\n"})
    (tmp_path / "valid.csv").write_text("1\n")
    bench = Bench(tmp_path, lake, {"train": "s3://lake/train.csv", "valid": "valid.csv"})
    bench.run(0)
    lake.put(**{"train.csv": "1\n2\n"})
    (tmp_path / "valid.csv").write_text("2\n")
    assert bench.run(1).state is TrialState.SUCCEEDED
    assert bench.warnings(0) == []
    train, valid = bench.warnings(1)
    assert train.startswith("data.train (s3://lake/train.csv) has changed since the run began: it was 1 file, 2 bytes")
    assert valid.startswith("data.valid (valid.csv) has changed since the run began")
    assert f"warning: {train}" in bench.lines
    assert "2" in bench.lines, "it trains on what is there now"


def test_data_that_are_gone_fail_the_trial_in_words(tmp_path: Path, lake: Lake) -> None:
    (tmp_path / "train.csv").write_text("1\n")
    bench = Bench(tmp_path, lake, {"train": "train.csv"})
    (tmp_path / "train.csv").unlink()
    outcome = bench.run()
    assert (outcome.state, outcome.systematic) == (TrialState.FAILED, True)
    assert f"train.csv: there is no file {tmp_path}/train.csv on this machine" in outcome.reason


def test_data_are_released_when_the_training_ends(tmp_path: Path, lake: Lake) -> None:
    lake.put(**{"train.csv": "1\n"})
    bench = Bench(tmp_path, lake, {"train": "s3://lake/train.csv"})
    bench.run()
    from automl_core.data.cache import Cache

    assert Cache(tmp_path / "cache", size=1).make_room(1) == ["s3://lake/train.csv"]


def test_what_is_missing_at_the_start_is_told_for_all(tmp_path: Path, lake: Lake) -> None:
    spec = experiment(tasks=[{"command": "true"}], data={"train": "a.csv", "valid": "s3://lake/b.csv"})
    with pytest.raises(MissingData) as caught:
        DataOfRun(spec, {}, tmp_path, None, lake).take()
    assert set(caught.value.problems) == {"train", "valid"}


def test_prepare_may_make_what_is_missing(tmp_path: Path, lake: Lake) -> None:
    spec = experiment(tasks=[{"command": "true"}], prepare=[{"command": "true"}], data={"train": "a.csv"})
    taken = DataOfRun(spec, {}, tmp_path, None, lake).take()
    assert taken["train"]["missing"] is True
    (tmp_path / "a.csv").write_text("1")
    assert DataOfRun(spec, {}, tmp_path, None, lake, taken).changed() == []


def test_stages_see_the_data_and_what_has_changed(tmp_path: Path, lake: Lake) -> None:
    (tmp_path / "train.csv").write_text("1\n")
    bench = Bench(tmp_path, lake, {"train": "train.csv"}, prepare=[{"name": "split", "command": SHOW}])
    stage = begin_stage(bench.study, "prepare")
    (tmp_path / "train.csv").write_text("2\n")
    binding = stage.ask(0)
    assert isinstance(binding, Binding)
    run = LocalRun(stage, bench.store, binding, home=tmp_path, emit=bench.lines.append, access=lake)
    assert run.run()[0].state is TrialState.SUCCEEDED
    assert stage.refresh().works[0].attempts[0].warnings


def elsewhere(data: dict[str, Any], home: Path) -> tuple[Study, Binding]:
    spec: Experiment = experiment(tasks=[{"command": "true"}], data=data, columns={"target": "y"})
    study = Study.create(StudyJournal(MemoryStore(), "e/r/"), spec, "r", [])
    binding = study.ask(0)
    assert isinstance(binding, Binding)
    return study, binding


def test_a_training_elsewhere_gets_addresses(tmp_path: Path) -> None:
    data = {"a": "s3://lake/a.csv", "b": "odps://p/tables/t/ds=1", "c": "c.csv"}
    study, binding = elsewhere(data, tmp_path)
    context = context_of(study, binding, Places(study.journal.store, "e/r/", binding, "s3://x"), tmp_path)
    assert dict(context.data) == {"a": "s3://lake/a.csv", "b": "odps://p/t/ds=1", "c": f"{tmp_path}/c.csv"}
    assert dict(context.columns) == {"target": "y"}


def test_sql_gets_names_of_tables(tmp_path: Path) -> None:
    study, _ = elsewhere({"a": "s3://lake/a.csv", "b": "odps://p/tables/t"}, tmp_path)
    assert data_of(study, tmp_path).seen_by_sql() == {"a": "s3://lake/a.csv", "b": "p.t"}


def test_keys_of_the_storage_path_are_those_of_data_beside_it(tmp_path: Path, lake: Lake) -> None:
    lake.put(**{"a.csv": "1", "b.csv": "1"})
    output = {"storage": "s3://models/x", "connection": "keys"}
    data = {"a": "s3://lake/a.csv", "b": {"place": "s3://lake/b.csv", "connection": "own"}, "c": "oss://lake/a.csv"}
    spec = experiment(tasks=[{"command": "true"}], data=data, output=output)
    DataOfRun(spec, {}, tmp_path, None, lake).take()
    assert lake.connections == ["keys", "own", None]


def test_keys_of_the_environment_stand_for_those_of_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_core.data.access import DataError, FromEnvironment

    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataError, match=r"in the Airflow connection 'keys'.*set AWS_ACCESS_KEY_ID"):
        FromEnvironment().store("s3://lake", "keys")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert FromEnvironment().store("s3://lake", "keys").url == "s3://lake"
