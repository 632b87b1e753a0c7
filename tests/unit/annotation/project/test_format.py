"""The format of a project's journal: that of every release so far is read, that of a later one is refused in words."""

from __future__ import annotations

import gzip
import json

import msgspec
import pytest

from automl_core.annotation.items import item_id
from automl_core.annotation.project import PROJECT_VERSION, BadCase, ItemState, ProjectState
from automl_core.annotation.project.changes import CHANGES
from automl_core.annotation.project.rules import RULES
from automl_core.journal import SNAPSHOT, LaterFormat, LaterRelease, Record
from automl_core.storage.folder import FolderStore
from tests.support.memory_store import MemoryStore
from tests.unit.annotation.project.project_assets import ASSETS, written
from tests.unit.annotation.project.world import BY, World, label, text

JOURNAL = "_annotation/intents/journal/"


def asset(version: int = PROJECT_VERSION) -> MemoryStore:
    """A copy of what a release wrote."""
    folder, store = FolderStore(ASSETS / f"annotation_v{version}"), MemoryStore()
    for key in folder.list():
        store.put(key, folder.get(key))
    return store


@pytest.mark.parametrize(("release", "brought"), [(1, set()), (2, {"0123456789abcdef"})])
def test_each_release_is_read(release: int, brought: set[str]) -> None:
    project = World(asset(release)).open()
    state = project.state
    assert (PROJECT_VERSION, state.count, len(state.rounds), state.skipped, state.stopped) == (2, 13, 2, {}, None)
    assert state.brought.keys() == brought
    found = {state.status(number): number for number in range(state.count)}
    assert found.keys() == set(ItemState) - {ItemState.SENT}
    assert [vote.label for vote in state.history(3)] == ["order", "refund"]
    assert state.gold() == {0: "refund"}
    assert (state.batches[1].price, state.batches[1].until, state.stratum()) == (0.05, 1_100_000.0, {1, 2, 3})
    assert (state.thresholds[1].taken, state.taken_back(1), state.taken_by(1)) == (3, {9}, {8: "order", 10: "order"})
    assert [move.state for move in state.cases[3].moves] == [BadCase.OPEN, BadCase.FIXED]
    assert state.why_retired(6) is not None
    assert project.catalog.content(item_id(text(11))) == text(11)


def test_the_asset_tells_every_kind_of_record_and_is_what_would_be_written_now() -> None:
    told = {record.kind for record in World(asset()).open().journal.records()}
    assert told == set(CHANGES) == set(RULES) | {"configured", "released"}
    store = MemoryStore()
    store.objects.update(written())
    assert World(store).open().state == World(asset()).open().state


def test_the_state_is_the_same_with_a_snapshot_and_without() -> None:
    store = asset()
    state = World(store).open().state
    store.delete(f"_annotation/intents/{SNAPSHOT}")
    assert World(store).open().state == state


def test_a_torn_snapshot_is_passed_over() -> None:
    store = asset()
    state = World(store).open().state
    key = f"_annotation/intents/{SNAPSHOT}"
    whole = store.get(key)
    for cut in (0, 1, 20, len(whole) // 2, len(whole) - 1):
        store.put(key, whole[:cut])
        assert World(store).open().state == state


@pytest.mark.parametrize("where", ["snapshot", "kind", "format"])
def test_a_later_release_is_read_as_far_as_possible_and_not_written_beside(where: str) -> None:
    store = asset()
    seq = World(store).open().state.seq
    if where == "snapshot":
        key = f"_annotation/intents/{SNAPSHOT}"
        body = json.loads(gzip.decompress(store.get(key)))
        body["state"]["version"] = PROJECT_VERSION + 1
        store.put(key, gzip.compress(json.dumps(body).encode()))
    else:
        body = {"version": 2, "release": "99", "seq": seq + 1, "id": "x", "time": 2e6, "kind": "configured", "data": {}}
        body |= {"kind": "paid"} if where == "kind" else {"version": 99}
        store.put(f"{JOURNAL}{seq + 1:010d}.json", json.dumps(body).encode())
    project = World(store).open()
    before = dict(store.objects)
    with pytest.raises(LaterRelease):
        project.retire([item_id(text(1))], "no", BY)
    assert store.objects == before


def test_a_later_state_is_told_by_its_version() -> None:
    with pytest.raises(LaterFormat, match="later than 2"):
        ProjectState.decode(msgspec.json.encode({"version": PROJECT_VERSION + 1, "something": "else"}))


MALFORMED = [
    ("labelled", {}),
    ("labelled", {"labels": {"item": [1], "time": []}}),
    ("labelled", {"labels": {"item": [1, 2], "time": [1, 1], "label": ["a"], "author": {"is": "x"}}}),
    ("labelled", {"labels": {"item": [-1], "time": [1], "label": {"is": "a"}, "author": {"is": "x"}}}),
    ("labelled", {"labels": {"item": [99], "time": [1], "label": {"is": "a"}, "author": {"is": "x"}}}),
    ("labelled", {"labels": {"item": [1], "time": [1], "label": {"is": "a"}, "author": {"is": ""}}}),
    ("labelled", {"labels": {"item": [1], "time": [1], "label": {"is": 3}, "author": {"is": "x"}}}),
    ("labelled", {"labels": {"item": [1], "time": [1], "label": {"of": ["a"], "at": [-1]}, "author": {"is": "x"}}}),
    ("labelled", {"labels": {"item": [1], "time": [1], "label": {"is": "a"}, "author": {"is": "x"}, "batch": [7]}}),
    ("labelled", {"labels": {"item": [1], "time": ["x"], "label": {"is": "a"}, "author": {"is": "x"}}}),
    ("labelled", {"labels": {"item": [1], "time": [1], "label": {"is": "a"}, "author": {"is": "x"},
                             "source": {"is": "models"}}}),
    ("claimed", {"who": "x", "items": [5], "at": 1.0, "until": 2.0}),
    ("claimed", {"who": "", "items": [], "at": 1.0, "until": 2.0}),
    ("claimed", {"who": "x", "items": [], "at": 2.0, "until": 2.0}),
    ("released", {"who": "x", "items": ["y"]}),
    ("added", {"part": "d", "at": 0, "first": 0, "items": 1, "by": {"name": "x", "how": "dag"}}),
    ("added", {"part": "d", "at": 1, "first": 12, "items": -1, "by": {"name": "x", "how": "dag"}}),
    ("added", {"part": "d", "at": 1, "first": 12, "items": 1, "by": {"name": "x", "how": "magic"}}),
    ("added", {"part": "d", "at": 1, "first": 12, "items": 1, "retired": [99], "by": {"name": "x", "how": "dag"}}),
    ("added", {"part": "d", "at": 1, "first": 12, "items": 1, "revived": [1], "by": {"name": "x", "how": "dag"}}),
    ("retired", {"items": "zzz", "why": "x", "by": {"name": "x", "how": "dag"}}),
    ("restored", {"items": [1], "why": "x", "by": {"name": "x", "how": "dag"}}),
    ("configured", {"document": 3, "by": {"name": "x", "how": "dag"}}),
    ("configured", {"document": {}}),
    ("taken", {"threshold": 1, "labels": {"order": [1]}, "by": {"name": "x", "how": "dag"}}),
    ("set_written", {"round": 1, "set": {"number": 1, "items": [1]}, "by": {"name": "x", "how": "dag"}}),
    ("sent", {"round": 1, "batch": 1, "at": 0, "name": "", "votes": 1, "price": 0, "items": [1, 1], "kinds": ["a", "a"],
              "by": {"name": "x", "how": "dag"}}),
    ("sent", {"round": 1, "batch": 1, "at": 0, "name": "", "votes": 1, "price": 0, "items": [1, 2], "kinds": ["a"],
              "to": "page", "until": None, "digest": "", "of": 2, "read": 2, "by": {"name": "x", "how": "dag"}}),
    ("bad_cases", {"round": 1, "model": "m", "fixed": [1], "by": {"name": "x", "how": "dag"}}),
    ("round_ended", {"round": 1, "outcome": "x", "by": {"name": "x", "how": "dag"}}),
    ("stopped", {"round": 1, "why": "x", "reasons": None, "by": {"name": "x", "how": "dag"}}),
    ("reopened", {"why": "x", "by": {"name": "x", "how": "dag"}}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data"), MALFORMED, ids=[f"{at}-{kind}" for at, (kind, _) in enumerate(MALFORMED)])
def test_a_record_that_is_malformed_is_skipped_and_leaves_no_half_of_itself(kind: str, data: dict) -> None:  # type: ignore[type-arg]
    world = World()
    state = world.filled(12).state
    before = json.loads(state.encode())
    seq = state.seq + 1
    assert state.apply(Record(seq, "x", state.updated, kind, data))
    after = json.loads(state.encode())
    assert after.pop("skipped").keys() == {str(seq)}
    assert after | {"seq": before["seq"]} == before


def test_a_damaged_record_is_void_and_what_comes_after_it_counts() -> None:
    world = World()
    project = world.filled(5)
    seq = project.state.seq
    world.store.put(f"{JOURNAL}{seq + 1:010d}.json", b'{"version": 2, "seq"')
    writer = world.open()
    assert writer.label([label(writer, 0)], BY).new == 1
    for each in (writer, world.open()):
        each.refresh()
        assert each.state.history(0)
        assert list(each.state.skipped) == [seq + 1]
