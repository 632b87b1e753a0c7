"""Models of a real CatBoost as documents: the numpy scorer against CatBoost, SQL against the numpy scorer."""

from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.models import model_of
from automl_core.modelfile.scoring.values import Field
from tests.sources import ROOT
from tests.unit.modelfile.sql.engines import agree


@pytest.fixture(scope="module")
def fitted(heavy_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catboost")
    program = ROOT / "tests" / "heavy" / "fit_catboost.py"
    done = subprocess.run(
        [heavy_python, program, folder], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("nan", ["Min", "Max"])
@pytest.mark.parametrize("kind", ["binary", "regression", "multiclass"])
def test_catboost_is_scored_by_numpy_and_by_sql(fitted: Path, kind: str, nan: str) -> None:
    held = pickle.loads((fitted / f"{kind}-{nan}.bin").read_bytes())
    rows, names = held["rows"], [f"x{each}" for each in range(held["rows"].shape[1])]
    found = model_of(held["model"]).margin(Matrix.of(rows, names))
    np.testing.assert_allclose(found, held["margin"].reshape(found.shape), rtol=1e-9, atol=1e-9)
    document = {
        "format": 1,
        "problem": {
            "kind": kind,
            "target": "y",
            "classes": [] if kind == "regression" else held["classes"],
        },
        "schema": [Field(name, "number", "number").to_json() for name in names],
        "members": [
            {
                "features": [{"step": "numbers", "columns": names, "fill": np.full(len(names), np.nan)}],
                "model": held["model"],
                "link": held["link"],
            }
        ],
    }
    finite = np.where(np.isinf(rows), np.nan, rows)
    agree(document, pa.table({name: pa.array(finite[:, k], from_pandas=True) for k, name in enumerate(names)}))
