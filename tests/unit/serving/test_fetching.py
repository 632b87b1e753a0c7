"""Models' files on a server's machine: bounded, and never removed while a server runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from automl_core.serving.fetching import ModelCache
from tests.unit.serving.world import Lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    found = Lake(tmp_path_factory.mktemp("fetched"))
    for seed in (1, 2, 3):
        found.offered(seed=seed)
    return found


def test_what_was_not_used_for_the_longest_goes_and_never_what_runs(lake: Lake, tmp_path: Path) -> None:
    copies = [lake.life().state.version(number).model for number in (1, 2, 3)]
    size = copies[0].bytes
    cache, other = ModelCache(tmp_path, int(size * 2.5)), ModelCache(tmp_path, int(size * 2.5))
    folders = [cache.fetch(lake.store, copy) for copy in copies[:2]]
    assert other.fetch(lake.store, copies[0]) == folders[0]
    for age, folder in zip((200, 100), folders, strict=True):
        os.utime(folder, (time.time() - age,) * 2)
    cache.let_go(folders[0])  # the other server of this machine has it still
    cache.let_go(folders[1])
    third = cache.fetch(lake.store, copies[2])
    assert (folders[0].is_dir(), folders[1].is_dir(), third.is_dir()) == (True, False, True)
    assert cache.tidy(size * 3) == [], "what runs stays, whatever it takes"
    other.close()
    assert cache.tidy(size) == [folders[0].name]
    assert cache.fetch(lake.store, copies[0]) == folders[0], "and is there again where it is asked for"
    assert (folders[0] / "scorer.json").is_file()
    cache.close()


def test_a_killed_server_holds_nothing_and_its_download_goes(lake: Lake, tmp_path: Path) -> None:
    copy = lake.life().state.version(1).model
    program = (
        "import os, sys, pathlib, msgspec\n"
        "from automl_core.models.life.entities import ModelCopy\n"
        "from automl_core.serving.fetching import ModelCache\n"
        "from automl_core.storage import open_store\n"
        "copy = msgspec.json.decode(sys.argv[3], type=ModelCopy)\n"
        "ModelCache(pathlib.Path(sys.argv[2])).fetch(open_store(sys.argv[1]), copy)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    import msgspec

    told = [lake.store.url, str(tmp_path), msgspec.json.encode(copy).decode()]
    assert subprocess.run([sys.executable, "-c", program, *told], check=False).returncode == -9
    (tmp_path / ".fetching-old").mkdir()
    os.utime(tmp_path / ".fetching-old", (1, 1))
    (tmp_path / ".fetching-new").mkdir()
    assert ModelCache(tmp_path, 0).tidy() == [copy.digest[:32]]
    assert [each.name for each in tmp_path.iterdir() if each.name != ".locks"] == [".fetching-new"]
