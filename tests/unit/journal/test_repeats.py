"""What a record repeats: little, and yet whoever reads the newest one misses nothing, whatever else was lost."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.journal import JOURNAL, LEAST_INTERVAL, SNAPSHOT, BadRecord, Journal, Record, decode, key_of
from automl_core.journal import repeats as repeats_module
from automl_core.journal.journal import PATIENCE
from automl_core.journal.records import FORMAT_VERSION, Stored, encode
from automl_core.journal.snapshots import MOST_INTERVAL
from automl_core.storage import ObjectStore, StorageError
from tests.support.memory_store import MemoryStore
from tests.unit.journal.notes import Notes

PREFIX = "experiment/run/"
HEAVY = random.Random(0).randbytes(16_000).hex()
"""The first note, so that snapshots are worth many records; as a long experiment's state is."""


class Store(MemoryStore):
    """Counts what is read, and refuses snapshots while `full`, as where a writer dies before it comes to its own."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.full = 0, False
        self.snapshots: list[bytes] = []

    def get(self, key: str) -> bytes:
        self.reads += 1
        return super().get(key)

    def put(self, key: str, data: bytes) -> None:
        if self.full:
            raise StorageError("died before it")
        super().put(key, data)
        self.snapshots.append(data)


def opened(store: ObjectStore) -> Journal[Notes]:
    return Journal(store, PREFIX, Notes, clock=lambda: 1.0, sleep=lambda _: None)


def note(journal: Journal[Notes], text: str) -> int:
    record = journal.append("note", {"text": text})
    assert record is not None
    return record.seq


def stored_at(store: MemoryStore, seq: int) -> Stored:
    return decode(store.objects[PREFIX + JOURNAL + key_of(seq)], seq)


def written(store: Store, count: int) -> Journal[Notes]:
    journal = opened(store)
    note(journal, HEAVY)
    for n in range(2, count + 1):
        note(journal, str(n))
    return journal


def test_beyond_a_few_a_record_repeats_the_newest_and_names_the_one_that_has_the_others() -> None:
    store = Store()
    written(store, 100)
    every = [stored_at(store, seq) for seq in range(2, 101)]
    near, far = every[:LEAST_INTERVAL], every[LEAST_INTERVAL:]
    assert all(each.via == 0 and len(each.tail) == each.record.seq - 2 for each in near)
    assert sum(len(each.tail) for each in far) < 0.4 * sum(each.record.seq - 2 for each in far)
    for each in far:
        places = [record.seq for record in each.tail]
        assert places == list(range(each.via or 2, each.record.seq)), "the one that it names is among them"
        assert each.via == 0 or stored_at(store, each.via).via == 0, "two objects tell all"
    versions = {b'"version":%d' % version for version in (2, FORMAT_VERSION)}
    assert {store.objects[PREFIX + JOURNAL + key_of(seq)][1:12] for seq in (33, 100)} == versions


def test_whoever_is_new_reads_two_objects_at_most_and_who_holds_the_journal_one() -> None:
    store = Store()
    writer, holder = written(store, 1), opened(store)
    for n in range(2, 150):
        note(writer, str(n))
        fresh, store.reads = opened(store), 0
        assert fresh.refresh().texts == writer.state.texts
        most = 2 if stored_at(store, n).tail[:1] and n - stored_at(store, n).base <= LEAST_INTERVAL else 3
        assert store.reads <= most, "the snapshot, the newest, and beyond a few the one that it names"
        store.reads = 0
        assert holder.refresh().texts == writer.state.texts
        assert store.reads <= (2 if n == 2 else 1)


@pytest.mark.parametrize("lost", range(2, 70))
def test_no_object_but_the_newest_tells_anything_alone(lost: int) -> None:
    store = Store()
    expected = list(written(store, 70).state.texts)
    del store.objects[PREFIX + JOURNAL + key_of(lost)]
    reader = opened(store)
    assert reader.refresh().texts == expected
    assert note(reader, "next") == 71
    assert opened(store).refresh().texts == [*expected, "next"]
    del store.objects[PREFIX + SNAPSHOT]
    assert [record.data["text"] for record in opened(store).records()] == [*expected, "next"]


STEPS = st.lists(st.sampled_from([0, 1, 2, "fresh", "look", "lose", "die", "old snapshot", "no snapshot"]), max_size=60)
"""Who writes the next few notes (three that hold their journals, one that opens it), and what happens in between."""


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, objects=st.booleans(), near=st.sampled_from([1, 4, LEAST_INTERVAL]), data=st.data())
def test_nothing_is_lost_whoever_writes_reads_or_dies_and_whatever_object_is_gone(
    steps: list[Any], objects: bool, near: int, data: st.DataObject
) -> None:
    """One object of the journal is lost, but not the newest, which nobody repeats yet; or snapshots are, ever again."""
    patched, repeats_module.LEAST_INTERVAL = repeats_module.LEAST_INTERVAL, near
    try:
        _live(steps, objects, data)
    finally:
        repeats_module.LEAST_INTERVAL = patched


def _live(steps: list[Any], objects: bool, data: st.DataObject) -> None:
    store, texts = Store(), [HEAVY]
    held = [opened(store) for _ in range(3)]
    note(held[0], HEAVY)

    def some(journal: Journal[Notes]) -> None:
        for _ in range(data.draw(st.integers(1, 9))):
            texts.append(str(len(texts)))
            note(journal, texts[-1])

    def lose() -> None:
        if objects and len(texts) > 2:  # the first is in the first snapshot alone: it was too heavy to be repeated
            gone = PREFIX + JOURNAL + key_of(data.draw(st.integers(2, len(texts) - 1)))
            del store.objects[gone]
            check()

    def back() -> None:
        store.objects[PREFIX + SNAPSHOT] = data.draw(st.sampled_from(store.snapshots))

    def check() -> None:
        for journal in (opened(store), *held):
            assert journal.refresh().texts == texts
        assert [record.data["text"] for record in opened(store).records()] == texts

    acts: dict[Any, Callable[[], Any]] = {
        "fresh": lambda: some(opened(store)),
        "look": check,
        "lose": lose,
        "die": lambda: setattr(store, "full", not store.full),
        "old snapshot": lambda: objects or back(),
        "no snapshot": lambda: objects or store.objects.pop(PREFIX + SNAPSHOT, None),
    }
    for step in steps:
        if step == "lose" and not all(PREFIX + JOURNAL + key_of(seq) in store.objects for seq in range(1, len(texts))):
            continue
        acts[step]() if step in acts else some(held[step])
    check()


@pytest.mark.parametrize("after", [1, 3, 12])
def test_a_record_that_is_void_to_a_whole_one_is_void_to_who_looks_later(after: int) -> None:
    """The one that voids it is not the newest any more: what the newest stands on says so too."""
    store = Store()
    blind = written(store, 60)
    while stored_at(store, blind.state.seq).via == 0 or stored_at(store, blind.state.seq).record.seq < 60:
        note(blind, "before")
    expected = list(blind.state.texts)
    # Somebody sees a record where the other, who writes on, does not yet.
    seq = blind.state.seq + 1
    key = PREFIX + JOURNAL + key_of(seq)
    everything = tuple(Record(each.seq, "", 1.0, "note", each.data) for each in opened(store).records() if each.seq > 1)
    slow = encode(Stored(Record(seq, "slow", 1.0, "note", {"text": "slow"}), 1, everything))
    store.objects[key] = slow
    seeing = opened(store)
    assert seeing.refresh().texts == [*expected, "slow"]
    store.objects[key] = b""
    for n in range(40):
        note(blind, f"after {n}")
        expected.append(f"after {n}")
        newest = stored_at(store, blind.state.seq)
        if newest.via > seq and blind.state.seq - newest.via >= after:
            break
    assert newest.via > seq, "the newest names another, which was written by who was blind"
    store.objects[key] = slow
    assert seeing.refresh().texts == expected
    assert opened(store).refresh().texts == expected


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"via": 9}, "via 9 does not lie between"),
        ({"via": 2}, "via 2 does not lie between"),
        ({"via": 5}, "record 5, from which on"),
        ({"via": "6"}, "malformed"),
        ({"spent": []}, "malformed"),
    ],
)
def test_a_record_that_names_what_cannot_be_is_none(changed: dict[str, Any], why: str) -> None:
    line, _, packed = encode(
        Stored(Record(7, "x", 1.0, "note", {}), 2, (Record(6, "", 1.0, "note", {}),), via=6)
    ).partition(b"\n")
    with pytest.raises(BadRecord, match=why):
        decode(json.dumps(json.loads(line) | changed).encode() + b"\n" + packed, 7)


def test_what_is_repeated_grows_slower_than_what_a_record_that_repeats_all_would_have() -> None:
    store = Store()
    journal = written(store, 1)
    store.full = True  # no snapshot ever
    for n in range(400):
        note(journal, f"{n * 7919 % 10_007:05d}")
    tails = [len(stored_at(store, seq).tail) for seq in range(300, 400)]
    assert sum(tails) / len(tails) < 45, "some √(2 × 350) of 350"
    assert len(journal.state.texts) < MOST_INTERVAL


@pytest.mark.parametrize("late", [5.0, 1e9])
def test_who_is_new_waits_for_the_one_that_is_named_where_the_one_before_it_is_late_too(late: float) -> None:
    """Else a record that its writer knows to stand would be void to whoever writes next."""
    store, now = Store(), [0.0]
    writer = written(store, 60)
    while stored_at(store, writer.state.seq).via == 0:
        note(writer, "more")
    named = stored_at(store, writer.state.seq).via
    keys = [PREFIX + JOURNAL + key_of(seq) for seq in (named - 1, named)]
    bodies = {key: store.objects[key] for key in keys}
    store.objects.update(dict.fromkeys(bodies, b""))

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] >= late:
            store.objects.update(bodies)

    new = Journal(store, PREFIX, Notes, clock=lambda: 1.0, sleep=sleep)
    new.refresh()
    if late < PATIENCE:
        assert new.state.texts == writer.state.texts
        note(new, "next")
        assert writer.refresh().texts == new.state.texts
        assert writer.state.texts[-1] == "next"
    else:
        assert PATIENCE <= now[0] < PATIENCE + 1.0
        assert len(new.state.texts) == len(writer.state.texts) - 1, "waited for, and gone past"
        waited = now[0]
        list(new.records())
        assert now[0] == waited, "once"
