"""Looks at a champion in the bucket: the newest first, with the figures of those before it, each run's once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core.models.watching.looks import KEPT, Look, key_of, read_look, read_looks, write_look
from automl_core.storage import open_store
from automl_core.storage.testing import CountingStore

EVIDENCE = {"metric": {"name": "roc_auc"}}


def look(time: float, run: str = "") -> Look:
    return Look(time, run or f"run-{time}", 1, "holds", f"at {time}", "roc_auc", "maximize", 0.9, 0.88, 0.92, rows=200)


def test_a_series_is_one_listing_of_a_key_and_one_read(tmp_path: Path) -> None:
    store = CountingStore(open_store(f"file://{tmp_path}"))
    for time in range(KEPT + 50):
        write_look(store, "churn", look(float(time)), EVIDENCE)
    store.calls.clear()
    found = read_looks(store, "churn")
    assert dict(store.calls) == {"list": 1, "get": 1}
    times = [each.time for each in found.looks]
    assert times == [float(KEPT + 49 - place) for place in range(KEPT + 1)]
    assert found.newest is not None
    assert found.evidence == EVIDENCE
    assert read_look(store, found.newest.key).looks == found.looks


def test_a_run_looks_once(tmp_path: Path) -> None:
    """The try after a kill finds what the first one has written, and nothing is evaluated or written again."""
    store = open_store(f"file://{tmp_path}")
    first = write_look(store, "churn", look(1.0, "scheduled"), EVIDENCE)
    again = write_look(store, "churn", look(2.0, "scheduled"), {"metric": {"name": "other"}})
    assert again == first
    assert len(store.list("_models/churn/watch/")) == 1
    write_look(store, "churn", look(3.0, "next"), EVIDENCE)
    assert write_look(store, "churn", look(4.0, "scheduled"), EVIDENCE).time == 1.0, "however many came since"


def test_two_runs_within_a_millisecond_are_two(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    write_look(store, "churn", look(1.0, "a"), EVIDENCE)
    assert write_look(store, "churn", look(1.0, "b"), EVIDENCE).key != key_of("churn", 1.0)
    assert {each.run for each in read_looks(store, "churn").looks} == {"a", "b"}


def test_nothing_yet(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    assert read_looks(store, "churn").newest is None
    with pytest.raises(LookupError):
        read_look(store, key_of("churn", 1.0))


def test_a_later_release_is_said(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    made = write_look(store, "churn", look(1.0), EVIDENCE)
    store.put(made.key, json.dumps({"format": 2}).encode())
    with pytest.raises(ValueError, match="format 2; this release reads up to 1"):
        read_looks(store, "churn")
