"""The format of a model's journal: that of every release so far is read, that of a later one is refused in words."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import msgspec
import pytest

from automl_core.journal import SNAPSHOT, LaterFormat, LaterRelease
from automl_core.models.life import LIFE_VERSION, Life, ModelLife, VersionState, in_use_at
from automl_core.models.life.intervals import Done
from automl_core.storage.folder import FolderStore
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.life_assets import ASSET, FIRST, written
from tests.unit.models.life.world import ANNA, BEN, World


def asset(of: Path = ASSET) -> MemoryStore:
    """A copy of what a release wrote."""
    folder, store = FolderStore(of), MemoryStore()
    for key in folder.list():
        store.put(key, folder.get(key))
    return store


def test_the_first_release_is_read() -> None:
    life = ModelLife.open(asset(FIRST), "churn").state
    assert (LIFE_VERSION, life.champion, life.document["name"]) == (2, 1, "churn")
    assert [each.state for each in life.versions.values()] == [VersionState.IN_USE, VersionState.RETIRED]
    two = life.version(2)
    assert (two.retraining, two.run, two.note, two.removed is not None) == (1, "version_2", "never again", True)
    assert two.decision is not None
    assert (two.decision.by, two.decision.note, two.decision.time - two.decision.answered) == (BEN, "fewer errors", 30)
    assert [each.cause for each in life.shares] == ["in_use", "in_use", "taken_back"]
    assert len(life.scoring.done) == 3
    assert set(life.scoring.done.values()) == {Done(2, 1)}
    assert [each.why for each in life.scoring.open.values()] == ["the column was wrong"]
    assert (life.scoring.given_up, life.scoring.totals[2].rows, life.skipped) == (1, 300, {})
    assert life.retrainings[1].outcome == "version 2"


def test_a_model_of_the_first_release_goes_on_with_a_rollout() -> None:
    store = asset(FIRST)
    before = ModelLife.open(store, "churn").state
    assert (before.rollouts, before.rollout) == ({}, None)
    world = World(store)
    world.clock.now = before.updated + 60
    rollout = world.rolling("r9")
    assert (rollout.champion, rollout.version) == (1, 3)
    life = world.open()
    life.journal.write_snapshot()
    again = world.open().state
    assert again == life.state
    assert in_use_at(store, "churn", before.updated).shares == {1: 1.0}
    assert in_use_at(store, "churn", world.clock.now).shadow == {3: 1.0}


def test_a_release_with_rollouts_is_read() -> None:
    life = ModelLife.open(asset(), "churn").state
    done = life.rollouts[1]
    assert [each.version for each in life.rollouts.values()] == [3, 4]
    assert (done.outcome, done.champion, [each.what for each in done.acts]) == (
        "taken_back",
        2,
        ["begun", "step", "taken_back"],
    )
    assert life.rollouts[2].outcome == "stopped"
    assert [each.what for each in life.rollouts[2].acts] == ["begun", "held", "step", "stopped"]
    assert (life.champion, life.shares_now(), life.version(4).state) == (1, {1: 1.0}, VersionState.ACCEPTED)
    assert life.skipped == {}


@pytest.mark.parametrize("of", [FIRST, ASSET])
def test_with_and_without_the_snapshot_it_is_the_same(of: Path) -> None:
    store = asset(of)
    whole = ModelLife.open(store, "churn").state
    store.delete(f"_models/churn/{SNAPSHOT}")
    assert ModelLife.open(store, "churn").state == whole


def test_it_tells_every_kind_of_record() -> None:
    records = ModelLife.open(asset(), "churn").journal.records()
    assert {record.kind for record in records} == Life.kinds


def test_what_this_release_writes_is_what_lies_there() -> None:
    store = MemoryStore()
    store.objects.update(written())
    assert ModelLife.open(store, "churn").state.encode() == ModelLife.open(asset(), "churn").state.encode()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"version": 1}', b'{"version": "1", "seq": 3, "updated": 1.0}'])
def test_what_is_no_snapshot_is_passed_over(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        Life.decode(body)
    store = asset()
    whole = ModelLife.open(store, "churn").state
    key = f"_models/churn/{SNAPSHOT}"
    store.put(key, gzip.compress(body))
    assert ModelLife.open(store, "churn").state == whole


def test_a_later_state_is_refused_and_nothing_is_written_beside_it() -> None:
    state = json.loads(Life().encode()) | {"version": LIFE_VERSION + 1, "canaries": []}
    with pytest.raises(LaterFormat, match="snapshot version 3 is later than 2"):
        Life.decode(json.dumps(state).encode())
    store = asset()
    key = f"_models/churn/{SNAPSHOT}"
    body = json.loads(gzip.decompress(store.get(key)))
    body["state"] |= {"version": LIFE_VERSION + 1}
    store.put(key, gzip.compress(json.dumps(body).encode()))
    life = ModelLife.open(store, "churn")
    assert in_use_at(store, "churn").champion == 1  # by the records
    with pytest.raises(LaterRelease, match="snapshot version 3"):
        life.take_back(1, ANNA, "bad")
