"""The demo begins with one combination without Airflow, and goes no further where that does not work."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_airflow import demo
from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import StandaloneError
from tests.unit.plugins.files import body, write

LONG = 60.0


def first_try(code: str) -> demo.FirstTry:
    """A try whose process is a program of ours."""
    return demo.FirstTry(subprocess.Popen([sys.executable, "-c", code]))


class FakeAirflow:
    """Starts nothing, for as long as what it is to check lets it."""

    def __init__(self, home: Path, extra_env: dict[str, str]) -> None:
        self.home, self.extra_env, self.stopped = home, dict(extra_env), 0

    def running(self) -> bool:
        return False

    def start(self, *, detached: bool, say: Callable[[str], None], check: Callable[[], None]) -> None:
        say("Airflow: making its database")
        deadline = time.monotonic() + LONG
        while time.monotonic() < deadline:
            check()
            time.sleep(0.01)

    def stop(self, patience: float = 0.0) -> None:
        self.stopped += 1


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeAirflow:
    """The demo's Airflow."""
    fake = FakeAirflow(tmp_path, {})
    monkeypatch.setattr(demo, "StandaloneAirflow", lambda home, extra_env: fake)
    monkeypatch.setattr(demo, "STANDINS", ())
    monkeypatch.setattr(demo.signal, "signal", lambda *_: None)
    monkeypatch.setenv("AUTOML_HOME", "/nowhere")
    return fake


def test_it_tries_one_combination_first_and_says_how_to_call_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(demo.subprocess, "Popen", lambda command, **_: called.append([str(c) for c in command]))
    demo.FirstTry.begin(demo.DEFAULT_EXPERIMENT)
    assert [command[1:] for command in called] == [["try", str(demo.DEFAULT_EXPERIMENT)]]
    assert Path(called[0][0]).is_file(), "the command that people call"
    said = capsys.readouterr().out
    assert ".venv/bin/automl try experiments/digits_mlp.yaml" in said
    assert "`. .venv/bin/activate` puts `automl` on the PATH" in said


def test_one_that_does_not_work_ends_an_airflow_that_is_still_starting(
    monkeypatch: pytest.MonkeyPatch, airflow: FakeAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(demo.FirstTry, "begin", lambda _: first_try("raise SystemExit(1)"))
    monkeypatch.setattr(demo, "_run", lambda *a, **k: ran.append(a))
    assert demo.main([]) == 1
    assert ran == [], "no experiment is started"
    assert airflow.stopped == 1
    said = capsys.readouterr()
    assert "does not work" in said.err
    assert "making its database" in said.out


def test_a_file_that_is_wrong_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, airflow: FakeAirflow, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: wrong\n", encoding="utf-8")
    monkeypatch.setattr(demo, "_experiment", lambda _: wrong)
    assert demo.main([]) == 1
    said = capsys.readouterr()
    assert "making its database" not in said.out
    assert "wrong.yaml" in said.err


def test_an_airflow_that_is_up_first_waits_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    tried = first_try("import time; time.sleep(0.5)")
    tried.check()
    tried.wait()
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == "Now all of it, in Airflow."
    with pytest.raises(StandaloneError, match="does not work"):
        first_try("raise SystemExit(3)").wait()


def test_one_that_still_runs_is_ended_with_the_demo() -> None:
    # whoever runs the tests behind a shell's & has them, and their children, ignore this signal
    hears = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); print('up', flush=True); "
    process = subprocess.Popen(
        [sys.executable, "-c", f"{hears}time.sleep({LONG})"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        tried = demo.FirstTry(process)
        tried.end()
        assert process.poll() == -signal.SIGINT, "it could end its training first"
        tried.end()


@pytest.mark.parametrize("name", ["moons_kubernetes", "breast_cancer_sql"])
def test_what_runs_elsewhere_is_not_tried_here(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    tried = demo.FirstTry.begin(PRODUCT_ROOT / "experiments" / f"{name}.yaml")
    tried.check()
    tried.wait()
    tried.end()
    assert capsys.readouterr().out == ""


def test_the_readme_puts_the_command_on_the_path_before_it_is_used() -> None:
    text = (PRODUCT_ROOT / "README.md").read_text(encoding="utf-8")
    blocks = "".join(text.split("```console\n")[1:])
    assert blocks.index("$ . .venv/bin/activate") < blocks.index("$ automl ")
    assert Path(sys.executable).parent.joinpath("automl").is_file(), "and there it is"


def test_an_experiment_that_prepares_elsewhere_is_not_tried_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(*_: Any, **__: Any) -> Any:
        raise AssertionError("a try is made of processes of this machine")

    monkeypatch.setattr(demo.subprocess, "Popen", begun)
    sql = {"name": "join", "backend": "maxcompute", "connection": "odps", "sql": "CREATE TABLE t AS SELECT 1 AS x;"}
    assert demo.FirstTry.begin(write(tmp_path, "first.yaml", body(prepare=[sql])))._process is None
