"""Claims on statements that run once: one wins, and torn objects are none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from automl_core.backends.remote import Unreachable
from automl_core.running.once import StoredBoard
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore, StorageUnavailable


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"file://{tmp_path}")


def test_one_of_many_claims_wins(store: ObjectStore) -> None:
    boards = [StoredBoard(store, "exp/run/") for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: boards[number].claim("d1", 1, f"owner {number}"), range(8)))
    assert sum(won) == 1
    turn = boards[0].latest("d1")
    assert turn is not None
    assert (turn.number, turn.owner, turn.instance) == (1, f"owner {won.index(True)}", None)


def test_the_first_instance_told_stands(store: ObjectStore) -> None:
    board = StoredBoard(store, "exp/run/")
    board.claim("d1", 1, "a")
    assert board.submitted("d1", 1, "i1") == "i1"
    assert board.submitted("d1", 1, "i2") == "i1"
    assert board.latest("d1").instance == "i1"  # type: ignore[union-attr]


def test_the_newest_try_counts_and_all_instances_are_known(store: ObjectStore) -> None:
    board = StoredBoard(store, "exp/run/")
    for number in (1, 2):
        board.claim("d1", number, "a")
        board.submitted("d1", number, f"i{number}")
    board.claim("d2", 1, "b")
    assert board.latest("d1").number == 2  # type: ignore[union-attr]
    assert board.instances() == ["i1", "i2"]
    assert board.latest("d3") is None
    assert StoredBoard(store, "exp/other/").latest("d1") is None


def test_torn_and_foreign_objects_are_none(store: ObjectStore) -> None:
    board = StoredBoard(store, "exp/run/")
    store.put("exp/run/once/d1/notes.txt", b"x")
    assert board.latest("d1") is None
    store.put("exp/run/once/d1/0001.claim.json", b'{"owner": ')
    turn = board.latest("d1")
    assert turn is not None
    assert (turn.number, turn.claimed) == (1, 0.0), "so old that anybody takes it over"
    store.put("exp/run/once/d1/0001.instance.json", b"[]")
    assert board.instances() == []


@pytest.mark.parametrize("name", ["list", "get", "create"])
def test_a_store_that_is_away_is_asked_again_later(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def away(*_: object, **__: object) -> None:
        raise StorageUnavailable("away")

    board = StoredBoard(store, "exp/run/")
    board.claim("d1", 1, "a")
    monkeypatch.setattr(type(store), name, away)
    with pytest.raises(Unreachable):
        board.claim("d1", 2, "a") if name == "create" else board.latest("d1")
