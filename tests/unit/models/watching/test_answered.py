"""What servers answered of late: the champion's alone, of the time, evenly drawn, with bounded memory."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from automl_core.models.watching.answered import LATE, LONGEST, interval_of, recent_answers
from automl_core.storage import open_store
from automl_core.storage.testing import CountingStore

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()


def line(number: int, at: float = NOON - 600, version: Any = 1, **more: Any) -> dict[str, Any]:
    when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return {"age": number, "request_id": f"r{number}", "answered_at": when, "model_version": version,
            "model_record": 3, "prediction": "no", **more}  # fmt: skip


def write(home: Path, name: str, lines: list[Any], day: str = "2026-11-29", written: float = NOON) -> None:
    path = home / "_models" / "churn" / "answers" / f"ds={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"".join((each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n" for each in lines)
    )
    os.utime(path, (written, written))


def recent(home: Path, since: float = NOON - 3600, **more: Any) -> Any:
    return recent_answers(open_store(f"file://{home}"), "churn", 1, since, NOON, **more)


def test_the_champions_of_the_time_alone_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a-000001.jsonl", [
        line(1), line(2, NOON - 3601), line(3, NOON + 1), line(4, version=2), line(5, version=2), b"{torn", b"",
        line(6, request_id="watch-1f/0"), line(7), json.dumps(line(8, city="?")).encode().replace(b"?", b"\xff"),
        json.dumps(line(9, request_id="?")).encode().replace(b"?", b"\xff"),
    ])  # fmt: skip
    found = recent(tmp_path)
    assert [json.loads(each)["age"] for each in found.kept] == [1, 7]
    assert found.notes(1) == [
        "2 answers of version 1 from 2026-11-29 11:00 UTC to 2026-11-29 12:00 UTC",
        "2 answers of version 2 are not looked at: it is not the champion",
        "1 answers to requests of the watch itself are left out",
        "3 lines of the log can't be read",
    ]
    assert found.rows_of(1)[0]["age"] == 1


def test_files_of_before_are_not_read_and_those_over_midnight_are(tmp_path: Path) -> None:
    midnight = datetime(2026, 11, 29, tzinfo=UTC).timestamp()
    write(tmp_path, "old.jsonl", [line(1)], written=NOON - 3600 - 301)
    write(tmp_path, "new.jsonl", [line(2)])
    store = CountingStore(open_store(f"file://{tmp_path}"))
    found = recent_answers(store, "churn", 1, NOON - 3600, NOON)
    assert (found.files, found.rows, store.calls["get"]) == (1, 1, 1)
    write(tmp_path, "late.jsonl", [line(3, midnight + 1)], day="2026-11-28", written=midnight + 5)
    over = recent_answers(store, "churn", 1, midnight, midnight + 60)
    assert [json.loads(each)["age"] for each in over.kept] == [3]


def test_of_many_an_even_draw_and_the_same_one_again(tmp_path: Path) -> None:
    for file in range(4):
        write(tmp_path, f"{file}.jsonl", [line(1000 * file + place) for place in range(500)])
    found = recent(tmp_path, most=200)
    ages = [json.loads(each)["age"] for each in found.kept]
    assert (found.rows, len(ages)) == (2_000, 200)
    assert ages == [json.loads(each)["age"] for each in recent(tmp_path, most=200).kept]
    assert all(25 <= sum(age // 1000 == file for age in ages) <= 80 for file in range(4)), "50 of each, by chance"
    assert found.notes(1)[0].endswith("of which 200 evenly drawn ones are looked at")


def test_a_log_larger_than_what_is_read_is_read_in_part_by_the_names_of_its_files(tmp_path: Path) -> None:
    for file in range(20):
        write(tmp_path, f"{file:02}.jsonl", [line(1000 * file + place) for place in range(50)])
    size = (tmp_path / "_models/churn/answers/ds=2026-11-29/07.jsonl").stat().st_size
    found = recent(tmp_path, most_bytes=5 * size + size // 2)
    assert (found.read, found.files, found.untold) == (6, 20, 1)
    assert 250 <= found.rows < 300
    assert found.unread == 0, "what is cut off ends with a whole line"
    assert any(note == "6 of 20 files with answers were read, chosen by their names" for note in found.notes(1))
    assert [each.rsplit(b"request_id")[0] for each in found.kept] == [
        each.rsplit(b"request_id")[0] for each in recent(tmp_path, most_bytes=5 * size + size // 2).kept
    ]


def test_nothing_logged_is_nothing(tmp_path: Path) -> None:
    found = recent(tmp_path)
    assert (found.rows, found.kept, found.rows_of(10)) == (0, [], [])


@pytest.mark.parametrize(
    ("last", "every", "since"),
    [
        (NOON - 7200, 3600.0, NOON - 7200),  # a look that came late sees all since the last one
        (None, 3600.0, NOON - LATE - 3600),
        (None, None, NOON - LATE - 86400),
        (NOON - 90 * 86400, 3600.0, NOON - LATE - LONGEST),
        (NOON + 50, 3600.0, NOON - LATE),  # a clock that was set back
    ],
)
def test_a_look_goes_on_where_the_last_one_ended(last: float | None, every: float | None, since: float) -> None:
    assert interval_of(last, NOON, every) == (since, NOON - LATE)
