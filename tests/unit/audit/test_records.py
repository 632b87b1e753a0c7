"""Audit records: each written once, never changed, found by day."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from automl_core.audit import read_data, read_records, record
from automl_core.cli import main
from automl_core.housekeeping import look
from automl_core.storage.base import StorageUnavailable
from automl_core.storage.folder import FolderStore

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def at(moment: datetime) -> Any:
    return lambda: moment


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def of_trial(store: FolderStore, moment: datetime, **changed: Any) -> str:
    given = {
        "experiment": "churn", "run": "r1", "task": "train", "attempt": 1, "trial": 3, "name": "train",
        "place": "s3://lake/churn.parquet", "fingerprint": "abc", **changed,
    }  # fmt: skip
    return read_data(store, **given, clock=at(moment))


def test_a_download_is_a_record_of_its_own_each_time(store: FolderStore) -> None:
    keys = {record(store, "download", "ann", {"files": ["model.bin"]}, clock=at(NOON)) for _ in range(50)}
    assert len(keys) == 50
    assert all(key.startswith("_audit/2026-11-29/120000.000000-download-") for key in keys)
    found = list(read_records(store))
    assert len(found) == 50
    assert found[0].to_json() == {
        "what": "download", "at": "2026-11-29T12:00:00+00:00", "by": "ann", "record": found[0].key,
        "files": ["model.bin"],
    }  # fmt: skip


def test_an_attempt_that_is_taken_over_reads_once(store: FolderStore) -> None:
    first = of_trial(store, NOON)
    before = store.get(first)
    assert of_trial(store, NOON + timedelta(hours=1)) == first
    assert store.get(first) == before
    others = [{"attempt": 2}, {"name": "valid"}, {"fingerprint": "abd"}, {"trial": 4}, {"task": "prepare.x"}]
    assert len({of_trial(store, NOON, **changed) for changed in others} | {first}) == 1 + len(others)


def test_records_are_found_by_time_and_kind(store: FolderStore) -> None:
    for days in (0, 1, 2, 40):
        record(store, "download", f"ann {days}", {}, clock=at(NOON - timedelta(days=days)))
    of_trial(store, NOON)
    assert [each.by for each in read_records(store, what="download")] == ["ann 40", "ann 2", "ann 1", "ann 0"]
    since_yesterday = [each.by for each in read_records(store, NOON - timedelta(days=1))]
    assert since_yesterday == ["ann 1", "ann 0", "churn@r1: train of trial 3, attempt 1"]
    assert list(read_records(store, NOON + timedelta(seconds=1))) == []


def test_a_day_is_that_of_utc(store: FolderStore) -> None:
    tokyo = datetime.fromisoformat("2026-11-30T01:00:00+09:00")
    assert record(store, "download", "ann", {}, clock=at(tokyo)).startswith("_audit/2026-11-29/")
    assert [each.at for each in read_records(store, tokyo)] == [tokyo]


def test_what_is_no_record_is_told(store: FolderStore) -> None:
    store.put("_audit/2026-11-29/x.json", b"{}")
    store.put("_audit/2026-11-29/y.json", b"torn")
    problems: list[str] = []
    assert list(read_records(store, problems=problems)) == []
    assert len(problems) == 2


def test_a_record_that_could_not_be_written_is_an_error(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> bool:
        raise StorageUnavailable("away")

    monkeypatch.setattr(store, "create", away)
    with pytest.raises(StorageUnavailable):
        record(store, "download", "ann", {})


def test_housekeeping_neither_deletes_nor_reads_them(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    key = record(store, "download", "ann", {"experiment": "churn", "run": "r1"})
    read = store.get

    def get(asked: str) -> bytes:
        assert asked != key
        return read(asked)

    monkeypatch.setattr(store, "get", get)
    assert look(store, []).runs == ()


def test_the_command_line_lists_them(store: FolderStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = {"experiment": "churn", "run": "r1", "files": list("abcde"), "address": "10.1.2.3"}
    record(store, "download", "ann", more)
    of_trial(store, datetime.now(UTC) - timedelta(days=3))
    assert main(["audit", str(tmp_path), "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert [each["what"] for each in body["records"]] == ["read_data", "download"]
    assert main(["audit", str(tmp_path), "--since", "1d"]) == 0
    out = capsys.readouterr().out
    assert "1 record" in out
    assert "10.1.2.3" in out
    assert "a, b, c and 2 more" in out.replace("\n", " ")
    assert main(["audit", str(tmp_path), "--since", "yesterday"]) == 2
    store.put("_audit/2026-11-29/x.json", b"{}")
    capsys.readouterr()
    assert main(["audit", str(tmp_path), "--what", "read_data"]) == 1
    assert "is no audit record" in capsys.readouterr().err
