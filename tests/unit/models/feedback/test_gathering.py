"""Answers and outcomes from files: formats, days in folders, what was scored, old files that nobody reads."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from automl_core.data.access import DataError, FromEnvironment
from automl_core.models.feedback.gathering import Gathered, Reach, gather
from automl_core.models.file import ModelFile
from tests.unit.data.lake import Lake

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BIG = 2**53 + 1


def file_of(feedback: Mapping[str, Any], deploy: Mapping[str, Any] | None = None) -> ModelFile:
    return ModelFile.model_validate(
        {
            "kind": "model", "name": "churn", "candidates": {"experiments": ["churn"]},
            "evaluate": {"data": "feedback"}, "feedback": dict(feedback),
            **({"deploy": dict(deploy)} if deploy is not None else {}),
        }
    )  # fmt: skip


def gathered(file: ModelFile, home: Path) -> Gathered:
    return gather(file, None, Reach(FromEnvironment(), home), NOW.timestamp())


def write(path: Path, rows: Sequence[Mapping[str, Any]], written: datetime = NOW) -> None:
    """Rows as a file of the format that its name says, written last at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(row)) + "\n" for row in rows))
    else:
        lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    os.utime(path, (written.timestamp(), written.timestamp()))


LOG = {"data": "outcomes/", "answers": "log/", "key": "id", "outcome": "y", "time": "known", "answered": "at"}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_same_rows_from_every_format(tmp_path: Path, ending: str) -> None:
    """007 and 7, and two numbers beyond 2^53 that are one float: in every format four keys."""
    numbers = ending == "parquet"  # one column has one type there: whole numbers in it, text in the other file
    keys: list[Any] = [BIG - 1, BIG] if numbers else ["007", "7", str(BIG - 1), str(BIG)]
    answers = [{"id": key, "at": "2026-11-01T09:00:00+09:00", "x": place} for place, key in enumerate(keys)]
    write(tmp_path / f"log/a.{ending}", answers)
    outcomes = [{"id": key, "known": "2026-11-02T00:00:00Z", "y": f"y{key}"} for key in map(str, keys)]
    write(tmp_path / f"outcomes/a.{ending}", outcomes)
    found = gathered(file_of(LOG), tmp_path)
    assert found.table.num_rows == len(keys)
    assert found.table["y"].to_pylist() == [f"y{key}" for key in keys]
    assert found.table["x"].to_pylist() == list(range(len(keys)))


def test_numbers_in_json_lines_are_their_digits(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/a.jsonl").write_text(f'{{"id": {BIG}, "at": "2026-11-01T00:00:00Z"}}\n')
    write(tmp_path / "outcomes/a.csv", [{"id": BIG, "known": "2026-11-02T00:00:00Z", "y": 1}])
    assert gathered(file_of(LOG), tmp_path).counts.answers.used == 1
    (tmp_path / "log/b.jsonl").write_text('{"id": 7.0, "at": "2026-11-01T00:00:00Z"}\n')
    with pytest.raises(DataError, match=r"b\.jsonl: the column 'id' has keys as decimals"):
        gathered(file_of(LOG), tmp_path)


def test_an_integer_column_that_an_empty_cell_has_made_decimal_is_told(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log/a.csv").write_text(
        "id,at\n7.0,2026-11-01T00:00:00Z\n,2026-11-01T00:00:00Z\n8.0,2026-11-01T00:00:00Z\n"
    )
    write(tmp_path / "outcomes/a.csv", [{"id": 7, "known": "2026-11-02T00:00:00Z", "y": 1}])
    with pytest.raises(DataError, match=r"whole numbers that are written as decimals, such as 7\.0 \(2 of 3\)"):
        gathered(file_of(LOG), tmp_path)


def test_files_that_can_hold_nothing_new_are_not_read(tmp_path: Path) -> None:
    """The answers of the last 60 days are looked at, with those of the 30 days before for outcomes that come late."""
    write(tmp_path / "log/new.csv", [{"id": "a", "at": "2026-11-01T00:00:00Z"}])
    write(tmp_path / "log/margin.csv", [{"id": "b", "at": "2026-09-15T00:00:00Z"}], NOW - timedelta(days=75))
    (tmp_path / "log/old.csv").write_bytes(b"\xff\xfe no csv at all")
    old = (NOW - timedelta(days=92)).timestamp()
    os.utime(tmp_path / "log/old.csv", (old, old))
    write(tmp_path / "outcomes/new.csv", [
        {"id": "a", "known": "2026-11-02T00:00:00Z", "y": 1}, {"id": "b", "known": "2026-11-02T00:00:00Z", "y": 1},
    ])  # fmt: skip
    (tmp_path / "outcomes/old.csv").write_bytes(b"\xff\xfe")
    os.utime(tmp_path / "outcomes/old.csv", (old, old))
    counts = gathered(file_of(LOG), tmp_path).counts
    assert (counts.answers.used, counts.answers.older, counts.outcomes.late, counts.outcomes.unmatched) == (1, 1, 1, 0)


def test_nothing_there_yet_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    found = gathered(file_of(LOG), tmp_path)
    assert found.table.num_rows == 0
    assert found.notes == (
        "log/ has no answer of the time that is looked at", "outcomes/ has no outcome of the time that is looked at",
    )  # fmt: skip


def test_naive_times_need_a_zone(tmp_path: Path) -> None:
    write(tmp_path / "log/a.csv", [{"id": "a", "at": "2026-11-01 09:00:00"}])
    write(tmp_path / "outcomes/a.csv", [{"id": "a", "known": "2026-11-01T00:30:00Z", "y": 1}])
    with pytest.raises(DataError, match="times without an offset, and no zone is stated"):
        gathered(file_of(LOG), tmp_path)
    assert gathered(file_of({**LOG, "timezone": "Asia/Tokyo"}), tmp_path).counts.answers.used == 1
    assert gathered(file_of({**LOG, "timezone": "Europe/Berlin"}), tmp_path).counts.outcomes.early == 1


def test_the_log_must_say_when_answers_were_given(tmp_path: Path) -> None:
    write(tmp_path / "log/a.csv", [{"id": "a", "at": "2026-11-01T09:00:00Z"}])
    write(tmp_path / "outcomes/a.csv", [{"id": "a", "known": "2026-11-02T00:00:00Z", "y": 1}])
    without = {name: value for name, value in LOG.items() if name != "answered"}
    with pytest.raises(
        DataError, match=r"nothing says when its answers were given: name the column in feedback\.answered"
    ):
        gathered(file_of(without), tmp_path)


DEPLOY = {"to": "batch", "data": "in/ds=${ds}/rows.csv", "out": "out/ds=${ds}/", "keep": ["id"]}
BATCH = {"data": "outcomes/", "key": "id", "outcome": "y", "time": "known"}


def scored(home: Path, day: str, rows: Sequence[Mapping[str, Any]], version: int = 1) -> None:
    """What a nightly batch leaves, and what it was made from."""
    write(home / f"in/ds={day}/rows.csv", rows)
    after = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    answers = [
        {
            "id": row["id"], "prediction": "no", "model_version": version,
            "model_interval": f"{day}T00:00:00Z/{after}T00:00:00Z", "model_generation": 1,
        }
        for row in rows
    ]  # fmt: skip
    write(home / f"out/ds={day}/predictions.parquet", answers)


def test_rows_of_a_batch_get_the_features_that_they_were_scored_with(tmp_path: Path) -> None:
    """The same customer each night, with another balance: the last before the outcome counts, as it was then."""
    scored(tmp_path, "2026-11-01", [{"id": "007", "balance": 10}, {"id": "7", "balance": 1.5}])
    scored(tmp_path, "2026-11-02", [{"id": "7", "balance": "NA"}, {"id": "007", "balance": 20}], version=2)
    scored(tmp_path, "2026-11-03", [{"id": "007", "balance": 30}], version=2)
    outcomes = [
        {"id": "007", "known": "2026-11-03T12:00:00Z", "y": "yes"},
        {"id": "7", "known": "2026-11-20T00:00:00Z", "y": "no"},
    ]  # fmt: skip
    write(tmp_path / "outcomes/a.csv", outcomes)
    found = gathered(file_of(BATCH, DEPLOY), tmp_path)
    rows = found.table.select(["id", "model_version", "balance", "y"]).to_pylist()
    assert sorted(rows, key=lambda row: (row["id"], row["model_version"])) == [
        {"id": "007", "model_version": 1, "balance": 10.0, "y": "yes"},
        {"id": "007", "model_version": 2, "balance": 20.0, "y": "yes"},
        {"id": "7", "model_version": 1, "balance": 1.5, "y": "no"},
        {"id": "7", "model_version": 2, "balance": None, "y": "no"},
    ]
    assert found.counts.answers.versions == {"1": 2, "2": 2}
    assert found.counts.answers.open == 4
    assert found.notes == ()


def test_a_key_that_names_two_rows_of_a_partition_names_none(tmp_path: Path) -> None:
    scored(tmp_path, "2026-11-01", [{"id": "a", "x": 1}, {"id": "b", "x": 2}, {"id": "c", "x": 3}])
    write(tmp_path / "in/ds=2026-11-01/rows.csv", [
        {"id": "a", "x": 1}, {"id": "b", "x": 2}, {"id": "b", "x": 9}, {"id": "c", "x": 3}, {"id": "c", "x": 3},
    ])  # fmt: skip
    write(tmp_path / "outcomes/a.csv", [{"id": key, "known": "2026-11-03T00:00:00Z", "y": 1} for key in "abc"])
    found = gathered(file_of(BATCH, DEPLOY), tmp_path)
    assert found.table.select(["id", "x"]).to_pylist() == [{"id": "a", "x": 1}, {"id": "c", "x": 3}]
    assert found.counts.answers.without_features == 1


def test_what_was_scored_may_be_gone(tmp_path: Path) -> None:
    scored(tmp_path, "2026-11-01", [{"id": "a", "x": 1}])
    scored(tmp_path, "2026-11-02", [{"id": "b", "x": 2}])
    (tmp_path / "in/ds=2026-11-01/rows.csv").unlink()
    write(tmp_path / "outcomes/a.csv", [{"id": key, "known": "2026-11-04T00:00:00Z", "y": 1} for key in "ab"])
    found = gathered(file_of(BATCH, DEPLOY), tmp_path)
    assert found.table.select(["id", "x"]).to_pylist() == [{"id": "b", "x": 2}]
    assert found.counts.answers.without_features == 1
    assert "what was scored for 2026-11-01T00:00:00Z/2026-11-02T00:00:00Z is not found" in found.notes[0]


def test_the_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    write(tmp_path / "log/a.csv", [{"id": "a", "at": "2026-11-01T00:00:00Z"}])
    write(tmp_path / "outcomes/a.csv", [{"id": "a", "known": "2026-11-02T00:00:00Z", "y": 1}])
    before = gathered(file_of(LOG), tmp_path).fingerprint
    assert before == gathered(file_of(LOG), tmp_path).fingerprint
    write(tmp_path / "outcomes/b.csv", [{"id": "b", "known": "2026-11-02T00:00:00Z", "y": 1}])
    after = gathered(file_of(LOG), tmp_path).fingerprint
    assert (before["digest"] != after["digest"], after["files"]) == (True, 3)


def test_a_file_of_a_batch_must_keep_the_key() -> None:
    from automl_core.models.file import parse_model_document
    from automl_core.spec.errors import SpecError

    text = """
kind: model
name: churn
candidates: {experiments: [churn]}
evaluate: {data: feedback}
deploy: {to: batch, data: "in/${ds}.csv", out: "out/${ds}.csv", keep: [country]}
feedback: {data: outcomes/, key: id, outcome: y, time: known, timezone: Europe/Belin}
"""
    with pytest.raises(SpecError) as error:
        parse_model_document(text, "churn.model.yaml")
    assert "no column 'id' to join outcomes by" in str(error.value)
    assert "'Europe/Belin' is no time zone" in str(error.value)


def test_a_file_of_a_bucket_is_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day more is a file more: those of the days before are in the machine's cache."""
    monkeypatch.setenv("AUTOML_DATA_CACHE", str(tmp_path / "cache"))
    lake = Lake()
    monkeypatch.setattr(lake.inner, "_clock", NOW.timestamp)
    for day in (1, 2):
        lake.inner.put(f"log/{day}.csv", f"id,at\na{day},2026-11-0{day}T00:00:00Z\n".encode())
    lake.inner.put("outcomes/1.csv", b"id,known,y\na1,2026-11-05T00:00:00Z,1\n")
    file = file_of({**LOG, "data": "s3://lake/outcomes/", "answers": "s3://lake/log/"})
    reach = Reach(lake, tmp_path)
    assert gather(file, None, reach, NOW.timestamp()).counts.answers.used == 1
    fetched = lake.bucket.calls["download_file"]
    lake.inner.put("outcomes/2.csv", b"id,known,y\na2,2026-11-06T00:00:00Z,0\n")
    assert gather(file, None, reach, NOW.timestamp()).counts.answers.used == 2
    assert (fetched, lake.bucket.calls["download_file"]) == (3, 4)


def test_answers_that_the_watch_has_asked_for_are_nobodys(tmp_path: Path) -> None:
    """In a server's log alone: elsewhere an id may begin so, as a shop's that sells watches."""
    log: list[dict[str, Any]] = [
        {"id": f"{prefix}{place}", "request_id": f"{prefix}{place}", "at": "2026-11-29T09:00:00Z", "x": place}
        for prefix in ("watch-", "r") for place in range(2)
    ]  # fmt: skip
    outcomes = [{"id": each["id"], "y": "yes", "known": "2026-11-29T10:00:00Z"} for each in log]
    write(tmp_path / "outcomes/a.jsonl", outcomes)
    write(tmp_path / "log/a.jsonl", [each | {"model_record": 3} for each in log])
    found = gathered(file_of(LOG), tmp_path)
    assert sorted(found.table.column("id").to_pylist()) == ["r0", "r1"]
    assert "2 answers to requests of the watch itself are left out" in found.notes
    assert found.counts.answers.read == 2
    write(tmp_path / "log/a.jsonl", log)
    assert gathered(file_of(LOG), tmp_path).table.num_rows == 4
