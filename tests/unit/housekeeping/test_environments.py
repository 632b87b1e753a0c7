"""Environments that nobody uses any more: named, and removed only while that is so."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from automl_core.environments import Shelf
from automl_core.housekeeping.environments import is_environment, remove_environment, unused_environments
from automl_core.housekeeping.plan import DAY

NOW = 100 * DAY


def kept(root: Path, name: str, used: float, *, whole: bool = True) -> Path:
    folder = root / name
    (folder / "env-1" / "lib").mkdir(parents=True)
    (folder / "env-1" / "lib" / "x.py").write_text("12345")
    (folder / "env-1" / "automl_core").symlink_to(Path(__file__).parent)
    (folder / "lock").touch()
    if whole:
        (folder / "ready.json").write_text(json.dumps({"folder": "env-1", "lock": "r.txt", "python": "3.11.9"}))
    os.utime(folder / ("ready.json" if whole else "lock"), (used, used))
    return folder


def test_what_nobody_used_and_what_was_killed_goes_and_nothing_else(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    old, dead = kept(tmp_path, "old", NOW - 40 * DAY), kept(tmp_path, "dead", NOW - 50 * DAY, whole=False)
    fresh = kept(tmp_path, "fresh", NOW - 3 * DAY)
    items = list(unused_environments(tmp_path, 30 * DAY, NOW, shelf))
    assert {item.place for item in items} == {str(old), str(dead)}
    whys = {Path(item.place).name: item.why for item in items}
    assert "r.txt, Python 3.11.9" in whys["old"]
    assert "killed" in whys["dead"]
    assert all(is_environment(item) and item.what == "caches" for item in items)
    assert all(item.bytes < 1000 for item in items), "what is only linked is not counted"
    for item in items:
        assert remove_environment(item) == ""
    assert not old.exists()
    assert not dead.exists()
    assert fresh.exists()
    assert Path(__file__).exists(), "the link went, not what it leads to"
    kept(tmp_path, "new", NOW - 3600)
    left = [Path(item.place).name for item in unused_environments(tmp_path, 0, NOW, shelf)]
    assert left == ["fresh"], "a day at least is kept to"


def test_one_that_is_used_again_stays(tmp_path: Path) -> None:
    folder = kept(tmp_path, "old", NOW - 40 * DAY)
    (item,) = unused_environments(tmp_path, 30 * DAY, NOW, Shelf(tmp_path))
    os.utime(folder / "ready.json", (NOW, NOW))
    assert remove_environment(item) == "a training has used it since"
    assert folder.exists()


def test_where_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOML_ENVIRONMENTS", raising=False)
    assert not list(unused_environments(tmp_path, 0, NOW))
