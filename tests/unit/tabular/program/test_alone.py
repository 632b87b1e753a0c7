"""A trial's folder is a model by itself: what is published where `conclude` does not come to its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv as pc
import pytest

from automl_core import modelfile
from automl_core.modelfile.checking import check
from automl_core.tabular import alone, threshold
from automl_core.tabular.metrics import Metric
from automl_core.tabular.program import prepare
from automl_core.tabular.program import trial as program
from automl_core.tabular.trial import TrialResult
from tests.unit.tabular.program.test_programs import Way, way

__all__ = ["way"]


@pytest.mark.parametrize("validation", ["k-fold", "monte-carlo"])
def test_a_trials_folder_opens_and_says_what_its_folds_models_say(way: Way, validation: str) -> None:
    way.options["validation"] = validation
    way.call(prepare, "prepared")
    way.trial(3, "linear")
    folder = way.place / "trial3"
    info = json.loads((folder / "model.json").read_text())
    assert info["made"]["ensemble"] == [{"trial": 3, "weight": 1.0}]
    assert check(folder), "its golden rows come out in a fresh process"
    assert not (folder / "scorer").exists(), "a few files a trial, not fifty"
    model = modelfile.load(folder)
    rows = pc.read_csv(way.place / "rows.csv")
    assert (np.asarray(model.predict(rows)) == np.asarray(rows["bought"])).mean() > 0.8
    assert TrialResult.load(folder, 3, way.prepared.problem).usable, "conclude reads it as before"


def test_costs_hold_for_it_too(way: Way) -> None:
    way.options |= {"threshold": "costs", "costs": [["yes", "no", 30], ["no", "yes", 1]]}
    way.call(prepare, "prepared")
    way.trial(0, "linear")
    said = modelfile.load(way.place / "trial0").predict(pc.read_csv(way.place / "rows.csv"))
    assert (np.asarray(said) == "yes").mean() > 0.6, "a missed yes costs thirty times as much"


def test_what_an_earlier_attempt_has_left_is_no_hindrance_and_no_model(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    way.call(prepare, "prepared")
    folder = way.place / "trial0"
    (folder / "requirements.txt").mkdir(parents=True)  # of the name of a file that comes
    (folder / "model.json").write_text("{")
    way.trial(0, "linear")
    assert len(modelfile.load(folder).predict(pc.read_csv(way.place / "rows.csv"))) == 260
    again = sorted(each.name for each in folder.iterdir())
    assert not [name for name in again if name.startswith((".", "alone"))], "no scratch in what is carried"
    way.trial(0, "linear")
    assert sorted(each.name for each in folder.iterdir()) == again
    monkeypatch.setattr(alone, "LARGEST", 10)
    log = way.trial(0, "linear")
    assert any("no model of its own, which would be of 0 MB" in line for line in log)
    assert not (folder / "model.json").exists(), "nor an earlier attempt's"


def test_the_model_file_comes_last(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[str] = []
    move = alone.shutil.move

    def moved(source: Path, target: Path) -> None:
        assert not (target.parent / "model.json").exists()
        came.append(target.name)
        move(source, target)

    monkeypatch.setattr(alone.shutil, "move", moved)
    way.call(prepare, "prepared")
    way.trial(0, "linear")
    assert came[-1] == "model.json"
    assert len(came) > 3


def test_a_threshold_is_looked_for_in_some_rows_once(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    score = Metric.tried

    def counted(metric: Metric, truth: Any, *rest: Any) -> float:
        asked.append(len(truth))
        return score(metric, truth, *rest)

    way.options |= {"metric": "balanced_accuracy"}
    way.call(prepare, "prepared")
    monkeypatch.setattr(Metric, "tried", counted)
    monkeypatch.setattr(alone, "ROWS", 90)
    way.trial(0, "linear")
    assert json.loads((way.place / "trial0" / "model.json").read_text())
    assert 0 < len(asked) <= threshold.STEPS + 3
    assert set(asked) == {90}


def test_a_trial_counts_where_its_own_model_cant_be_written(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    way.call(prepare, "prepared")
    monkeypatch.setattr(program, "write_alone", full)
    log = way.trial(0, "linear")
    assert any("no model of its own" in line and "No space left" in line for line in log)
    assert not Path(way.place / "trial0" / "model.json").exists()
    assert TrialResult.load(way.place / "trial0", 0, way.prepared.problem).usable


def test_a_metric_of_labels_has_its_threshold(way: Way) -> None:
    way.options |= {"metric": "f1", "balance": "balanced"}
    way.call(prepare, "prepared")
    way.trial(0, "linear")
    assert 0 < json.loads((way.place / "trial0" / "scorer.json").read_text())["threshold"] < 1
