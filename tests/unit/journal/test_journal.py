"""The journal: one order, nothing lost, bad records skipped, little to read and little to write."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import multiprocessing
import random
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.journal import (
    JOURNAL,
    LEAST_INTERVAL,
    SNAPSHOT,
    BadRecord,
    Journal,
    LaterFormat,
    LaterRelease,
    Record,
    decode,
    key_of,
    pace,
    seq_of,
)
from automl_core.journal.journal import PATIENCE
from automl_core.journal.records import FORMAT_VERSION, Stored, encode
from automl_core.journal.snapshots import MOST_INTERVAL, SNAPSHOT_VERSION
from automl_core.release import RELEASE
from automl_core.storage import ObjectStore, StorageError, open_store
from tests.support.memory_store import MemoryStore
from tests.unit.journal.notes import Notes

PREFIX = "experiment/run/"


def opened(store: ObjectStore, **given: Any) -> Journal[Notes]:
    return Journal(store, PREFIX, Notes, **({"sleep": lambda _: None} | given))


def journal_at(folder: Path) -> Journal[Notes]:
    return opened(open_store(str(folder)))


def note(journal: Journal[Notes], text: str) -> Record:
    record = journal.append("note", {"text": text})
    assert record is not None
    return record


def texts(journal: Journal[Notes]) -> list[str]:
    return [record.data["text"] for record in journal.records()]


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


def test_whoever_looks_sees_that_the_journal_has_moved_and_reads_nothing(tmp_path: Path) -> None:
    writer, looker = journal_at(tmp_path), journal_at(tmp_path)
    assert not looker.moved()
    note(writer, "a")
    assert looker.moved()
    assert looker.state.seq == 0
    looker.refresh()
    assert not looker.moved()


@pytest.mark.parametrize(("decided", "least", "most"), [(False, 0.0, 1.0), (True, 10.0, 20.0)])
def test_how_long_ago_the_state_was_read_is_no_crowd_unless_it_was_thought_about_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decided: bool, least: float, most: float
) -> None:
    writer, other = journal_at(tmp_path), journal_at(tmp_path)
    writer.refresh()
    note(other, "a")
    now = time.monotonic()
    monkeypatch.setattr(pace.time, "monotonic", lambda: now + 5.0)  # a pod was started, say
    assert writer.append("note", {"text": "b"}, decided=decided) is not None
    assert least <= writer._pace.span <= most


def test_a_record_that_is_no_longer_valid_on_newer_state_is_not_written(tmp_path: Path) -> None:
    first, second = journal_at(tmp_path), journal_at(tmp_path)
    first.refresh(), second.refresh()
    assert first.append("note", {"text": "mine"}, valid=lambda state: state.seq == 0)
    assert second.append("note", {"text": "late"}, valid=lambda state: state.seq == 0) is None
    assert texts(journal_at(tmp_path)) == ["mine"]


@pytest.mark.parametrize("torn", [b"", b'{"version":1,"seq":3', b"[]", b"\x00\xff", b'{"version":1,"seq":4}'])
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
    for n in range(LEAST_INTERVAL * 2 + 3):
        note(writer, str(n))
    store = open_store(str(tmp_path))
    store.put(PREFIX + SNAPSHOT, b'{"version":1')
    reader = journal_at(tmp_path)
    assert reader.refresh().seq == LEAST_INTERVAL * 2 + 3


def test_a_snapshot_older_than_another_writers_is_caught_up_through_the_records(tmp_path: Path) -> None:
    writer = journal_at(tmp_path)
    store = open_store(str(tmp_path))
    old = None
    for n in range(LEAST_INTERVAL * 3):
        note(writer, str(n))
        if old is None and n > LEAST_INTERVAL:
            old = store.get(PREFIX + SNAPSHOT)
    assert old is not None
    store.put(PREFIX + SNAPSHOT, old)  # a slow writer overwrote the newer one
    assert journal_at(tmp_path).refresh().seq == LEAST_INTERVAL * 3


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
        for n in range(LEAST_INTERVAL):
            note(writer, str(n))
            counting = Counting(open_store(str(tmp_path)))
            opened(counting).refresh()  # type: ignore[arg-type]
            calls.append(counting.calls)
        worst.append(max(calls))
    assert max(worst[1:]) <= 4
    assert worst[-1] <= worst[1]


def test_the_bytes_of_a_record_come_back_as_they_were() -> None:
    record = Record(7, "id", 12.5, "note", {"text": "µ", "n": [1, None]})
    given = Stored(record, 4, (Record(6, "", 12.0, "note", {}),), weight=1234, pace=0.25, via=6, spent=3210)
    assert decode(encode(given), 7) == given
    body = json.loads(encode(given).partition(b"\n")[0])
    assert (body["version"], body["release"]) == (FORMAT_VERSION, RELEASE)
    whole = replace(given, via=0, spent=0)
    assert json.loads(encode(whole).partition(b"\n")[0])["version"] == 2, "as older releases read it"
    assert replace(decode(encode(whole), 7), spent=0) == whole
    assert body["data"] == record.data, "what happened stands there for people to read"
    with pytest.raises(BadRecord, match="names itself 7"):
        decode(encode(given), 8)


@given(st.data(), st.sampled_from([0, 6]))
def test_any_bytes_are_a_record_or_refused_in_words(data: st.DataObject, via: int) -> None:
    whole = bytearray(
        encode(Stored(Record(7, "id", 12.5, "note", {"text": "x" * 40}), 5, (Record(6, "a", 1, "note", {}),), via=via))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(BadRecord):
        assert decode(cut, 7).record.seq == 7


@pytest.mark.parametrize(("name", "seq"), [("0000000012.json", 12), ("12.json", None), ("0000000012.json.bak", None)])
def test_only_our_names_are_records(name: str, seq: int | None) -> None:
    assert seq_of(name) == seq


def _write_many(folder: str, writer: int, count: int) -> None:
    journal = Journal(open_store(folder), PREFIX, Notes)
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


# --- a place that can't be read -----------------------------------------------------------------


def slow_record(store: ObjectStore, seq: int) -> bytes:
    """What a slow writer of a place brings at last."""
    before = tuple(each for each in opened(store).records() if each.seq < seq)
    return encode(Stored(Record(seq, "slow", 5.0, "note", {"text": "slow"}), 0, before))


def torn_at(store: ObjectStore, seq: int, data: bytes = b"") -> str:
    key = PREFIX + JOURNAL + key_of(seq)
    store.put(key, data)
    return key


def test_the_newest_place_is_waited_for_and_then_read() -> None:
    """A store may show an object before its bytes, and its writer may be slow."""
    store = MemoryStore()
    note(opened(store), "a")
    slow = slow_record(store, 2)
    key = torn_at(store, 2)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if sum(waited) > PATIENCE / 2:
            store.put(key, slow)

    journal = opened(store, sleep=sleep)
    assert note(journal, "b").seq == 3
    assert sum(waited) < PATIENCE
    assert texts(opened(store)) == ["a", "slow", "b"]
    assert opened(store).refresh().skipped == {}


def test_a_reader_declares_nothing_void() -> None:
    store = MemoryStore()
    note(opened(store), "a")
    key = torn_at(store, 2)
    reader = opened(store)
    assert reader.refresh().seq == 1
    store.put(key, slow_record(store, 2))
    assert reader.refresh().texts == ["a", "slow"]
    assert reader.state.skipped == {}


@pytest.mark.parametrize("snapshot", [False, True])
def test_all_readers_agree_on_a_place_that_was_read_by_some_and_void_to_others(snapshot: bool) -> None:
    """The record after it decides: what it does not repeat is void for everybody, whenever they looked."""
    store = MemoryStore()
    first = opened(store)
    note(first, "a"), note(first, "b")
    key = torn_at(store, 3)
    blind = opened(store)
    blind.refresh()
    store.put(key, slow_record(store, 3))
    seeing = opened(store)
    assert seeing.refresh().texts == ["a", "b", "slow"]
    if snapshot:
        seeing.write_snapshot()
    store.put(key, b"")  # as the blind one sees it, for as long as it waits
    assert note(blind, "c").seq == 4
    store.put(key, slow_record(store, 3))
    for reader in (seeing, blind, opened(store)):
        assert reader.refresh().texts == ["a", "b", "c"]
    assert texts(opened(store)) == ["a", "b", "c"]
    assert note(seeing, "d").seq == 5
    assert opened(store).refresh().texts == ["a", "b", "c", "d"]


def test_what_is_void_to_a_writer_is_so_to_who_looks_after_its_snapshot() -> None:
    """The newest record repeats nothing from before the snapshot; what it stands on says what was void."""
    store = MemoryStore()
    blind = opened(store)
    note(blind, "a")
    key = PREFIX + JOURNAL + key_of(2)
    store.put(key, slow := slow_record(store, 2))
    seeing = opened(store)
    assert seeing.refresh().texts == ["a", "slow"]
    store.put(key, b"")
    note(blind, "b")
    blind.write_snapshot()
    note(blind, "c")
    store.put(key, slow)
    assert seeing.refresh().texts == ["a", "b", "c"]


def test_two_writers_that_wait_for_the_same_place_go_past_it_once() -> None:
    store = MemoryStore()
    note(opened(store), "a")
    torn_at(store, 2, b"{")
    left, right = opened(store), opened(store)
    assert [note(left, "b").seq, note(right, "c").seq] == [3, 4]
    assert texts(opened(store)) == ["a", "b", "c"]
    assert list(opened(store).refresh().skipped) == [2]


# --- a later release ----------------------------------------------------------------------------


def later(key: str, store: ObjectStore, **changed: Any) -> None:
    store.put(key, json.dumps(json.loads(store.get(key)) | changed).encode())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": FORMAT_VERSION + 1, "release": "9.9"}, r"format version \d+ is later than \d+.*release 9\.9"),
        ({"kind": "from the future"}, "kind 'from the future' is not known to this release"),
    ],
)
@pytest.mark.parametrize("held", [True, False])
def test_where_a_later_release_writes_this_one_refuses_to(changed: dict[str, Any], why: str, held: bool) -> None:
    store = MemoryStore()
    journal = opened(store)
    note(journal, "a")
    note(other := opened(store), "b")
    later(PREFIX + JOURNAL + key_of(2), store, **changed)
    before = dict(store.objects)
    with pytest.raises(LaterRelease, match=why):
        note(journal if held else opened(store), "c") if held else (lambda j: (j.refresh(), note(j, "c")))(
            opened(store)
        )
    assert store.objects == before, "nothing was written"
    assert opened(store).refresh().texts == ["a"], "what came before can be read"
    assert other.state.texts == ["a", "b"]


def test_an_older_release_that_wrote_past_a_later_one_does_not_make_it_readable() -> None:
    """As releases before this one did: they skipped what they could not read."""
    store = MemoryStore()
    journal = opened(store)
    note(journal, "a"), note(journal, "b"), note(journal, "c")
    later(PREFIX + JOURNAL + key_of(2), store, version=FORMAT_VERSION + 1)
    store.put(PREFIX + JOURNAL + key_of(3), encode(Stored(Record(3, "x", 1.0, "note", {"text": "c"}), 1)))
    reader = opened(store)
    reader.refresh()
    assert "is later than" in reader.later
    with pytest.raises(LaterRelease):
        note(reader, "d")


def test_a_snapshot_of_a_later_release_says_so_too() -> None:
    store = MemoryStore()
    journal = opened(store)
    note(journal, "a")
    journal.write_snapshot()
    body = json.loads(gzip.decompress(store.get(PREFIX + SNAPSHOT)))
    store.put(PREFIX + SNAPSHOT, gzip.compress(json.dumps(body | {"version": SNAPSHOT_VERSION + 1}).encode()))
    reader = opened(store)
    assert reader.refresh().texts == ["a"], "the records tell all the same"
    with pytest.raises(LaterRelease, match="later format"):
        note(reader, "b")


def test_this_release_is_that_of_the_package() -> None:
    assert version("automl-core") == RELEASE


def test_kinds_that_are_named_are_all_that_decode_takes() -> None:
    data = encode(Stored(Record(2, "id", 1.0, "note", {}), 0, (Record(1, "id", 1.0, "other", {}),)))
    assert decode(data, 2, {"note", "other"})
    with pytest.raises(LaterFormat, match="'other'"):
        decode(data, 2, {"note"})


# --- snapshots ----------------------------------------------------------------------------------


def test_a_snapshot_that_cannot_be_written_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Full(MemoryStore):
        def put(self, key: str, data: bytes) -> None:
            raise StorageError("no space is left")

    store = Full()
    journal = opened(store)
    written = [note(journal, str(n)).seq for n in range(LEAST_INTERVAL * 2)]
    assert written == list(range(1, LEAST_INTERVAL * 2 + 1))
    assert "no space is left" in caplog.text
    assert opened(store).refresh().texts == [str(n) for n in range(LEAST_INTERVAL * 2)]


def test_among_writers_no_object_repeats_what_another_has_put_into_a_snapshot() -> None:
    """Two that take turns and hold their journals open: each hears of the other's snapshots."""
    store = MemoryStore()
    writers = [opened(store), opened(store)]
    for n in range(LEAST_INTERVAL * 6):
        note(writers[n % 2], "x" * 50 + str(n))
    bases = [decode(store.get(key), seq).base for key in store.list(PREFIX + JOURNAL)
             if (seq := seq_of(key.removeprefix(PREFIX + JOURNAL))) is not None]  # fmt: skip
    assert max(seq - base for seq, base in enumerate(bases, start=1)) <= LEAST_INTERVAL + 10
    assert bases == sorted(bases)


def test_a_record_that_carries_much_is_not_repeated() -> None:
    store = MemoryStore()
    journal = opened(store)
    journal.append("note", {"text": "y" * 50_000})
    note(journal, "small")
    assert len(store.get(PREFIX + JOURNAL + key_of(2))) < 1_000


@pytest.mark.parametrize("length", [10, 1_500])
def test_a_snapshot_costs_as_much_as_what_is_repeated_between_two(length: int) -> None:
    """Neither outweighs the other by much, however large the state has become, within the limits of the interval."""
    store = MemoryStore()
    at: list[int] = []
    put = store.put
    store.put = lambda key, data: (at.append(journal.state.seq), put(key, data))[1]  # type: ignore[method-assign]
    journal = opened(store)
    for n in range(600):
        note(journal, random.Random(n).randbytes(length // 2).hex())
    intervals = [later - earlier for earlier, later in itertools.pairwise(at) if earlier > 100]
    assert len(intervals) >= 3
    assert all(LEAST_INTERVAL <= interval <= MOST_INTERVAL for interval in intervals)


def test_what_is_written_a_record_grows_with_the_root_of_the_state() -> None:
    """Four times as much state makes a record twice as dear, not four times."""

    def bytes_a_record(count: int) -> float:
        store = MemoryStore()
        sizes: list[int] = []
        put, create = store.put, store.create
        store.put = lambda key, data: (sizes.append(len(data)), put(key, data))[1]  # type: ignore[method-assign]
        store.create = lambda key, data: (sizes.append(len(data)), create(key, data))[1]  # type: ignore[method-assign]
        journal = opened(store)
        for n in range(count):
            note(journal, f"{n * 7919 % 10_007:05d}" + "".join(f"{(n * k) % 997:03d}" for k in range(1, 60)))
        return sum(sizes[-count // 4 :]) / (count // 4)

    assert bytes_a_record(1_600) < 2.6 * bytes_a_record(400)


# --- crowds -------------------------------------------------------------------------------------


def test_who_loses_a_place_waits_longer_and_tells_the_next() -> None:
    store = MemoryStore()
    waited: list[float] = []
    loser, winner = opened(store, sleep=waited.append), opened(store)
    note(winner, "0")
    for n in range(6):
        loser.refresh()
        note(winner, str(n))
        note(loser, f"loser {n}")
    newest = decode(store.get(PREFIX + JOURNAL + key_of(loser.state.seq)), loser.state.seq)
    assert newest.pace > 0
    assert waited
    fresh_waits: list[float] = []
    fresh = opened(store, sleep=fresh_waits.append)
    fresh.refresh()
    assert fresh._pace.span > 0


def test_a_crowd_that_has_gone_leaves_nothing_to_wait_for() -> None:
    from automl_core.journal.pace import Pace

    pace = Pace()
    pace.heard(2.0, 0.1)
    assert pace.span > 1.5
    pace.heard(2.0, 60.0)
    assert pace.span == 0.0
    pace.heard(2.0, -3_600.0)
    assert 0 < pace.span <= 2.0, "a clock that runs ahead is no reason to wait for ever"


def test_a_person_does_not_wait_behind_a_crowd() -> None:
    store = MemoryStore()
    journal = opened(store)
    note(journal, "a")
    journal._pace.span = 5.0
    journal.write_snapshot()
    waits: list[float] = []
    reader = opened(store, sleep=waits.append)
    reader.paced = False
    reader.refresh()
    assert not waits
    opened(store, sleep=waits.append).refresh()
    assert waits
