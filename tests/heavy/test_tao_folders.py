"""Runs of ours in TAO's layout, read by NVIDIA's own package; and its folders, made anew and read by us."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.tao.export import export
from automl_core.tao.reading import read_folder
from tests.sources import ROOT
from tests.unit.results.lab import Lab, experiment

READER = """
import json, logging, sys
logging.disable(logging.CRITICAL)
from tao_automl import AutoML, query_status
folder, schema = sys.argv[1], json.loads(sys.argv[2])
spec = json.load(open(f"{folder}/.automl/specs/digits.json"))
found = AutoML(
    workspace=folder, network="small", train_specs=spec, search_schema=schema, resume=True,
    settings={"algorithm": "bayesian", "metric": "accuracy", "direction": "maximize", "session_id": "digits",
              "automl_max_recommendations": 4},
)
best = found.get_best()
print(json.dumps({
    "best": {"id": best.id, "specs": dict(best.specs), "result": best.result},
    "progress": found.get_progress(), "complete": found.is_complete(),
    "history": [[each.id, each.status, each.result, each.job_id] for each in found.get_history()],
    "status": query_status(folder),
}))
"""

SCHEMA = {
    "type": "object",
    "properties": {"train": {"type": "object", "properties": {"optim": {"type": "object", "properties": {
        "lr": {"type": "number", "default": 0.001, "minimum": 1e-5, "maximum": 0.1, "automl_enabled": "TRUE",
               "value_type": "float"},
    }}}}},
}  # fmt: skip


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    run = Lab(
        experiment(space={"train.optim.lr": {"type": "loguniform", "low": 1e-5, "high": 0.1}}),
        store=FolderStore(tmp_path / "runs"),
    )
    for number, value in enumerate((0.8, None, 0.9)):
        run.trial(value, params={"train.optim.lr": 0.001 * (number + 1)})
    early = run.bind(params={"train.optim.lr": 0.004})
    run.end(early, 0.5, state=TrialState.EARLY_STOPPED)
    run.stop()
    export(tmp_path / "runs" / run.prefix, tmp_path / "out")
    return tmp_path / "out"


def test_the_package_reads_a_run_of_ours(heavy_python: Path, exported: Path) -> None:
    command = [str(heavy_python), "-c", READER, str(exported), json.dumps(SCHEMA)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["best"] == {"id": 2, "specs": {"train.optim.lr": 0.003}, "result": 0.9}
    assert found["history"] == [
        [0, "success", 0.8, "trial-0"], [1, "failure", 0.0, "trial-1"], [2, "success", 0.9, "trial-2"],
        [3, "success", 0.5, "trial-3"],
    ]  # fmt: skip
    progress = found["progress"]
    assert (progress["completed"], progress["total"], progress["best_metric"], progress["best_rec_id"]) == (
        4,
        4,
        0.9,
        2,
    )
    assert found["complete"]
    status = found["status"]
    assert (status["progress"]["succeeded"], status["progress"]["failed"], status["progress"]["algorithm"]) == (
        3, 1, "bayesian",
    )  # fmt: skip
    assert status["best"]["metric_value"] == 0.9
    assert status["recommendations"][1]["status"] == "failure"


def test_folders_of_the_package_made_anew_are_read(heavy_python: Path, tmp_path: Path) -> None:
    program = tmp_path / "make_folders.py"
    program.write_text((ROOT / "tests" / "assets" / "tao" / "make_folders.py").read_text())
    done = subprocess.run(
        [str(heavy_python), "-P", str(program)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, states in (("bayesian", {"complete", "failed", "waiting"}), ("hyperband", {"complete", "pruned"})):
        study = read_folder(tmp_path / name)
        assert {trial.state for trial in study.trials} == states
        assert study.metrics == ("val_loss",)
    lines = [trial.values for trial in read_folder(tmp_path / "objectives").trials]
    assert len(lines) == 4
    assert all(len(values) == 1 for values in lines)
