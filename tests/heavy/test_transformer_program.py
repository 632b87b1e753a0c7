"""The template `text-transformer` on real texts, with a model made on the spot and no hub in reach."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics

from tests.sources import ROOT
from tests.support.programs import Case, Workplace, scores, write
from tests.support.real_texts import languages_of_airflow

pytestmark = pytest.mark.timeout(900)  # seven processes that import torch and Transformers

CASE = Case("text-transformer", "epoch", {"lr": 0.005, "max_length": 32, "dropout": 0.1}, budget=6, lower=2)


def test_it_learns_resumes_exactly_and_is_used_again(heavy_python: Path, tmp_path: Path) -> None:
    place, texts = Workplace(tmp_path, heavy_python), write(languages_of_airflow(), tmp_path / "texts.parquet")
    maker = ROOT / "tests" / "heavy" / "make_tiny_model.py"
    subprocess.run([heavy_python, maker, texts, tmp_path / "tiny"], check=True, env=place.environment("tiny"))
    options = {"data": {"train": texts, "weights": tmp_path / "tiny"}, "columns": {"target": "language"}}
    whole = place.train(CASE, "whole", **options)
    found, told = whole.predictions, json.loads((whole.model / "model.json").read_text())
    truth, predicted = found.column("truth").to_pylist(), found.column("prediction").to_pylist()
    best = whole.curve[told["step"]]
    assert abs(best["valid_accuracy"] - metrics.accuracy_score(truth, predicted)) < 1e-6
    assert best["valid_accuracy"] > 0.6
    place.train(CASE, "lower", budget=CASE.lower, **options)
    promoted = place.train(CASE, "promoted", AUTOML_RESUME_FROM=tmp_path / "lower" / "checkpoints", **options)
    place.killed(CASE, "killed", after=3, **options)
    retried = place.train(CASE, "killed", **options)
    for run in (promoted, retried):
        assert "going on from" in run.output
        assert np.array_equal(scores(run.predictions), scores(found)), "not the same model"
    again = place.predict(CASE, whole.model, texts).take(found.column("id").to_pylist())
    assert np.allclose(scores(again), scores(found), rtol=0, atol=1e-5)  # other texts fill up to other lengths
    (tmp_path / "tiny" / "model.safetensors").rename(tmp_path / "tiny" / "pytorch_model.bin")
    refused = place.train(CASE, "pickled", ok=False, **options)
    assert "have to be unpickled are not opened" in refused.output
    assert "Traceback" not in refused.output
