"""The command line where the journal lies elsewhere: it asks the server, and says what it says of a journal here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from automl_core.cli import main
from automl_core.cli.served import Served, failure_lines
from automl_core.results.leaderboard import leaderboard
from automl_core.results.summary import summary
from automl_core.spec.models import Experiment
from automl_core.storage.folder import FolderStore
from automl_core.study import StudyJournal
from automl_core.study.layout import experiment_prefix
from tests.unit.web.conftest import World
from tests.unit.web.test_client import connect


@pytest.fixture
def elsewhere(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with neither experiment files nor runs, whose server is this API."""
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_API_URL", "http://testserver")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("automl_core.cli.remote.connect", lambda: connect(world, "vic"))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    own = [line for line in captured.out.splitlines() if not re.match(r"\d{4}-\d\d-\d\dT", line)]  # the server's log
    return code, "\n".join(own), captured.err


def test_status_of_an_experiment_whose_file_and_journal_are_elsewhere(
    elsewhere: Path, ended: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "status", ended[0])
    assert code == 0, err
    assert f"{ended[0]} · {ended[1]}: FINISHED" in out
    assert "12 of 12 trials done, 0 running, 1 failed" in out
    assert "best accuracy " in out
    assert "folder: file://" in out
    assert json.loads(said(capsys, "status", ended[0], "--json")[1])["done"] == 12


def test_results_are_those_that_the_journal_gives(
    elsewhere: Path, world: World, ended: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = said(capsys, "results", ended[0], "--json")
    assert code == 0, err
    here = leaderboard(world.storage / experiment_prefix(*ended)).to_json()
    there = json.loads(out)
    rounded = [{**row, "seconds": round(row["seconds"], 3)} for row in here["rows"]]
    assert [{**row, "seconds": round(row["seconds"], 3)} for row in there["rows"]] == json.loads(json.dumps(rounded))
    assert {key: there[key] for key in there if key != "rows"} == json.loads(
        json.dumps({key: here[key] for key in here if key != "rows"})
    )  # fmt: skip


def test_the_summary_is_the_one_of_the_journal(world: World, ended: tuple[str, str]) -> None:
    state = StudyJournal(FolderStore(world.storage), experiment_prefix(*ended)).refresh()
    own = summary(state, Experiment.model_validate(state.experiment), state.updated)
    other = Served(connect(world, "vic").run(*ended)).summary()
    for name in ("name", "run", "state", "reason", "metric", "direction", "counts", "trials", "slots", "slots_ended"):
        assert getattr(other, name) == getattr(own, name), name
    assert own.best is not None
    assert other.best is not None
    assert (other.best.trial, other.best.value, other.best.params) == (own.best.trial, own.best.value, own.best.params)


def test_failed_trials_have_their_reason(
    elsewhere: Path, world: World, ended: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = said(capsys, "trials", ended[0], "--state", "FAILED")
    assert code == 0
    head, row, _ = out.splitlines()
    assert head.split()[-1] == "why"
    assert row.rstrip().endswith("simulated failure")
    assert Served(connect(world, "vic").run(*ended)).failures() == ["trial 2 failed: simulated failure"]
    assert "why" not in said(capsys, "trials", ended[0], "--state", "SUCCEEDED")[1].splitlines()[0]


def test_what_nobody_knows_is_said_to_be_unknown_here(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, "status", "nothing")
    assert code == 1
    assert "nothing: no such folder, file or experiment here" in err


def test_what_the_server_cannot_read_is_said_in_its_words(
    elsewhere: Path, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    name = world.know(world.spec("unconnected-cli").replace("output: {", "output: {connection: nope, "))
    world.begin(name, "one")
    code, _, err = said(capsys, "status", name)
    assert code == 1
    assert "the connection 'nope', which output.connection names, is not defined in Airflow" in err
    assert not err.startswith("GET"), "the route is no help"


@pytest.mark.parametrize(
    ("failed", "lines"),
    [
        ([], []),
        (
            [(4, "exit code 1: ValueError: x. Its last lines:\nValueError: x")],
            ["trial 4 failed: exit code 1: ValueError: x"],
        ),
        ([(0, "a\n1"), (1, "a\n2"), (2, "b")], ["2 trials (0, 1) failed: a", "trial 2 failed: b"]),
        ([(n, "a") for n in range(9)], ["9 trials (0, 1, 2, …) failed: a"]),
        ([(n, f"reason {n}") for n in range(9)], [f"trial {n} failed: reason {n}" for n in range(3)]),
    ],
)
def test_reasons_are_lines_and_each_is_said_once(failed: Any, lines: list[str]) -> None:
    assert failure_lines(failed) == lines
