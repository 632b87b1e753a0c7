"""Models as ONNX, run by a real onnxruntime: on strange rows it says what numpy says, or nothing is written."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core import modelfile
from automl_core.modelfile.scoring.scorer import Scorer
from automl_core.modelfile.scoring.values import Schema
from automl_core.tabular import frames
from automl_core.tabular.problem import Problem
from tests.sources import ROOT
from tests.unit.modelfile.models import BINARY, NUMBERS, ROWS, SCHEMA, forest, linear, whole
from tests.unit.modelfile.sql.test_pipelines import PROBLEMS, SMALL, fitted, rows

PROGRAM = """
import json, sys
from automl_core.modelfile.onnx.exporting import export
from automl_core.modelfile.onnx import Disagrees, NotInOnnx
try:
    done = export(sys.argv[1], sys.argv[2], tolerance=float(sys.argv[3]))
except (Disagrees, NotInOnnx) as error:
    print(json.dumps({"refused": type(error).__name__, "why": str(error)}))
else:
    print(json.dumps({"inputs": done.inputs, "outputs": done.outputs, "compared": done.compared}))
"""


def folder_of(document: dict[str, Any], home: Path, golden: list[dict[str, Any]], problem: Any = None) -> Path:
    """A model's folder whose golden rows are the given ones."""
    said = document["problem"]
    about = problem or (PROBLEMS[said["kind"]] if said["target"] == "y" else _problem(said))
    modelfile.write(
        home, members=document["members"], schema=Schema.from_json(document["schema"]), problem=about, golden=golden,
        made={}, calibration=document.get("calibration"), threshold=document.get("threshold"),
    )  # fmt: skip
    return home


def _problem(said: dict[str, Any]) -> Problem:
    from automl_core.tabular.metrics import find

    classes = tuple(said["classes"])
    return Problem(said["kind"], said["target"], classes, find(None, said["kind"], classes=classes))


def exported(python: Path, folder: Path, out: Path, tolerance: float = 1e-5) -> dict[str, Any]:
    """What an export says, in the environment that has onnx and onnxruntime."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), "-c", PROGRAM, str(folder), str(out), str(tolerance)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ranked() -> dict[str, Any]:
    """A linear model whose first column becomes its rank; some knots are one value."""
    steps = linear()["features"]
    knots = {"step": "quantile", "columns": np.array([0]), "knots": np.array([[20.0, 30.0, 30.0, 41.0, 50.0]]),
             "outputs": np.array([-2.0, -1.0, 0.0, 1.0, 2.0])}  # fmt: skip
    return {**linear(), "features": [*steps, knots]}


def strange(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with gaps, unseen categories, endless numbers and other centuries, as plain values.

    Endless numbers can't stand in a model's golden rows, which are JSON: what is beyond 1e30 is there.
    """
    schema = Schema.from_json(document["schema"])
    found = frames.as_rows(schema.read(rows(60, 2, strange=True)), schema, np.arange(60))
    return [{k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in each.items()} for each in found]


@pytest.mark.parametrize(
    ("learner", "kind", "parameters"),
    [
        ("lightgbm", "multiclass", {}), ("xgboost", "regression", {}), ("histogram", "binary", {}),
        ("random_forest", "multiclass", {}), ("extra_trees", "binary", {}), ("linear", "regression", {}),
        ("naive_bayes", "multiclass", {}), ("svm", "regression", {}),
        ("lightgbm", "binary", {"features.encoding": "native", "features.interactions": True, "features.rare": 3}),
        ("xgboost", "binary", {"features.encoding": "target", "features.interactions": True}),
        ("histogram", "binary", {"features.encoding": "codes", "features.keep": 0.5}),
        ("histogram", "regression", {"features.encoding": "native"}),
        ("linear", "binary", {"features.scaler": "standard", "features.rare": 10}),
        ("linear", "binary", {"features.scaler": "robust", "features.reduce": "pca"}),
        ("mlp", "binary", {"mlp.units": 4, "mlp.layers": 2, "mlp.activation": "tanh"}),
        ("mlp", "regression", {"mlp.units": 4, "mlp.layers": 1, "mlp.activation": "relu"}),
    ],
)  # fmt: skip
def test_what_is_fitted_says_in_onnx_what_it_says_in_numpy(
    learner: str, kind: str, parameters: dict[str, Any], heavy_python: Path, tmp_path: Path
) -> None:
    document = fitted(kind, learner, {**SMALL.get(learner, {}), **parameters}, n=150)
    home = folder_of(document, tmp_path / "model", strange(document))
    done = exported(heavy_python, home, tmp_path / "model.onnx")
    assert "refused" not in done, done
    assert done["compared"].startswith("60 golden rows, together and one by one: largest difference")
    assert done["outputs"] == (["prediction"] if kind == "regression" else ["label", "probabilities"])
    assert (tmp_path / "model.onnx").stat().st_size > 100


@pytest.mark.parametrize(
    "document",
    [
        whole([linear(), forest(weight=2.0)], calibration={"type": "temperature", "temperature": 1.7}, threshold=0.4),
        whole([linear()], calibration={"type": "platt", "a": 0.8, "b": 0.1}),
        whole([linear()], calibration={"type": "isotonic", "x": [0.1, 0.5, 0.5, 0.9], "y": [0, 0.2, 0.6, 1]}),
        whole([linear(link="exp"), linear(link="expm1", seed=3)], NUMBERS),
        whole([linear(link="identity")], NUMBERS, calibration={"type": "clip", "low": 0.0, "high": None}),
        whole([linear(link=[{"type": "clip", "low": 0.1, "high": None}, {"type": "affine", "scale": 2, "shift": 1}])],
              NUMBERS),
        whole([linear(3, "softmax"), linear(3, "ovr", seed=4)],
              {"kind": "multiclass", "target": "grade", "classes": ["a", "b", "c"]},
              threshold={"costs": [[0, 1, 9], [1, 0, 1], [5, 1, 0]]}),
        whole([ranked()]),
        whole([{"weight": 1.0, "model": {"type": "mean", "members": [linear(), forest()]}}], BINARY),
    ],
)  # fmt: skip
def test_every_link_calibration_and_decision(document: dict[str, Any], heavy_python: Path, tmp_path: Path) -> None:
    home = folder_of(document, tmp_path / "model", ROWS)
    assert Scorer.load(home).schema == SCHEMA
    assert "refused" not in exported(heavy_python, home, tmp_path / "model.onnx")


def test_a_graph_that_says_something_else_is_not_written_and_the_rows_are_named(
    heavy_python: Path, tmp_path: Path
) -> None:
    home = folder_of(whole([linear()]), tmp_path / "model", ROWS)
    golden = json.loads((home / "golden.json").read_text())
    golden["outputs"][2] = [golden["outputs"][2][0] + 0.01, golden["outputs"][2][1] - 0.01]
    (home / "golden.json").write_text(json.dumps(golden))
    done = exported(heavy_python, home, tmp_path / "model.onnx")
    assert done["refused"] == "Disagrees"
    assert "on 1 of 4 golden rows" in done["why"]
    assert "row 2 by 0.01" in done["why"]
    assert '"age": null' in done["why"]
    assert not (tmp_path / "model.onnx").exists()
    assert "refused" not in exported(heavy_python, home, tmp_path / "model.onnx", tolerance=0.1)


def test_what_has_no_graph_is_named(heavy_python: Path, tmp_path: Path) -> None:
    document = fitted("binary", "neighbours", {}, n=90)
    home = folder_of(document, tmp_path / "model", strange(document))
    done = exported(heavy_python, home, tmp_path / "model.onnx")
    assert done["refused"] == "NotInOnnx"
    assert "member 0 (weight 1) has no ONNX: nearest neighbours" in done["why"]


def _renamed(name: str, folder: Path) -> Path:
    """A model one of whose columns has another name."""
    rows = [{name if key == "age" else key: value for key, value in row.items()} for row in ROWS]
    text = json.dumps(whole([linear()]), default=np.ndarray.tolist).replace('"age"', json.dumps(name))
    return folder_of(json.loads(text), folder, rows)


@pytest.mark.parametrize("name", ["v0", "c1", "_v2"])
def test_a_column_may_have_any_name_but_an_output_s(name: str, heavy_python: Path, tmp_path: Path) -> None:
    """Columns called v1 to v28 ended the command with a traceback: the graph's own values were called so."""
    assert name in exported(heavy_python, _renamed(name, tmp_path / "model"), tmp_path / "model.onnx")["inputs"]
    done = exported(heavy_python, _renamed("label", tmp_path / "other"), tmp_path / "other.onnx")
    assert done["refused"] == "NotInOnnx"
    assert "column 'label' has the name of an output" in done["why"]
