"""The copy that a version is: whole, checked, its own; made good after a kill; refused where there is none to make."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from automl_core.models.life import NotOffered, Source
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore, StorageError
from automl_core.storage.testing import CountingStore
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.world import DAG, DyingStore, Killed, World


@pytest.fixture(params=["bucket", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "bucket" else open_store(str(tmp_path / "store"))


@pytest.fixture
def world(store: ObjectStore) -> World:
    return World(store)


def copied(store: ObjectStore, prefix: str) -> dict[str, bytes]:
    return {key.removeprefix(prefix): store.get(key) for key in store.list(prefix)}


def test_a_version_is_a_copy_below_the_model(world: World) -> None:
    version = world.open().offer(*world.publish("r1"), DAG)
    model = version.model
    assert model.prefix == f"_models/churn/versions/1-{model.digest[:12]}/model/"
    assert copied(world.store, model.prefix) == {
        "model/weights.bin": b"r1 model/weights.bin", "status.json": b"r1 status.json",
    }  # fmt: skip
    assert (model.kind, model.files, model.bytes, model.problem) == ("folder", 2, 34, "")


def test_a_store_copies_within_itself_without_fetching_it_twice() -> None:
    world = World(MemoryStore())
    source, (_, prefix) = world.publish("r1")
    counting = CountingStore(world.store)
    life = world.open(counting)
    life.offer(source, (life.store, prefix), DAG)
    assert counting.calls["copy_file"] == 2
    assert counting.calls["download_file"] == 2  # to hash them
    assert counting.calls["upload_file"] == 0
    counting.calls.clear()
    life.offer(source, (life.store, prefix), DAG)
    assert set(counting.calls) <= {"list", "get"}


@pytest.mark.parametrize("other", ["bucket", "folder"])
def test_from_one_store_into_another(world: World, other: str, tmp_path: Path) -> None:
    elsewhere: ObjectStore = MemoryStore("elsewhere") if other == "bucket" else open_store(str(tmp_path / "other"))
    elsewhere.put("churn/r1/best_model/model/weights.bin", b"weights")
    version = world.open().offer(
        Source(elsewhere.url, "churn", "r1"), (elsewhere, "churn/r1/best_model/"), DAG
    )  # fmt: skip
    elsewhere.delete_prefix("churn/")
    assert copied(world.store, version.model.prefix) == {"model/weights.bin": b"weights"}


def test_two_stores_of_one_url_are_not_taken_for_one(tmp_path: Path) -> None:
    world, elsewhere = World(MemoryStore("same")), MemoryStore("same")
    elsewhere.put("churn/r1/best_model/weights.bin", b"theirs")
    world.store.put("churn/r1/best_model/weights.bin", b"ours")
    version = world.open().offer(Source(elsewhere.url, "churn", "r1"), (elsewhere, "churn/r1/best_model/"), DAG)
    assert copied(world.store, version.model.prefix) == {"weights.bin": b"theirs"}


def test_nothing_published_is_refused(world: World) -> None:
    with pytest.raises(NotOffered, match=r"there is no published model at .*churn/r1/best_model/"):
        world.open().offer(Source("x", "churn", "r1"), (world.store, "churn/r1/best_model/"), DAG)
    assert world.open().state.seq == 0


def test_a_copy_that_does_not_arrive_whole_is_no_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    life, (source, copy_from) = world.open(), world.publish("r1")
    copy = type(world.store).copy_file

    def cut(self: ObjectStore, source: str, target: str) -> None:
        copy(self, source, target)
        if target.endswith(".bin"):
            self.put(target, self.get(target)[:-1])

    monkeypatch.setattr(type(world.store), "copy_file", cut)
    with pytest.raises(NotOffered, match=r"is not whole: model/weights\.bin"):
        life.offer(source, copy_from, DAG)
    monkeypatch.undo()
    assert life.state.versions == {}
    assert life.offer(source, copy_from, DAG).number == 1


def test_an_original_that_is_replaced_meanwhile_is_no_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    life, (source, copy_from) = world.open(), world.publish("r1", b"old!")
    copy = type(world.store).copy_file

    def replaced(self: ObjectStore, source: str, target: str) -> None:
        self.put(source, b"newer")
        copy(self, source, target)

    monkeypatch.setattr(type(world.store), "copy_file", replaced)
    with pytest.raises(NotOffered):
        life.offer(source, copy_from, DAG)
    monkeypatch.undo()
    assert copied(world.store, life.offer(source, copy_from, DAG).model.prefix)["model/weights.bin"] == b"newer"


@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_killed_anywhere_leaves_nothing_that_counts_and_the_next_offer_makes_it_good(how: str) -> None:
    for at in range(1, 20):
        world = World()
        source, (_, prefix) = world.publish("r1")
        life = world.open(dying := DyingStore(world.store, at + 4, how))  # opening takes up to four
        with suppress(Killed, StorageError):
            life.offer(source, (life.store, prefix), DAG)
            if dying.calls < at + 4:
                break  # there is no such call: all of them were tried
        assert len(world.open().state.versions) <= 1
        version = world.open().offer(source, (world.store, prefix), DAG)
        assert version.number == 1
        assert set(copied(world.store, version.model.prefix)) == {"model/weights.bin", "status.json"}
        assert {key.split("/")[3] for key in world.store.list("_models/churn/versions/")} == {
            version.model.prefix.split("/")[3]
        }
    else:
        pytest.fail("an offer has more calls than were tried")
    assert at > 6


def test_two_who_offer_different_results_at_once_get_different_numbers(world: World) -> None:
    (first, one), (second, two) = world.publish("r1"), world.publish("r2")
    late = world.open()

    class Between(CountingStore):
        """Somebody else offers just before this one's record is written."""

        done = False

        def create(self, key: str, data: bytes) -> bool:
            if not self.done:
                self.done = True
                world.open().offer(second, two, DAG)
            return super().create(key, data)

    late = world.open(Between(world.store))
    version = late.offer(first, one, DAG)
    assert version.number == 2
    folders = {key.split("/")[3] for key in world.store.list("_models/churn/versions/")}
    assert folders == {each.model.prefix.split("/")[3] for each in world.open().state.versions.values()}
    assert copied(world.store, version.model.prefix)["model/weights.bin"] == b"r1 model/weights.bin"


def test_the_same_result_offered_by_two_at_once_is_one_version(world: World) -> None:
    source, copy_from = world.publish("r1")

    class Between(CountingStore):
        def create(self, key: str, data: bytes) -> bool:
            world.open().offer(source, copy_from, DAG)
            return super().create(key, data)

    assert world.open(Between(world.store)).offer(source, copy_from, DAG).number == 1
    assert len(world.open().state.versions) == 1


def test_a_model_file_of_ours_is_held_to_its_own_hashes(world: World, tmp_path: Path) -> None:
    body = {
        "kind": "automl model", "format": 1, "problem": {"kind": "binary", "target": "churned"},
        "files": {"model.npz": {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
    }  # fmt: skip
    prefix = "churn/r1/best_model/model/"
    world.store.put(f"{prefix}model.json", json.dumps(body).encode())
    world.store.put(f"{prefix}model.npz", b"test")
    version = world.open().offer(Source("x", "churn", "r1"), (world.store, prefix), DAG)
    assert (version.model.kind, version.model.problem, version.model.target) == ("model-file", "binary", "churned")
    world.store.put(f"{prefix}model.npz", b"tost")
    with pytest.raises(NotOffered, match=r"model\.npz is not what it was when the model was written"):
        world.open().offer(Source("x", "churn", "r2"), (world.store, prefix), DAG)
    world.store.put(f"{prefix}model.json", json.dumps(body | {"format": 99}).encode())
    with pytest.raises(NotOffered, match="the format 99"):
        world.open().offer(Source("x", "churn", "r3"), (world.store, prefix), DAG)


def test_a_json_that_is_none_of_ours_is_a_file_like_any_other(world: World) -> None:
    for run, body in (("r1", b"{not json"), ("r2", b"[]"), ("r3", b'{"kind": "xgboost"}')):
        world.store.put(f"churn/{run}/best_model/model.json", body)
        source = Source("x", "churn", run)
        assert world.open().offer(source, (world.store, f"churn/{run}/best_model/"), DAG).model.kind == "folder"


def test_killed_is_no_ordinary_exception() -> None:
    assert not issubclass(Killed, Exception)  # else a clean-up of the product's would run in a process that is gone
