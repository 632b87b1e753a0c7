"""The file of ten lines that a TAO user begins with: its preview shows the default search, as it was changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from automl_core.cli import app
from automl_core.tao.templates import version_of
from automl_core.templates import load_experiment
from tests.sources import ROOT
from tests.support.tao_networks import folder_of, recorded

EXAMPLE = ROOT / "examples" / "tao_dino.yaml"


@pytest.fixture(autouse=True)
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The template as the installed package would give it."""
    folder_of("dino", tmp_path, version_of("7.2.0"))
    monkeypatch.setenv("AUTOML_TEMPLATES", str(tmp_path))


def test_it_has_ten_lines() -> None:
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 10


def test_it_searches_the_default_list_as_changed() -> None:
    space = load_experiment(EXAMPLE).space
    searched = {name for name, parameter in space.items() if parameter.type != "fixed"}
    default = {each["parameter"] for each in recorded()["dino"]["search"]}
    assert searched == default - {"dataset.workers"} | {"model.dropout_ratio"}
    lr = space["train.optim.lr"]
    assert (lr.type, lr.low, lr.high, lr.default) == ("loguniform", 1e-5, 0.005, 2e-4)
    assert (space["dataset.batch_size"].low, space["dataset.batch_size"].high) == (1, 16)
    assert {name: space[name].value for name in space.keys() - searched} == {
        "train.num_epochs": 12, "dataset.num_classes": 91,
    }  # fmt: skip


def test_the_preview_shows_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["preview", str(EXAMPLE)])
    assert done.exit_code == 0, done.output
    assert "searched     17 parameters: model.num_queries" in done.output
    said = (
        "train.optim.weight_decay: searched logarithmically around its default, 1e-06 to 0.01; the metadata give 0 to 1"
    )
    assert said in done.output
    assert "train.optim.lr: searched" not in done.output, "its range is the file's own"
    assert 'resume_training_checkpoint_path: "${resume_from}"' in done.output
