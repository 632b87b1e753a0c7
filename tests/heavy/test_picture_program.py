"""The template `image-classification`: real pictures (scikit-learn's digits), a network made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics
from sklearn.datasets import load_digits

from tests.support.programs import Case, Workplace, scores

CASE = Case(
    "image-classification", "epoch",
    {"width": 8, "blocks": 2, "lr": 0.01, "batch_size": 32, "shift": 0.1, "flip": False, "dropout": 0.1},
    budget=6, lower=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,797 handwritten digits, classes as two letters."""
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    found = load_digits()
    labels = np.array([f"{digit:02}" for digit in found.target])
    np.savez(path, images=(found.images * 255 / 16).astype(np.uint8), labels=labels)
    return path


def test_it_learns_digits_resumes_exactly_and_is_used_again(heavy_python: Path, digits: Path, tmp_path: Path) -> None:
    place, options = Workplace(tmp_path, heavy_python), {"data": {"train": digits}, "columns": {}}
    whole = place.train(CASE, "whole", **options)
    told = json.loads((whole.model / "model.json").read_text())
    assert told["classes"] == [f"{digit:02}" for digit in range(10)]
    found, best = whole.predictions, whole.curve[told["step"]]
    truth = found.column("truth").to_pylist()
    accuracy = metrics.accuracy_score(truth, found.column("prediction").to_pylist())
    assert best["valid_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert best["valid_accuracy"] > 0.8
    place.train(CASE, "lower", budget=CASE.lower, **options)
    promoted = place.train(CASE, "promoted", AUTOML_RESUME_FROM=tmp_path / "lower" / "checkpoints", **options)
    place.killed(CASE, "killed", after=3, **options)
    retried = place.train(CASE, "killed", **options)
    for run in (promoted, retried):
        assert "going on from" in run.output
        assert np.array_equal(scores(run.predictions), scores(found)), "not the same model"
    again = place.predict(CASE, whole.model, digits)
    held = again.take(found.column("id").to_pylist())
    assert held.column("prediction").to_pylist() == found.column("prediction").to_pylist()
    assert np.allclose(scores(held), scores(found), rtol=0, atol=1e-5)
    begun = place.train(CASE, "begun", budget=1, data={"train": digits, "weights": whole.model}, columns={})
    assert begun.curve[1]["valid_loss"] < whole.curve[1]["valid_loss"], "it begins where the other one ended"


def test_folders_of_pictures_are_classes(heavy_python: Path, tmp_path: Path) -> None:
    found, folder = load_digits(n_class=3), tmp_path / "pictures"
    for number, (image, digit) in enumerate(zip(found.images, found.target, strict=True)):
        path = folder / ("train" if number % 4 else "valid") / ["nought", "one", "two"][digit] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        side = 8 + 4 * (number % 2)  # of two sizes
        Image.fromarray((image * 255 / 16).astype(np.uint8)).resize((side, side)).save(path)
    place = Workplace(tmp_path, heavy_python)
    data = {"train": folder / "train", "valid": folder / "valid"}
    refused = place.train(CASE, "sizes", data=data, columns={}, ok=False)
    assert "set image_size" in refused.output
    assert "Traceback" not in refused.output
    run = place.train(CASE, "folders", data=data, columns={}, params={"image_size": 8})
    assert json.loads((run.model / "model.json").read_text())["classes"] == ["nought", "one", "two"]
    assert run.curve[max(run.curve)]["valid_accuracy"] > 0.9
    ids = run.predictions.column("id").to_pylist()
    assert sorted(ids) == sorted(path.relative_to(folder / "valid").as_posix() for path in folder.glob("valid/*/*.png"))
    again = place.predict(CASE, run.model, folder / "valid")
    assert again.column("prediction").to_pylist() == run.predictions.column("prediction").to_pylist()
