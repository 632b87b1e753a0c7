"""The example with a configuration file and a folder of code, run as a trial runs it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from automl_core.code import with_code
from automl_core.preview.checks import examine_file
from automl_core.running.local import LocalRun
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Study, StudyJournal
from tests.sources import ROOT

FILE = ROOT / "experiments" / "digits_config.yaml"


def test_it_trains_from_what_is_searched_and_what_is_not(tmp_path: Path) -> None:
    examined = examine_file(FILE, ROOT)
    assert examined.warnings == ()
    store = FolderStore(tmp_path)
    experiment, packed = with_code(examined.experiment, FILE, store)
    assert packed is not None
    assert packed.files == 3
    study = Study.create(StudyJournal(store, "digits_config/r/"), experiment, "r", [])
    binding = study.ask(0)
    assert isinstance(binding, Binding)
    lines: list[str] = []
    outcome, _ = LocalRun(study, store, binding, home=tmp_path, emit=lines.append).run()
    assert outcome.state is TrialState.SUCCEEDED, outcome.reason
    assert outcome.value is not None
    assert outcome.value > 0.8
    folder = tmp_path / "digits_config" / "r" / "experiment_0"
    assert (folder / "model" / "model.json").is_file()
    spec = folder / "spec.toml"
    config = tomllib.loads(spec.read_text())
    assert config["data"] == {"validation": 0.25}
    assert config["optimizer"]["lr"] == 0.01
    by_hand = [sys.executable, str(ROOT / "examples" / "digits_config" / "train.py"), "--config", str(spec)]
    again = subprocess.run(by_hand, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert again.stdout.splitlines() == lines
