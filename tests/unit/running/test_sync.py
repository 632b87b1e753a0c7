"""Carrying models and checkpoints between a store and folders: before the training, while it runs, and at its end."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from automl_core.running.sync import VARIABLE, Keeper, Order, Replaced, fetch, keep, main
from automl_core.storage import StorageError, open_store
from automl_core.storage.base import ObjectStore, StorageUnavailable
from tests.support.patience import stretched


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(str(tmp_path / "store"))


def test_what_the_training_goes_on_from_is_there_before_it(store: ObjectStore, tmp_path: Path) -> None:
    store.put("c/budget_1/deep/state.json", b"1")
    order = Order(store.url, {"c/budget_1": str(tmp_path / "resume")}, {str(tmp_path / "model"): "m"}, 1)
    fetch(store, Order.from_json(order.to_json()))
    assert (tmp_path / "resume" / "deep" / "state.json").read_bytes() == b"1"
    assert (tmp_path / "model").is_dir()


def test_only_what_has_changed_is_brought(store: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    keeper = Keeper(store, {str(folder): "m"})
    assert keeper.look() == 0
    (folder / "a").write_text("1")
    (folder / "deep" / "b").write_text("2")
    assert keeper.look() == 2
    assert keeper.look() == 0
    (folder / "a").write_text("longer")
    assert keeper.look() == 1
    assert store.get("m/a") == b"longer"
    assert store.get("m/deep/b") == b"2"


def test_what_the_training_takes_away_goes_from_the_store_once_the_newer_is_there(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, other = tmp_path / "checkpoints", tmp_path / "model"
    folder.mkdir()
    other.mkdir()
    store.put("c/of_an_earlier_attempt", b"0")
    keeper = Keeper(store, {str(folder): "c", str(other): "m"})
    (folder / "epoch1").write_text("1")
    (other / "kept").write_text("m")
    assert keeper.look() == 2
    (folder / "epoch1").unlink()
    (folder / "epoch2").write_text("2")
    with monkeypatch.context() as patched:
        patched.setattr(store, "upload_file", lambda *_: (_ for _ in ()).throw(StorageError("away")))
        with pytest.raises(StorageError):
            keeper.look()
    assert store.get("c/epoch1") == b"1", "the newer one is not safe yet"
    keeper.look()
    assert sorted(store.list("c/")) == ["c/epoch2", "c/of_an_earlier_attempt"], "only what it has brought itself"
    (other / "kept").unlink()
    other.rmdir()
    keeper.look()
    assert store.get("m/kept") == b"m", "a folder that is gone is the end of a pod"


def test_what_the_store_refuses_is_brought_at_the_next_look(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("1")
    keeper = Keeper(store, {str(folder): "m"})

    def refuse(source: Path, key: str) -> None:
        raise StorageError("away")

    with monkeypatch.context() as patched:
        patched.setattr(store, "upload_file", refuse)
        with pytest.raises(StorageError):
            keeper.look()
    assert keeper.look() == 1


def test_the_last_look_comes_after_the_end_of_the_training(store: ObjectStore, tmp_path: Path) -> None:
    folder, ended = tmp_path / "model", threading.Event()
    folder.mkdir()
    (folder / "late").write_text("x")
    ended.set()
    keep(store, Order(store.url, {}, {str(folder): "m"}, 3600), ended)
    assert store.get("m/late") == b"x"


def test_a_file_says_that_the_training_has_ended(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "ended").touch()
    keep(store, Order(store.url, {}, {str(tmp_path / "model"): "m"}, 3600, str(tmp_path / "ended")), threading.Event())


def test_an_order_that_is_none_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([]) == 2
    for text in ("{}", "[", '{"storage": "s3://"}'):
        monkeypatch.setenv(VARIABLE, text)
        assert main(["fetch"]) == 1


@pytest.mark.parametrize("what", ["fetch", "keep"])
def test_a_store_that_is_away_is_waited_for(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("automl_core.running.patience.FIRST_PAUSE", 0.01)
    store.put("c/state", b"1")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "a").write_text("1")
    refused = []

    def away(name: str) -> Any:
        real = getattr(store, name)

        def call(*args: Any) -> Any:
            if len(refused) < 4:
                refused.append(name)
                raise StorageUnavailable("away")
            return real(*args)

        return call

    for name in ("download", "upload_file"):
        monkeypatch.setattr(store, name, away(name))
    order = Order(store.url, {"c": str(tmp_path / "c")}, {str(folder): "m"}, 0.1)
    if what == "fetch":
        fetch(store, order)
        assert (tmp_path / "c" / "state").read_bytes() == b"1"
    else:
        ended = threading.Event()
        ended.set()
        keep(store, order, ended)
        assert store.get("m/a") == b"1"
    assert len(refused) == 4


def test_a_replaced_attempt_brings_nothing_more(store: ObjectStore, tmp_path: Path) -> None:
    """Its node was given up, and its containers run on: the attempt after it writes to the same checkpoint."""
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    order = Order(store.url, {}, {str(folder): "c"}, 0.01, str(tmp_path / "ended"), owner="o", attempt="slot_0_0_1")
    store.put("o", b"slot_0_0_1")
    ended = threading.Event()

    def keeps() -> None:
        with pytest.raises(Replaced):
            keep(store, order, ended)

    kept = threading.Thread(target=keeps)
    (folder / "step").write_text("7")
    kept.start()
    while not store.list("c/step"):
        ended.wait(0.01)
    store.put("o", b"slot_0_0_2")
    kept.join(10)
    assert not kept.is_alive()
    store.put("c/step", b"9")
    (folder / "step").write_text("8 of the attempt before")
    (tmp_path / "ended").touch()
    with pytest.raises(Replaced, match="slot_0_0_2 has taken over from slot_0_0_1"):
        keep(store, order, ended)
    assert store.get("c/step") == b"9"


def test_a_replaced_attempt_fails_nothing(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store.put("o", b"another")
    (tmp_path / "ended").touch()
    order = Order(store.url, {}, {str(tmp_path / "c"): "c"}, 0.01, str(tmp_path / "ended"), owner="o", attempt="mine")
    monkeypatch.setenv(VARIABLE, order.to_json())
    assert main(["keep"]) == 0
    assert "another has taken over" in caplog.text


def test_an_owner_that_nobody_can_tell_stops_nothing(store: ObjectStore, tmp_path: Path) -> None:
    folder = tmp_path / "c"
    folder.mkdir()
    (folder / "step").write_text("7")
    ended = threading.Event()
    ended.set()
    keep(store, Order(store.url, {}, {str(folder): "c"}, 1, owner="gone", attempt="mine"), ended)
    assert store.get("c/step") == b"7"


def test_a_signal_while_the_event_is_held_sets_it_all_the_same() -> None:
    """The pod is ended while this process is about to wait: whoever sets an event in a handler stands still there."""
    program = """
import os, signal
from automl_core.running.sync import set_by
ended = set_by(signal.SIGTERM)
with ended._cond:
    os.kill(os.getpid(), signal.SIGTERM)
    sum(range(1_000_000))  # a handler has run by now
print(ended.wait(300), signal.pthread_sigmask(signal.SIG_BLOCK, ()), flush=True)
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=stretched(60), check=False
    )
    assert (found.stdout, found.returncode) == ("True set()\n", 0), (
        found.stderr
    )  # none blocked: children would never hear it
