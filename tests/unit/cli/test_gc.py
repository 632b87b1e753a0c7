"""automl gc: a dry run unless it is said otherwise, on a store from here or through Airflow."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from automl_core.cli.gc import size_text
from tests.unit.cli.conftest import DIGITS, Automl, Lived

DAY = 86_400


def lived(home: Path, run: str, days: float, end: bool = True) -> Lived:
    """A run whose last change was so many days ago, by its journal and by its files."""
    then = time.time() - days * DAY
    made = Lived(home, run, now=then - 100)
    made.lab.trial(0.5)
    if end:
        made.lab.stop()
        made.publish()
    for folder, _, names in os.walk(made.folder):
        for name in names:
            os.utime(os.path.join(folder, name), (then, then))
    return made


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_nothing_is_deleted_before_it_is_said(automl: Automl, home: Path) -> None:
    old, young = lived(home, "old", 90), lived(home, "young", 1)
    said = automl("gc", str(home / "runs"))
    assert said.code == 0, said.err
    assert "digits/old/" in said.out
    assert "ended 90 days ago" in said.out
    assert "1 item, " in said.last_line
    assert "would go, 1 run would stay. Nothing was deleted: --apply --plan " in said.last_line
    assert Path(old.folder).exists()
    plan = json.loads(automl("gc", str(home / "runs"), "--json").out)
    assert [item["place"] for item in plan["items"]] == ["digits/old/"]
    said = automl("gc", str(home / "runs"), "--apply", "--plan", plan["plan"])
    assert said.code == 0, said.err
    assert "deleted 1 item: " in said.err
    assert not Path(old.folder).exists()
    assert Path(young.folder).exists()


def test_where_nothing_could_go_no_plan_is_named(automl: Automl, home: Path) -> None:
    lived(home, "young", 1)
    said = automl("gc", str(home / "runs"))
    assert said.last_line == "0 items, 0 objects, 0 B would go, 1 run would stay."


def test_what_was_not_seen_does_not_go(automl: Automl, home: Path) -> None:
    lived(home, "old", 90)
    lived(home, "young", 1)
    plan = json.loads(automl("gc", str(home / "runs"), "--json").out)["plan"]
    other = lived(home, "older", 120)
    said = automl("gc", str(home / "runs"), "--apply", "--plan", plan)
    assert said.code == 1
    assert "something else would go than plan" in said.err
    assert Path(other.folder).exists()
    assert automl("gc", str(home / "runs"), "--apply", "--plan", "x").code == 1
    assert automl("gc", str(home / "runs"), "--plan", plan).code == 1


def test_by_name_only_the_experiment_and_what_its_file_learns_from_stays(automl: Automl, home: Path) -> None:
    for run, days in (("run-one", 90), ("run-two", 60), ("run-three", 40)):
        lived(home, run, days)
    assert "2 items" in automl("gc", "digits").last_line
    file = home / "experiments" / "digits.yaml"
    file.write_text(DIGITS.replace("{algorithm: random}", "{algorithm: random, transfer: {runs: 2}}"))
    said = automl("gc", "digits")
    assert "1 item" in said.last_line
    assert "stays: digits@run-two: the experiment file" in said.out
    assert automl("gc", "nope").code == 1
    assert "experiment files" not in said.out
    file.unlink()
    assert "not looked at: experiment files: there are none below" in automl("gc", str(home / "runs")).out


def test_options_are_checked(automl: Automl, home: Path) -> None:
    lived(home, "a", 90, end=False)
    runs = str(home / "runs")
    assert "0 items" in automl("gc", runs).last_line
    assert "stays: digits@a: it goes on" in automl("gc", runs).out
    assert "1 item" in automl("gc", runs, "--abandoned", "30d").last_line
    assert "at least a day" in automl("gc", runs, "--abandoned", "1h").err
    assert "what: everything: not known" in automl("gc", runs, "--what", "everything").err
    assert automl("gc", runs, "--older-than", "soon").code == 2
    assert "only Airflow knows" in automl("gc", runs, "--orphaned").err


def test_the_folder_of_an_experiment_is_not_taken_for_a_storage(automl: Automl, home: Path) -> None:
    lived(home, "old", 90)
    said = automl("gc", str(home / "runs" / "digits"), "--keep-last", "0")
    assert "0 items" in said.last_line
    assert "is the folder of an experiment; name the folder above it" in said.out


def test_what_killed_processes_left_on_this_machine(automl: Automl, home: Path, own_temporary_folder: Path) -> None:
    (home / "runs").mkdir()
    old = time.time() - 60 * DAY
    made = {
        "automl-999999999-slot_0_0_1": old, f"automl-{os.getpid()}-slot_0_0_1": old, "automl-k3_x9abz": old,
        "automl-k3_x9abc": time.time(), "automl-download-abcdefgh": old, "automl-images": old, "pytest-of-me": old,
    }  # fmt: skip
    for name, then in made.items():
        path = own_temporary_folder / name
        if "download" in name:
            path.write_bytes(b"123")
            path.chmod(0o600)
        else:
            path.mkdir(mode=0o700)
            (path / "log.txt").write_bytes(b"12345")
            os.utime(path / "log.txt", (then, then))
        os.utime(path, (then, then))
    shared = own_temporary_folder / "automl-shared00"
    shared.mkdir()
    shared.chmod(0o777)  # others can write there: not what mkdtemp makes
    os.utime(shared, (old, old))
    found = json.loads(automl("gc", str(home / "runs"), "--json").out)["items"]
    assert [(Path(item["place"]).name, item["bytes"]) for item in found] == [
        ("automl-999999999-slot_0_0_1", 5), ("automl-download-abcdefgh", 3), ("automl-k3_x9abz", 5),
    ]  # fmt: skip
    assert automl("gc", str(home / "runs"), "--apply").code == 0
    left = {path.name for path in own_temporary_folder.iterdir()}
    assert left == {*made, "automl-shared00"} - {Path(item["place"]).name for item in found}


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (3.4e9, "3.4 GB"), (12e15, "12000 TB")]
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert size_text(size) == text
