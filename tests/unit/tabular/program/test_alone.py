"""A trial's folder is a model by itself: what is published where `conclude` does not come to its end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest

from automl_core import modelfile
from automl_core.modelfile.checking import check
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
