"""What a call of `fit` leaves on the machine."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from typing import Any

import pytest

from automl_core.tabular import running
from automl_core.tabular.api import Model, fit

ROWS = {"x": [1.0, 2.0], "y": [1.0, 2.0]}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def ended(*_: Any, folder: Path, **__: Any) -> Model:
    (folder / "model").mkdir(parents=True)
    return Model(folder / "model", {}, None, ())


def test_a_temporary_folder_goes_with_its_model(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run", ended)
    model = fit(ROWS, target="y")
    kept = model.save(temporary / "kept")
    assert model.folder.is_dir()
    del model
    gc.collect()
    assert list(temporary.iterdir()) == [kept], "the rows of the user lay there"


def test_a_folder_of_the_users_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "run", ended)
    fit(ROWS, target="y", folder=temporary / "mine")
    gc.collect()
    assert (temporary / "mine" / "model").is_dir()


def test_a_search_that_is_broken_off_leaves_nothing(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, folder: Path, **__: Any) -> Model:
        (folder / "rows.npz").write_bytes(b"rows")
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run", broken)
    with pytest.raises(KeyboardInterrupt):
        fit(ROWS, target="y")
    assert not list(temporary.iterdir())
