"""Attempts with an environment of their own: its Python, and what becomes of attempts that can't have it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from automl_core.backends.forkserver import starting
from automl_core.code import CodeError, with_code
from automl_core.environments import Shelf, making, shelf
from automl_core.running.environment import check_lock
from automl_core.running.local import LocalRun
from automl_core.spec.lock_files import LockError
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.stages import begin_stage
from tests.support.wheels import make_wheel, offline
from tests.unit.running.promises import experiment

PROGRAM = """
import importlib.util, os, sys, tiny_lib
own = os.environ["VIRTUAL_ENV"] in sys.executable
print("has", tiny_lib.VERSION, importlib.util.find_spec("pandas"), os.environ.get("PYTHONPATH"), own)
print("loaded", getattr(tiny_lib, "LOADED_BY", None) not in (None, os.getpid()))
print("accuracy=0.5 step=0")
"""
PRELOADED = "import os\nLOADED_BY = os.getpid()\n"


class Bench:
    """An experiment with a lock file, on a machine with a folder of wheels."""

    def __init__(self, folder: Path, lock: str = "tiny-lib==1.2\n", **groups: Any) -> None:
        self.file, self.program = folder / "home" / "e.yaml", folder / "home" / "program"
        self.program.mkdir(parents=True, exist_ok=True)
        (self.program / "train.py").write_text(PROGRAM)
        (self.program / "requirements.txt").write_text(lock)
        task = {"name": "train", "cwd": "code", "command": ["python", "train.py"]}
        body = {"code": "program", "tasks": [task], "environment": {"lock": "program/requirements.txt"}}
        self.store, self.lines = FolderStore(folder / "runs"), list[str]()
        self.whole, _ = with_code(experiment(**{**body, **groups}), self.file, self.store)
        self.study = Study.create(StudyJournal(self.store, "e/r/"), self.whole, "r", [])

    def attempt(self, study: Study | None = None) -> LocalRun:
        study = study or self.study
        binding = study.ask(0)
        assert isinstance(binding, Binding), binding
        return LocalRun(study, self.store, binding, home=self.file.parent, emit=self.lines.append)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose packages are wheels in a folder."""
    make_wheel(tmp_path / "wheels", "tiny-lib", "1.2", PRELOADED)
    monkeypatch.setattr(making, "pip_is_there", lambda python: False)
    for name, value in offline(tmp_path / "user", tmp_path / "wheels").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "airflows"))
    return tmp_path


def test_a_trial_and_a_stage_train_with_the_packages_of_the_lock_file(machine: Path) -> None:
    prepare = [{"name": "look", "cwd": "code", "command": ["python", "train.py"]}]
    bench = Bench(machine, prepare=prepare)
    outcome, _ = bench.attempt(begin_stage(bench.study, "prepare")).run()
    assert outcome.state is TrialState.SUCCEEDED, outcome.reason
    assert "has 1.2 None None True" in bench.lines
    assert any("made by uv" in line for line in bench.lines)
    del bench.lines[:]
    outcome, _ = bench.attempt().run()
    assert outcome.value == 0.5
    assert bench.lines == ["has 1.2 None None True", "loaded False", "accuracy=0.5 step=0"], "made once"


def test_a_preloaded_module_is_the_environments_one(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("/tmp") / f"af-{os.getpid()}-{abs(hash(str(machine))) % 10**8}"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(starting, "_base", lambda: folder)
    monkeypatch.setattr(starting, "_LEFT", [])
    task = {"name": "train", "cwd": "code", "command": ["python", "train.py"], "preload": "tiny_lib"}
    bench = Bench(machine, tasks=[task])
    try:
        outcome, _ = bench.attempt().run()
        assert outcome.state is TrialState.SUCCEEDED, outcome.reason
        assert "loaded True" in bench.lines, "the program ran in a fork of a process that had imported it"
        assert "has 1.2 None None True" in bench.lines
    finally:
        for process in starting._LEFT:
            process.terminate()
            process.wait(20)
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()


def test_the_time_limit_of_a_trial_does_not_run_while_its_environment_is_made(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real = Bench(machine, trials={"timeout": 60}).attempt(), shelf.Making.run
    limited: list[bool] = []

    def watched(self: making.Making) -> str:
        limited.append(run.job is not None)
        return real(self)

    monkeypatch.setattr(shelf.Making, "run", watched)
    outcome, _ = run.run()
    assert outcome.state is TrialState.SUCCEEDED, outcome.reason
    assert limited == [False], "there is no process yet that a limit could end"


def test_a_package_that_is_nowhere_ends_the_experiment_at_once(machine: Path) -> None:
    bench = Bench(machine, "tiny-lib==1.2\nno-such-lib==3.1\n", trials={"retries": 3})
    outcome, told = bench.attempt().run()
    assert (outcome.state, outcome.systematic, outcome.kind) == (TrialState.FAILED, True, "environment")
    assert "requirements.txt line 2: no-such-lib==3.1" in outcome.reason
    assert told.stop is not None
    assert told.stop.state == ExperimentState.FAILED
    assert not told.retry


def test_a_registry_that_is_away_is_a_failure_that_is_tried_again(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    real = Shelf.__init__

    def hasty(self: Shelf, root: Path, **options: Any) -> None:
        real(self, root, **options | {"patience": 0})

    monkeypatch.setattr(Shelf, "__init__", hasty)
    outcome, told = Bench(machine, trials={"retries": 1}).attempt().run()
    assert (outcome.state, outcome.systematic) == (TrialState.FAILED, False)
    assert "could not be reached" in outcome.reason
    assert told.retry


def test_an_attempt_that_is_ended_while_its_environment_is_made(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = machine / "uv"
    script.write_text("#!/bin/sh\nexec sleep 1000\n")
    script.chmod(0o755)
    monkeypatch.setattr(making, "find_uv", lambda environ: str(script))
    bench = Bench(machine)
    run = bench.attempt()
    bench.lines = lines = _Lines(lambda: run.kill(TrialState.USER_CANCELED, "cleared"))
    run._emit = lines.append
    outcome, _ = run.run()
    assert (outcome.state, outcome.reason) == (TrialState.USER_CANCELED, "cleared")


class _Lines(list[str]):
    def __init__(self, then: Any) -> None:
        super().__init__()
        self._then = then

    def append(self, line: str) -> None:
        super().append(line)
        if "making it" in line:
            self._then()


def test_a_lock_file_is_looked_at_before_anything_runs(machine: Path) -> None:
    bench = Bench(machine)
    file, whole = bench.file, bench.whole
    lock = check_lock(whole, file)
    assert lock is not None
    assert lock.name == "requirements.txt"
    assert check_lock(whole.model_copy(update={"environment": None}), file) is None
    (bench.program / ".automlignore").write_text("*.txt\n")
    with pytest.raises(CodeError, match=r"\.automlignore"):
        check_lock(whole, file)
    (bench.program / "requirements.txt").write_text("tiny-lib>1\n")
    with pytest.raises(LockError, match="several versions"):
        check_lock(whole, file)
    packed_elsewhere: Experiment = whole
    assert check_lock(packed_elsewhere, machine / "far" / "away" / "e.yaml") is None
