"""Annotation projects below _annotation/: their journals say which runs stay, and nothing that people label is read."""

from __future__ import annotations

import pytest

from automl_core.annotation.project import DataSetVersion, Person, Project
from tests.support.memory_store import MemoryStore
from tests.unit.housekeeping.yard import DAY, NOW, going, lived, planned, why

BY = Person("intents.annotation", "dag")


@pytest.fixture
def store() -> MemoryStore:
    """Two runs of ``digits``, and a project with a model of the first, and data that speak of the second."""
    store = MemoryStore(clock=lambda: NOW - 90.0 * DAY)
    for run in ("used", "told"):
        lived(store, run, days_ago=90)
    project = Project.open(store, "intents", clock=lambda: NOW - 80.0 * DAY, sleep=lambda _: None)
    project.add_items([{"text": "what became of digits/told/ ?"}], BY, source="file")
    project.begin_round(1, BY)
    project.wrote_set(1, DataSetVersion(1, "_annotation/intents/sets/1-a/", "f", 1, [1]), BY)
    project.trained(1, 1, "digits", "used", "trained", {"prefix": "digits/used/best_model/"}, BY)
    project.trained(1, 1, "digits", "told", "its run told failed", None, BY)
    for name in ("sets/1-a/train.csv", "newest/train.csv", "rounds/1/predictions-0.npz", "batches/7.json"):
        store.put(f"_annotation/intents/{name}", b"digits@told")
    return store


def test_a_run_stays_whose_model_a_project_has_and_no_other(store: MemoryStore) -> None:
    plan = planned(store, keep_last=0)
    assert going(plan) == ["digits/told/"]
    assert why(plan, "digits/used/") == "the annotation intents names it"


def test_no_item_and_no_label_is_read(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    get = store.get

    def reading(key: str) -> bytes:
        read.append(key)
        return get(key)

    monkeypatch.setattr(store, "get", reading)
    planned(store, keep_last=0)
    below = {
        key.removeprefix("_annotation/intents/").partition("/")[0] for key in read if key.startswith("_annotation")
    }
    assert below <= {"journal", "journal-snapshot.json.gz"}
    assert "journal" in below


def test_where_the_journal_can_not_be_read_all_texts_count(store: MemoryStore) -> None:
    for key in list(store.objects):
        if key.startswith("_annotation/intents/journal"):
            store.objects[key] = b"torn"
    assert "digits/told/" not in going(planned(store, keep_last=0))


def test_what_else_lies_in_its_folder_may_name_a_run(store: MemoryStore) -> None:
    store.put("_annotation/intents/notes.md", b"see digits@told")
    assert going(planned(store, keep_last=0)) == []
