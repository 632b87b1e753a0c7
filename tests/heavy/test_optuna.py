"""Optuna, run now: what it writes is read as it reads it itself. Unit tests have what four releases wrote before."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl_core.importing.optuna import read_optuna
from tests.sources import ROOT
from tests.support.old_studies import check_against, database, said


@pytest.fixture
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the studies are made: times without a zone are local ones."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_tokyo")
def test_what_optuna_writes_today_is_read_as_it_reads_it_itself(heavy_python: Path, tmp_path: Path) -> None:
    script = ROOT / "tests" / "assets" / "optuna" / "make.py"
    done = subprocess.run([heavy_python, script, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (expected,) = tmp_path.glob("expected-*.json")
    release = expected.stem.removeprefix("expected-")
    for name in ("branches", "two", "empty"):
        stored = read_optuna(str(database(tmp_path, tmp_path, release)), name)
        check_against(stored, said(tmp_path, release, "sqlite")[name])
        (tmp_path / f"{release}.db").unlink()
        replayed = read_optuna(str(tmp_path / f"journal-{release}.log"), name)
        check_against(replayed, said(tmp_path, release, "journal")[name])
