"""Studies as a release of Optuna wrote them (tests/assets/optuna/make.py), and what it said of them itself."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from automl_core.importing.trials import OldStudy


def database(recorded: Path, folder: Path, release: str) -> Path:
    """The SQLite file of a release, made anew in a folder from its dump."""
    path = folder / f"{release}.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript((recorded / f"study-{release}.sql").read_text(encoding="utf-8"))
    return path


def said(recorded: Path, release: str, storage: str) -> dict[str, Any]:
    """What a release says of the studies in its ``sqlite`` file or its ``journal``, by their names."""
    body: dict[str, Any] = json.loads((recorded / f"expected-{release}.json").read_text(encoding="utf-8"))[storage]
    return body


def check_against(study: OldStudy, expected: dict[str, Any]) -> None:
    """Make sure that a study was read as the release that wrote it does."""
    assert [each.upper() for each in study.directions] == expected["directions"]
    assert len(study.trials) == len(expected["trials"])
    for trial, theirs in zip(study.trials, expected["trials"], strict=True):
        assert trial.place == f"trial {theirs['number']}"
        assert {"failed": "FAIL"}.get(trial.state, trial.state.upper()) == theirs["state"]
        # as text: 1, 1.0 and true are three values
        assert json.dumps(trial.params, sort_keys=True) == json.dumps(theirs["params"], sort_keys=True)
        assert [repr(value) for value in trial.values] == theirs["values"]
        assert {str(step): repr(value) for step, value in trial.curve} == theirs["steps"]
        assert trial.started == pytest.approx(theirs["started"], abs=1e-3)
        assert trial.ended == pytest.approx(theirs["ended"], abs=1e-3)
