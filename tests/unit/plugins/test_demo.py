"""The demo begins with one combination without Airflow, and goes no further where that does not work."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from automl_airflow import demo
from automl_airflow.session import PRODUCT_ROOT


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Calls of the command, each of which goes well."""
    calls: list[list[str]] = []

    def automl(argv: Sequence[str]) -> int:
        calls.append(list(argv))
        return 0

    monkeypatch.setattr("automl_core.cli.main", automl)
    return calls


def test_it_tries_one_combination_first_and_says_how_to_call_the_command(
    called: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo._tried(demo.DEFAULT_EXPERIMENT)
    assert called == [["try", str(demo.DEFAULT_EXPERIMENT)]]
    said = capsys.readouterr().out
    assert ".venv/bin/automl try experiments/digits_mlp.yaml" in said
    assert "`. .venv/bin/activate` puts `automl` on the PATH" in said


def test_it_starts_no_airflow_where_that_one_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("automl_core.cli.main", lambda argv: 1)
    monkeypatch.setattr(demo, "StandaloneAirflow", lambda home: started.append(str(home)))
    monkeypatch.setattr(demo, "STANDINS", ())
    monkeypatch.setattr(demo.signal, "signal", lambda *_: None)
    monkeypatch.setenv("AUTOML_HOME", "/nowhere")
    assert demo.main([]) == 1
    assert len(started) == 1, "it is looked for and not started"


@pytest.mark.parametrize("name", ["moons_kubernetes", "breast_cancer_sql"])
def test_what_runs_elsewhere_is_not_tried_here(called: list[list[str]], name: str) -> None:
    assert demo._tried(PRODUCT_ROOT / "experiments" / f"{name}.yaml")
    assert called == []


def test_the_readme_puts_the_command_on_the_path_before_it_is_used() -> None:
    text = (PRODUCT_ROOT / "README.md").read_text(encoding="utf-8")
    blocks = "".join(text.split("```console\n")[1:])
    assert blocks.index("$ . .venv/bin/activate") < blocks.index("$ automl ")
    assert Path(sys.executable).parent.joinpath("automl").is_file(), "and there it is"
