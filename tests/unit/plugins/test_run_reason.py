"""Why a run was started goes from its conf into its first record, and from there into its result and its version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow import compat
from automl_core.models.offering import candidate_at
from automl_core.storage import open_store
from automl_core.views.overview import overview
from automl_core.views.view import ExperimentView
from tests.unit.plugins.test_operators import World

KEPT = "mkdir -p $AUTOML_MODEL_DIR && echo m > $AUTOML_MODEL_DIR/model.txt; echo accuracy=${x}"


def test_a_reason_is_kept_shown_and_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)
    world = World(tmp_path, tasks=[{"name": "train", "command": KEPT}], trials={"max": 2})
    reason = {"text": "roc_auc fell by 4 %", "model": "churn", "retraining": 3}
    for slot in world.propose({"reason": reason, "transfer": True}):
        world.trial(slot)
    result = world.reduce()
    state = world.study().state
    assert state.identity["reason"] == reason
    assert [change["path"] for change in state.overrides] == ["search.transfer"]
    entry = json.loads((Path(result["result"]) / "controller.json").read_text())["experiment"]
    assert entry["reason"] == reason
    folder = Path(result["result"]).relative_to(tmp_path / "runs")
    source = candidate_at(open_store(world.where["storage"]), f"{folder}/").source
    assert source.reason == reason
    assert overview(ExperimentView(world.study()))["started_because"] == reason


def test_a_run_without_one_says_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)
    world = World(tmp_path, tasks=[{"name": "train", "command": KEPT}], trials={"max": 1})
    for slot in world.propose():
        world.trial(slot)
    entry = json.loads((Path(world.reduce()["result"]) / "controller.json").read_text())["experiment"]
    assert "reason" not in entry


@pytest.mark.parametrize("reason", [3, {"model": "churn"}])
def test_a_reason_that_is_none_fails_the_run_at_once(tmp_path: Path, reason: Any) -> None:
    with pytest.raises(AirflowFailException, match="reason"):
        World(tmp_path).propose({"reason": reason})
