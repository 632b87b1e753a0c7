from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from automl_core.storage import NotFound, StorageUnavailable
from automl_core.storage.folder import FolderStore
from automl_core.storage.testing import CountingStore, FaultyStore


def test_every_tenth_call_fails_before_and_after_it_is_done_by_turns(tmp_path: Path) -> None:
    store = FaultyStore(FolderStore(tmp_path), every=10)
    failed = []
    for number in range(1, 41):
        try:
            store.put(f"{number:02d}", b"")
        except StorageUnavailable as error:
            failed.append((number, "answer lost" in str(error)))
    assert failed == [(10, False), (20, True), (30, False), (40, True)]
    assert sorted(set(range(1, 41)) - {int(key) for key in FolderStore(tmp_path).list()}) == [10, 30]


def test_a_counter_file_counts_over_stores(tmp_path: Path) -> None:
    stores = [FaultyStore(FolderStore(tmp_path / "s"), 10, tmp_path / "calls") for _ in range(5)]

    def call(number: int) -> int:
        try:
            stores[number % 5].list()
        except StorageUnavailable:
            return 1
        return 0

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(call, range(100))) == 10
    assert (tmp_path / "calls").read_text() == "100"


def test_one_call_in_one_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 or more"):
        FaultyStore(FolderStore(tmp_path), every=1)


def test_counts_calls_and_pages(tmp_path: Path) -> None:
    store = CountingStore(FolderStore(tmp_path))
    store.put("a", b"")
    store.create("b", b"")
    store.list()
    (tmp_path / "many").mkdir()
    for number in range(2001):
        (tmp_path / "many" / str(number)).touch()
    store.list("many/")
    with pytest.raises(NotFound):
        store.get("nothing")
    assert store.calls == {"put": 1, "create": 1, "list": 4, "get": 1}
    assert store.total == 7
