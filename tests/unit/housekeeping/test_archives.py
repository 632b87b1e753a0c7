"""Archives of code go when nothing names them, and not while a run begins with one."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from automl_core.code import archive_key, with_code
from automl_core.housekeeping import ExperimentFile, carry_out
from tests.support.memory_store import MemoryStore
from tests.unit.housekeeping.yard import DAY, NOW, going, lived, planned
from tests.unit.results.lab import experiment

USED, FREE = "a" * 64, "b" * 64


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore(clock=itertools.count(NOW - 40 * DAY).__next__)  # a second for each write
    for digest in (USED, FREE):
        made.put(archive_key(digest), b"archive")
    lived(made, "r", days_ago=5, code=USED)
    return made


def code_going(store: MemoryStore, files: list[ExperimentFile] | None = None, **options: object) -> list[str]:
    return going(planned(store, files, **options), "code")


def test_what_no_run_names_goes_once_it_is_old(store: MemoryStore) -> None:
    assert code_going(store) == [archive_key(FREE)]
    assert code_going(store, older_than=50.0 * DAY) == []
    assert code_going(store, older_than=0.0) == [archive_key(FREE)]
    assert code_going(store, what="runs,parts") == []
    assert code_going(store, experiments=frozenset({"digits"})) == [], "experiments share them"
    plan = planned(store, what="code")
    done = carry_out(store, plan, lambda: plan, by="anna")
    assert [item.place for item in done.deleted] == [archive_key(FREE)]
    assert store.list("_code/") == [archive_key(USED)]


def test_what_something_else_names_stays(store: MemoryStore) -> None:
    named = ExperimentFile("e.yaml", f"name: e\ncode: {{folder: x, digest: {FREE}}}\n")
    assert code_going(store, [named]) == []
    store.put("_models/churn/1.json", f'{{"code": "{FREE}"}}'.encode())
    assert code_going(store) == []


def test_where_a_run_cannot_be_read_nothing_goes(store: MemoryStore) -> None:
    store.put("other/r/journal/0000000001.json", b"\xff no record")
    assert code_going(store) == []


def test_an_archive_that_a_run_begins_with_is_spared(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "train.py").write_text("")
    found, _ = with_code(experiment(code="x"), tmp_path / "e.yaml", store)
    key = archive_key(found.program.digest)  # type: ignore[union-attr, arg-type]
    plan = planned(store, what="code")
    assert key in [item.place for item in plan.items]
    with_code(experiment(code="x"), tmp_path / "e.yaml", store)
    done = carry_out(store, plan, lambda: plan, by="anna")
    assert [item.place for item, why in done.spared if why == "a run has begun with it since"] == [key]
    assert store.list(key) == [key]
