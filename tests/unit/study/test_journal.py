"""The journal: one order, nothing lost, bad records skipped, little to read."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from automl_core.storage import ObjectStore, open_store
from automl_core.study.journal import JOURNAL, SNAPSHOT, SNAPSHOT_INTERVAL, Journal
from automl_core.study.records import FORMAT_VERSION, BadRecord, Record, decode, encode, key_of, seq_of

PREFIX = "experiment/run/"


def journal_at(folder: Path) -> Journal:
    return Journal(open_store(str(folder)), PREFIX, sleep=lambda _: None)


def note(journal: Journal, text: str) -> Record:
    record = journal.append("note", {"text": text})
    assert record is not None
    return record


def texts(journal: Journal) -> list[str]:
    return [record.data["text"] for record in journal.records() if record.kind == "note"]


def test_records_come_back_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    writer, reader = journal_at(tmp_path), journal_at(tmp_path)
    written = [note(writer, str(n)).seq for n in range(5)]
    assert written == [1, 2, 3, 4, 5]
    assert reader.refresh().seq == 5
    assert texts(reader) == ["0", "1", "2", "3", "4"]


def test_a_writer_that_is_behind_reads_on_and_takes_the_next_number(tmp_path: Path) -> None:
    first, second = journal_at(tmp_path), journal_at(tmp_path)
    note(first, "a")
    assert note(second, "b").seq == 2
    assert note(first, "c").seq == 3


def test_a_record_that_is_no_longer_valid_on_newer_state_is_not_written(tmp_path: Path) -> None:
    first, second = journal_at(tmp_path), journal_at(tmp_path)
    first.refresh(), second.refresh()
    assert first.append("note", {"text": "mine"}, valid=lambda state: state.seq == 0)
    assert second.append("note", {"text": "late"}, valid=lambda state: state.seq == 0) is None
    assert texts(journal_at(tmp_path)) == ["mine"]


@pytest.mark.parametrize("torn", [b"", b'{"version":1,"seq":3', b"[]", b"\x00\xff", b'{"version":99,"seq":3}'])
def test_a_torn_or_foreign_record_is_skipped_and_reported(tmp_path: Path, torn: bytes) -> None:
    writer = journal_at(tmp_path)
    note(writer, "a"), note(writer, "b")
    store = open_store(str(tmp_path))
    store.put(PREFIX + JOURNAL + key_of(3), torn)
    store.put(PREFIX + JOURNAL + "README.txt", b"foreign")
    reader = journal_at(tmp_path)
    state = reader.refresh()
    assert state.seq == 2
    assert note(reader, "c").seq == 4, "the next record goes past the bad one"
    fresh = journal_at(tmp_path)
    assert fresh.refresh().seq == 4
    assert list(fresh.state.skipped) == [3]
    assert texts(fresh) == ["a", "b", "c"]


def test_a_record_lost_from_the_middle_is_still_told_by_later_ones(tmp_path: Path) -> None:
    writer = journal_at(tmp_path)
    for n in range(6):
        note(writer, str(n))
    store = open_store(str(tmp_path))
    store.delete(PREFIX + JOURNAL + key_of(3))
    reader = journal_at(tmp_path)
    assert reader.refresh().seq == 6
    assert note(reader, "next").seq == 7


def test_a_torn_snapshot_is_only_a_shortcut_lost(tmp_path: Path) -> None:
    writer = journal_at(tmp_path)
    for n in range(SNAPSHOT_INTERVAL * 2 + 3):
        note(writer, str(n))
    store = open_store(str(tmp_path))
    store.put(PREFIX + SNAPSHOT, b'{"version":1')
    reader = journal_at(tmp_path)
    assert reader.refresh().seq == SNAPSHOT_INTERVAL * 2 + 3


def test_a_snapshot_older_than_another_writers_is_caught_up_through_the_records(tmp_path: Path) -> None:
    writer = journal_at(tmp_path)
    store = open_store(str(tmp_path))
    old = None
    for n in range(SNAPSHOT_INTERVAL * 3):
        note(writer, str(n))
        if old is None and n > SNAPSHOT_INTERVAL:
            old = store.get(PREFIX + SNAPSHOT)
    assert old is not None
    store.put(PREFIX + SNAPSHOT, old)  # a slow writer overwrote the newer one
    assert journal_at(tmp_path).refresh().seq == SNAPSHOT_INTERVAL * 3


def test_catching_up_reads_as_much_however_long_the_journal_is(tmp_path: Path) -> None:
    class Counting:
        def __init__(self, store: ObjectStore) -> None:
            self.store, self.calls = store, 0

        def __getattr__(self, name: str) -> object:
            self.calls += 1
            return getattr(self.store, name)

    writer = journal_at(tmp_path)
    worst = []
    for _ in range(4):
        calls = []
        for n in range(SNAPSHOT_INTERVAL):
            note(writer, str(n))
            counting = Counting(open_store(str(tmp_path)))
            Journal(counting, PREFIX).refresh()  # type: ignore[arg-type]
            calls.append(counting.calls)
        worst.append(max(calls))
    assert max(worst[1:]) <= 4
    assert worst[-1] <= worst[1]


def test_the_bytes_of_a_record_come_back_as_they_were() -> None:
    record = Record(7, "id", 12.5, "note", {"text": "µ", "n": [1, None]})
    tail = [Record(6, "other", 12.0, "note", {})]
    stored = decode(encode(record, 5, tail), 7)
    assert (stored.record, stored.base, list(stored.tail)) == (record, 5, tail)
    assert json.loads(encode(record, 5, tail))["version"] == FORMAT_VERSION
    with pytest.raises(BadRecord, match="names itself 7"):
        decode(encode(record, 5, tail), 8)


@pytest.mark.parametrize(("name", "seq"), [("0000000012.json", 12), ("12.json", None), ("0000000012.json.bak", None)])
def test_only_our_names_are_records(name: str, seq: int | None) -> None:
    assert seq_of(name) == seq


def _write_many(folder: str, writer: int, count: int) -> None:
    journal = Journal(open_store(folder), PREFIX)
    for n in range(count):
        journal.append("note", {"text": f"{writer}:{n}"})


def test_many_processes_that_write_at_once_make_one_order_and_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write_many, args=(str(tmp_path), w, 5)) for w in range(16)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 16
    journal = journal_at(tmp_path)
    assert journal.refresh().seq == 80
    found = texts(journal)
    assert sorted(found) == sorted(f"{w}:{n}" for w in range(16) for n in range(5))
    for writer in range(16):  # each writer's own records keep their order
        own = [int(text.split(":")[1]) for text in found if text.startswith(f"{writer}:")]
        assert own == sorted(own)
