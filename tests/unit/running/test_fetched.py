"""Metrics in files that training elsewhere writes to the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from automl_core.metrics.errors import MetricError
from automl_core.metrics.sources import MetricSource
from automl_core.running.fetched import FetchedSource, source_in_store
from automl_core.running.places import Places
from automl_core.spec.loader import parse_experiment
from automl_core.spec.metrics import JsonMetrics, StdoutMetrics
from automl_core.storage import StorageError, open_store
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from tests.support.memory_store import MemoryStore

BODY = {
    "name": "x",
    "output": {"storage": "s3://bucket/runs"},
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "search": {"algorithm": "random"},
    "space": {"lr": {"type": "uniform", "low": 0, "high": 1}},
    "tasks": [{"backend": "kubernetes", "image": "a", "command": ["b"]}],
}


def opened(store: ObjectStore) -> tuple[Study, Binding, Places]:
    journal = StudyJournal(store, experiment_prefix("x", "r"))
    study = Study.create(journal, parse_experiment(yaml.safe_dump(BODY), "x.yaml"), "r", [])
    binding = study.ask(0)
    assert isinstance(binding, Binding)
    return study, binding, Places(store, journal.prefix, binding, "s3://bucket/runs")


@pytest.mark.parametrize("make", [lambda folder: MemoryStore(), lambda folder: open_store(str(folder / "store"))])
def test_a_json_file_is_read_where_the_training_writes_it(tmp_path: Path, make: Callable[[Path], ObjectStore]) -> None:
    store = make(tmp_path)
    study, binding, places = opened(store)
    source = source_in_store(JsonMetrics(source="json"), study, binding, places, tmp_path, 0)
    assert source.poll() == [], "not there yet"
    store.put(f"{places.model}metrics.json", json.dumps([{"step": 1, "accuracy": 0.5}]).encode())
    if isinstance(source, FetchedSource):
        source._fetched = float("-inf")
    assert [(point.step, point.values) for point in source.poll()] == [(1, {"accuracy": 0.5})]
    store.put(f"{places.model}metrics.json", json.dumps([{"step": 2, "accuracy": 0.6}]).encode())
    assert [point.step for point in source.finish()] == [2]


def test_files_in_a_bucket_are_fetched_now_and_then_and_a_store_that_is_away_is_no_end(tmp_path: Path) -> None:
    now, calls = [0.0], [0]

    def fetch() -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise StorageError("away")

    inner = source_in_store_of_stdout(tmp_path)
    source = FetchedSource(inner, fetch, every=10, clock=lambda: now[0])
    for at in (0.0, 5.0, 10.0, 21.0):
        now[0] = at
        assert source.poll() == []
    assert calls[0] == 3
    assert source.feed("accuracy=0.5 step=1")[0].step == 1


def source_in_store_of_stdout(folder: Path) -> MetricSource:
    study, binding, places = opened(MemoryStore())
    return source_in_store(StdoutMetrics(), study, binding, places, folder, 0)


def test_a_file_outside_the_store_is_named_at_the_end(tmp_path: Path) -> None:
    study, binding, places = opened(MemoryStore())
    source = source_in_store(JsonMetrics(source="json", path="/tmp/nowhere.json"), study, binding, places, tmp_path, 0)
    assert source.poll() == []
    with pytest.raises(MetricError, match=r"nowhere\.json"):
        source.finish()


def test_places_as_the_training_sees_them_lead_back_to_keys() -> None:
    _, _, places = opened(MemoryStore())
    assert places.key_of(places.model_dir) == places.model.rstrip("/")
    assert places.key_of("s3://bucket/runs") == ""
    assert places.key_of("s3://bucket/runs2/x") is None
    assert places.key_of("/elsewhere") is None
