from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from automl_core.training import cache, checkpoints
from automl_core.training.checkpoints import Checkpoint, furthest, save
from automl_core.training.config import Config
from automl_core.training.problems import TrainingError
from automl_core.training.progress import Progress


def at(step: int, identity: str = "this") -> Checkpoint:
    return Checkpoint(step, {"identity": identity}, {"weights": np.full(3, step)})


def test_the_checkpoint_that_is_further_is_gone_on_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, given = tmp_path / "own", tmp_path / "given"
    config = Config({}, {}, {}, tmp_path, checkpoint_dir=own, resume_from=given)
    assert furthest(config, "this") is None
    save(given, at(5))
    save(own, at(3))
    found = furthest(config, "this")
    assert found is not None
    assert (found.step, found.arrays["weights"].tolist()) == (5, [5, 5, 5])
    save(own, at(8, "another"))
    found = furthest(config, "this")
    assert found is not None
    assert found.step == 5
    assert "the checkpoint of step 8 was made from other data" in capsys.readouterr().out
    assert [path.name for path in own.iterdir()] == ["checkpoint.npz"], "nothing partial is left"


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x03\x04 torn"])
def test_a_file_that_is_no_checkpoint_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(data)
    with pytest.raises(TrainingError, match="is no checkpoint of this program"):
        furthest(Config({}, {}, {}, tmp_path, checkpoint_dir=tmp_path), "this")


def test_whoever_was_replaced_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = tmp_path / "owner"
    monkeypatch.setenv("AUTOML_OWNER_FILE", str(owner))
    monkeypatch.setenv("AUTOML_ATTEMPT_ID", "first")
    owner.write_text("first")
    save(tmp_path, at(1))
    owner.write_text("second")
    with pytest.raises(TrainingError, match="another attempt"):
        save(tmp_path, at(2))
    owner.unlink()  # the run has ended
    with pytest.raises(TrainingError, match="another attempt"):
        save(tmp_path, at(3))
    found = furthest(Config({}, {}, {}, tmp_path, checkpoint_dir=tmp_path), "this")
    assert found is not None
    assert found.step == 1


def test_checkpoints_are_not_made_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(checkpoints.SECONDS_VARIABLE, "1000")
    pace = checkpoints.Pace()
    assert [pace.due(False), pace.due(True), pace.due(False)] == [False, True, False]
    monkeypatch.setenv(checkpoints.SECONDS_VARIABLE, "0.0")
    assert checkpoints.Pace().due(False)


def test_progress_knows_its_best_step_and_when_it_is_over() -> None:
    progress = Progress(patience=2)
    assert [progress.see(step, loss, {"m": loss}) for step, loss in [(1, 3.0), (2, 1.0), (3, 1.0)]] == [
        True,
        True,
        False,
    ]
    assert not progress.over()
    again = Progress.from_json(progress.as_json(), 2)
    again.see(4, 2.0, {"m": 2.0})
    assert (again.over(), again.best_step, again.best_metrics, again.last_step) == (True, 2, {"m": 1.0}, 4)
    assert not Progress.from_json(again.as_json(), 0).over(), "0: never"
    with pytest.raises(TrainingError, match="has diverged"):
        again.see(5, float("nan"), {})


def test_what_is_made_once_is_made_again_when_the_data_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    data, made = tmp_path / "data.csv", []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "entry").write_text(data.read_text())

    def ask() -> str:
        entry = cache.kept({"data": cache.fingerprint(str(data))}, make)
        assert entry is not None
        return (entry / "entry").read_text()

    data.write_text("one")
    assert [ask(), ask()] == ["one", "one"]
    assert len(made) == 1
    data.write_text("three")
    assert ask() == "three"
    assert cache.kept({"data": cache.fingerprint("s3://bucket/data")}, make) is None, "its state is not known"
    monkeypatch.setattr(cache, "LIMIT", 1)
    data.write_text("fourth")
    assert ask() == "fourth"
    assert len(list((tmp_path / "cache").iterdir())) == 1, "what was not used for the longest is gone"
    monkeypatch.setenv(cache.VARIABLE, "")
    assert cache.kept({"data": "known"}, make) is None, "switched off"
