"""Looks at a champion in the bucket: the newest first, with the figures of those before it, each run's once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core.models.watching.looks import DAYS, KEPT, Look, key_of, read_look, read_looks, thin, write_look
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


def test_old_looks_become_fewer_and_the_newest_stay(tmp_path: Path) -> None:
    """Two years, twice a day: the newest in full, then one a day, then one a month; the series loses nothing."""
    store, day = open_store(f"file://{tmp_path}"), 86400.0
    begin = 1_700_000_000.0 // day * day
    times = [begin + half * day / 2 for half in range(2 * 730)]
    (tmp_path / "_models/churn/watch").mkdir(parents=True)
    for time in times:
        (tmp_path / key_of("churn", time)).touch()
    now = times[-1] + 1
    while thin(store, "churn", now):
        pass
    names = [Path(key).name for key in store.list("_models/churn/watch/")]
    left = sorted(float((9_999_999_999_999 - int(name[:13])) // 1000) for name in names)
    assert left[-KEPT:] == times[-KEPT:]
    older = [time for time in left[:-KEPT] if now - time < DAYS * day]
    assert len(older) == len({time // day for time in older}), "one a day"
    assert all(time % day == 0.5 * day for time in older[1:]), "the last of each"
    oldest = [time for time in left[:-KEPT] if now - time >= DAYS * day]
    assert 10 <= len(oldest) <= 13
    assert thin(store, "churn", now) == 0


def test_what_is_no_look_stays(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    store.put("_models/churn/watch/notes.txt", b"mine")
    assert thin(store, "churn", 1e9) == 0
    assert store.get("_models/churn/watch/notes.txt") == b"mine"


def test_details_are_of_the_newest_alone_and_old_looks_have_none(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}")
    write_look(store, "churn", look(1.0), EVIDENCE, (), {"drift": {"columns": []}})
    assert read_looks(store, "churn").details == {"drift": {"columns": []}}
    made = write_look(store, "churn", look(2.0), EVIDENCE)
    assert read_looks(store, "churn").details == {}
    body = json.loads(store.get(made.key))
    for later in ("details",):
        del body[later]
    for each in (body["look"], *body["before"]):
        for later in ("estimate", "drift", "live", "since", "until"):
            each.pop(later, None)
    store.put(made.key, json.dumps(body).encode())
    assert [each.estimate for each in read_look(store, made.key).looks] == [{}, {}], "as the release before wrote them"
