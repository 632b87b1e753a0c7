"""Finding an experiment's result by path: published or not, run or experiment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from automl_core.results import leaderboard, publish
from automl_core.results.reading import read_result
from automl_core.states import ExperimentState
from automl_core.storage.folder import FolderStore
from automl_core.storage.testing import CountingStore
from tests.unit.results import lab as labs
from tests.unit.results.lab import Lab


def run_of(folder: Path, run: str, value: float, *, ended: bool = True, now: float = labs.START) -> Lab:
    lab = Lab(store=FolderStore(folder), run=run, now=now)
    lab.trial(value)
    if ended:
        lab.stop()
    return lab


def put_out(lab: Lab) -> None:
    publish(lab.store, lab.prefix, lab.spec, lab.state, algorithm_state=None)


@pytest.mark.parametrize("place", ["digits/run-1", "digits/run-1/", "digits", "digits/run-1/controller.json"])
def test_every_way_to_name_it_leads_to_it(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put_out(run_of(tmp_path, "run-1", 0.5))
    monkeypatch.setenv("AUTOML_HOME", "/nowhere")
    for path in (f"{tmp_path}/{place}", f"file://{tmp_path}/{place}", tmp_path / place):
        assert leaderboard(path).best is not None
    monkeypatch.chdir(tmp_path)
    assert leaderboard(place).rows[0].value == 0.5, "a path on a command line begins at the current folder"


def test_what_was_published_needs_no_journal(tmp_path: Path) -> None:
    lab = run_of(tmp_path, "run-1", 0.5)
    put_out(lab)
    lab.store.delete_prefix(f"{lab.prefix}journal")
    assert leaderboard(tmp_path / "digits" / "run-1").state is ExperimentState.FINISHED
    assert leaderboard(tmp_path / "digits").state is ExperimentState.FINISHED


def test_before_it_is_published_the_journal_tells(tmp_path: Path) -> None:
    run_of(tmp_path, "run-1", 0.5, ended=False)
    found = leaderboard(tmp_path / "digits")
    assert (found.state, len(found.rows)) == (ExperimentState.RUNNING, 1)


def test_of_a_running_experiment_the_journal_knows_more_than_what_was_published(tmp_path: Path) -> None:
    lab = run_of(tmp_path, "run-1", 0.5, ended=False)
    put_out(lab)
    lab.trial(0.9)
    assert len(leaderboard(tmp_path / "digits" / "run-1").rows) == 2
    lab.store.delete_prefix(f"{lab.prefix}journal")
    assert len(leaderboard(tmp_path / "digits" / "run-1").rows) == 1


def test_of_several_runs_the_newest_is_taken_whatever_its_name(tmp_path: Path) -> None:
    run_of(tmp_path, "scheduled__2026-09-21", 0.1, now=labs.START + 100)
    put_out(run_of(tmp_path, "manual__2026-12-01", 0.2, now=labs.START))
    put_out(run_of(tmp_path, "a", 0.3, now=labs.START + 200))
    (tmp_path / "digits" / "notes").mkdir()
    (tmp_path / "digits" / "notes" / "readme.txt").write_text("no run")
    assert leaderboard(tmp_path / "digits").run == "a"


def test_reading_changes_nothing(tmp_path: Path) -> None:
    put_out(run_of(tmp_path, "run-1", 0.5))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    leaderboard(tmp_path / "digits")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_place_without_an_experiment_says_what_there_is(tmp_path: Path) -> None:
    put_out(run_of(tmp_path, "run-1", 0.5))
    with pytest.raises(
        LookupError, match=r"no experiment in .*: wanted is the folder of a run .* found the folders digits"
    ):
        leaderboard(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(LookupError, match="it holds no folders"):
        leaderboard(tmp_path / "empty")
    with pytest.raises(LookupError, match=r"there is no file or folder .*nowhere"):
        leaderboard(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"experiment": {"state": "EXPLODED"}, "trials": []}', '{"experiment":']
)
def test_a_foreign_controller_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "controller.json").write_text(text)
    with pytest.raises(ValueError, match=r"controller\.json"):
        leaderboard(tmp_path / "controller.json")
    with pytest.raises(ValueError, match=r"controller\.json"):
        leaderboard(tmp_path)


def test_a_run_with_a_torn_first_record_is_still_a_run(tmp_path: Path) -> None:
    lab = run_of(tmp_path, "run-1", 0.5)
    put_out(lab)
    lab.store.put(f"{lab.prefix}journal/0000000001.json", b'{"torn')
    assert leaderboard(tmp_path / "digits").run == "run-1"


def test_a_file_of_another_name_is_read_all_the_same(tmp_path: Path) -> None:
    put_out(run_of(tmp_path, "run-1", 0.5))
    os.rename(tmp_path / "digits" / "run-1" / "controller.json", tmp_path / "saved.result")
    assert read_result(tmp_path / "saved.result")["experiment"]["run"] == "run-1"


def test_finding_the_newest_run_lists_no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        put_out(run_of(tmp_path, f"run-{number}", 0.5, now=labs.START + number))
    counting = CountingStore(FolderStore(tmp_path / "digits"))
    monkeypatch.setattr("automl_core.results.reading.open_store", lambda url, credentials: counting)
    assert leaderboard(tmp_path / "digits").run == "run-4"
    assert counting.total <= 2 * 5 + 6
