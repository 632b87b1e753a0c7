"""Rows → items, imported labels and gold; what is no item or no class is told, and never loses another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.project import Project, Source
from automl_core.annotation.project.choices import Chosen
from automl_core.annotation.rounds import Collected, Reach, collect, collecting
from automl_core.data.access import DataError
from automl_core.storage.folder import FolderStore
from tests.unit.annotation.rounds.world import BY, file_of


def written(root: Path, rows: list[dict[str, Any]], name: str = "one.jsonl") -> None:
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def collected(root: Path, **items: Any) -> tuple[Project, Collected]:
    file = file_of(root, items={"kind": None, "columns": None, **items})
    store = FolderStore(root / "runs")
    project = Project(store, "intents")
    project.configure(file.plain(), BY)
    return project, collect(project, file, Reach(lambda name: store, home=root), BY)


def test_rows_become_items_once_with_all_columns_but_key_and_labels(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": "buy it", "n": 2.0, "intent": "order"},
        {"id": 2, "text": "money back", "n": None, "intent": ""},
        {"id": 3, "text": "buy it", "n": 2.0, "intent": "order"},
    ]
    written(tmp_path, rows)
    project, done = collected(tmp_path, key="id", label="intent")
    assert (done.rows, done.new, done.known, done.labels) == (3, 2, 1, 1)
    assert dict(project.catalog.content(project.catalog.id_of(0))) == {"text": "buy it", "n": 2}
    (vote,) = project.state.answers(0)
    assert (vote.label, vote.source) == ("order", Source.IMPORTED)
    written(tmp_path, [{"id": 4, "text": "hello", "n": 1, "intent": "other"}], "two.jsonl")
    project, done = collected(tmp_path, key="id", label="intent")
    assert (done.new, done.known, done.labels) == (1, 3, 1)


def test_another_text_under_a_key_is_a_new_item_and_the_old_one_keeps_its_label(tmp_path: Path) -> None:
    written(tmp_path, [{"id": 1, "text": "buy it", "intent": "order"}, {"id": 2, "text": "hello", "intent": None}])
    collected(tmp_path, key="id", label="intent")
    written(tmp_path, [{"id": 1, "text": "buy it not", "intent": None}, {"id": 2, "text": "hello", "intent": None}])
    project, done = collected(tmp_path, key="id", label="intent")
    assert (done.new, done.retired) == (1, 1)
    assert set(project.state.retired) == {0}
    assert project.state.answers(0)[0].label == "order"
    assert not project.state.answers(2)


def test_a_key_that_stands_twice_in_pieces_that_are_read_apart_is_what_it_says_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "CHUNK", 2)
    written(
        tmp_path, [{"id": each, "text": f"text {each}"} for each in range(4)] + [{"id": 1, "text": "text 1"}], "a.jsonl"
    )
    project, _ = collected(tmp_path, key="id")
    written(
        tmp_path, [{"id": 0, "text": "now this"}, {"id": 9, "text": "more"}, {"id": 0, "text": "and this"}], "b.jsonl"
    )
    project, done = collected(tmp_path, key="id")
    texts = [project.catalog.content(project.catalog.id_of(each))["text"] for each in range(project.state.count)]
    assert sorted(texts) == ["and this", "more", "text 0", "text 1", "text 2", "text 3"]
    assert set(project.state.retired) == {0}
    assert (done.rows, done.faults) == (8, 2)
    assert done.notes[0] == "a.jsonl row 1: key '0' stands for something else in b.jsonl row 3, which counts"
    project.begin_round(1, BY)
    project.send(1, [Chosen(project.catalog.id_of(texts.index("and this")))], "page", 1, BY)
    before = project.state.seq
    project, _ = collected(tmp_path, key="id")
    assert project.state.seq == before, "another look changes nothing"
    assert project.state.open_tasks() == [texts.index("and this")], "and takes nobody's task away"


def test_bad_rows_and_labels_are_told_and_lose_no_other(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"text": None, "intent": None},
        {"text": "buy", "intent": "ordre"},
        {"text": "hello", "intent": "other"},
    ]
    written(tmp_path, rows)
    project, done = collected(tmp_path, label="intent", columns=["text"])
    assert (done.new, done.labels, done.faults) == (2, 1, 2)
    assert "row 1: nothing but missing values" in done.notes[0]
    assert "row 2, intent: 'ordre' is no class" in done.notes[1]
    assert "did it mean 'order'?" in done.notes[1]
    assert project.state.count == 2


def test_known_answers_are_gold(tmp_path: Path) -> None:
    written(tmp_path, [{"text": "buy", "checked": "order"}, {"text": "hello", "checked": None}])
    project, done = collected(tmp_path, gold="checked")
    assert done.gold == 1
    assert project.state.gold() == {0: "order"}


def test_a_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    written(tmp_path, [{"text": "buy"}])
    with pytest.raises(DataError, match=r"no column 'txt' \(it has text\); the nearest is 'text'"):
        collected(tmp_path, columns=["txt"])


def test_what_is_shown_beside_makes_no_other_item(tmp_path: Path) -> None:
    written(tmp_path, [{"text": "buy", "sender": "x"}, {"text": "buy", "sender": "y"}])
    project, done = collected(tmp_path, columns=["text"], show=["text", "sender"])
    assert (done.new, done.known) == (1, 1)
    assert project.catalog.shown(project.catalog.id_of(0))["sender"] in ("x", "y")
