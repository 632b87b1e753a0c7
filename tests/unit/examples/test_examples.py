"""The examples really train, are interrupted and resumed without a trace, and take what their experiments hand them."""

from __future__ import annotations

import importlib
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from automl_core.backends.contract import TrialContext, command_line, environment
from automl_core.details.make import details_of
from automl_core.space import Space
from automl_core.spec.tasks import LocalTask
from automl_core.templates import load_experiment
from tests.sources import ROOT, gallery

Run = Callable[..., str]

EXAMPLES = ("digits_mlp", "digits_compress", "refit", "tabular")


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return {name: importlib.import_module(name) for name in EXAMPLES}


@pytest.fixture
def run(modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run an example with arguments and AUTOML_* variables; gives what it prints."""

    def run_one(name: str, *arguments: str, **variables: Any) -> str:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for key, value in variables.items():
                patch.setenv(f"AUTOML_{key}", str(value))
            patch.setattr("sys.argv", [f"{name}.py", *arguments])
            modules[name].main()
        return capsys.readouterr().out

    return run_one


def epochs(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("epoch=")]


def accuracy(line: str) -> float:
    return float(re.search(r"accuracy=([0-9.]+)", line)[1])  # type: ignore[index]


def test_training_learns_and_saves_a_model_that_can_be_used(run: Run, tmp_path: Path) -> None:
    lines = epochs(run("digits_mlp", "--lr", "0.01", "--batch-size", "32", "--epochs", "6", MODEL_DIR=tmp_path))
    assert len(lines) == 6
    assert accuracy(lines[-1]) > max(0.9, accuracy(lines[0]))
    shown = run("digits_mlp", "--predict", str(tmp_path))
    assert accuracy(shown.splitlines()[-1]) > 0.9
    saved = json.loads((tmp_path / "model.json").read_text())
    assert round(saved["metrics"]["val_accuracy"], 4) == max(map(accuracy, lines))
    summary, worst = details_of(tmp_path / "predictions.csv")
    assert round(summary["overall"]["accuracy"], 4) == max(map(accuracy, lines)), "what is kept is of the model kept"
    assert summary["per_class"]["class"] == [str(digit) for digit in range(10)]
    assert len(summary["scores"]["curves"]) == 10
    assert worst["columns"] == ["ink"]


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_the_loaded_model_is_the_trained_one(modules: dict[str, ModuleType], tmp_path: Path, activation: str) -> None:
    mlp = modules["digits_mlp"]
    data = mlp.load_data()
    classifier = mlp.new_classifier(mlp.parser().parse_args(["--activation", activation, "--layers", "2"]))
    mlp.train_epoch(classifier, data, seed=1)
    mlp.save_model(tmp_path, classifier, {}, 1)
    images = data.test[0]
    assert np.allclose(mlp.Model.load(tmp_path).predict_proba(images), classifier.predict_proba(images))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_promoted_trial_goes_on_as_if_never_interrupted(run: Run, tmp_path: Path, solver: str) -> None:
    whole = epochs(run("digits_mlp", "--solver", solver, BUDGET=5))
    first = epochs(run("digits_mlp", "--solver", solver, BUDGET=2, CHECKPOINT_DIR=tmp_path / "low"))
    rest = epochs(
        run("digits_mlp", "--solver", solver, BUDGET=5, CHECKPOINT_DIR=tmp_path / "high", RESUME_FROM=tmp_path / "low")
    )
    assert first + rest[1:] == whole
    assert rest[0] == first[-1], "where it starts is told again: a metric that comes twice changes nothing"


def test_a_new_attempt_goes_on_from_its_own_checkpoint(run: Run, tmp_path: Path) -> None:
    run("digits_mlp", "--epochs", "1", CHECKPOINT_DIR=tmp_path / "low")
    shutil.copytree(tmp_path / "low", tmp_path / "high")
    done = epochs(run("digits_mlp", "--epochs", "3", CHECKPOINT_DIR=tmp_path / "high", MODEL_DIR=tmp_path / "gone"))
    again = run(
        "digits_mlp", "--epochs", "3", CHECKPOINT_DIR=tmp_path / "high", RESUME_FROM=tmp_path / "low",
        MODEL_DIR=tmp_path / "model",
    )  # fmt: skip
    assert epochs(again) == done[-1:]
    assert (tmp_path / "model" / "model.npz").exists(), "an attempt that had nothing left to train leaves a model too"


def test_weights_can_be_inherited_by_another_solver(run: Run, tmp_path: Path) -> None:
    run("digits_mlp", "--epochs", "2", "--solver", "adam", CHECKPOINT_DIR=tmp_path)
    heir = epochs(run("digits_mlp", "--epochs", "3", "--solver", "sgd", RESUME_FROM=tmp_path))
    assert [line.split()[0] for line in heir] == ["epoch=2", "epoch=3"]


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_packing_loses_half_a_step_at_most(modules: dict[str, ModuleType], bits: int) -> None:
    compress = modules["digits_compress"]
    array = np.random.default_rng(bits).normal(size=(7, 5))
    packed = compress.pack(array, bits)
    assert packed["packed"].nbytes == -(-array.size * bits // 8)
    assert np.abs(compress.unpack(packed, bits) - array).max() <= packed["step"] / 2 * 1.0001


def test_compressing_scores_what_is_left(run: Run, tmp_path: Path) -> None:
    run("digits_mlp", "--lr", "0.01", "--epochs", "6", MODEL_DIR=tmp_path)
    small, large = (run("digits_compress", "--bits", bits, MODEL_DIR=tmp_path) for bits in ("3", "8"))
    kilobytes = [float(re.search(r"kilobytes=([0-9.]+)", line)[1]) for line in (small, large)]  # type: ignore[index]
    assert kilobytes[0] < kilobytes[1] / 2
    told = details_of(tmp_path / "predictions.csv")[0]["overall"]["accuracy"]
    assert round(told, 4) == accuracy(large), "predictions are those of the compressed network"
    assert accuracy(large) > 0.85


EXPERIMENTS = gallery()
BY_FILE = [
    "digits_config", "intents_linear", "intents_trees", "series_sales", "series_us_quarters", "table_breast_cancer",
    "table_diabetes", "table_maxcompute", "tumours", "tumours_export", "tumours_live", "wine_template",
]  # fmt: skip
"""Those whose program reads a spec file (test_digits_config.py, tests/contract/test_shipped_templates.py,
tests/unit/tabular/program, tests/unit/forecasting/program)."""


def test_the_others_have_programs_that_read_a_file() -> None:
    assert [path.stem for path in EXPERIMENTS if load_experiment(path).spec_file is not None] == BY_FILE


@pytest.mark.parametrize("path", [p for p in EXPERIMENTS if p.stem not in BY_FILE], ids=lambda path: path.stem)
def test_an_experiment_hands_its_example_what_it_takes(path: Path, modules: dict[str, ModuleType]) -> None:
    experiment = load_experiment(path)
    space = Space.from_models(experiment.space)
    rng = random.Random(0)
    for params in [space.defaults() or space.sample(rng), *(space.sample(rng) for _ in range(20))]:
        inactive = frozenset(space.by_name) - set(params)
        context = TrialContext("e", "r", 0, 1, params, "/c", "/m", budget=3, inactive=inactive)
        for task in experiment.tasks:
            if not isinstance(task, LocalTask) or isinstance(task.command, str):
                continue
            _, script, *arguments = command_line(task, context)
            name = Path(script).stem
            if name == "tabular":
                combination = json.loads(environment(context)["AUTOML_PARAMS"])
                modules[name].build(combination).get_params()
            else:
                modules[name].parser().parse_args(arguments)


def test_cross_validation_tells_every_fold_and_leaves_a_recipe(run: Run, tmp_path: Path) -> None:
    params = json.dumps({"model": "svm", "C": 10, "kernel": "rbf", "gamma": 0.01})
    lines = run("tabular", "--data", "wine", "--folds", "3", PARAMS=params, MODEL_DIR=tmp_path).splitlines()
    assert [line.split()[0] for line in lines] == ["fold=1", "fold=2", "fold=3"]
    assert min(map(accuracy, lines)) > 0.9
    assert json.loads((tmp_path / "model.json").read_text())["params"] == json.loads(params)


def test_an_unknown_model_is_told_in_words(modules: dict[str, ModuleType]) -> None:
    with pytest.raises(SystemExit, match="'trees' is not known; allowed: logistic, svm, forest, boosting"):
        modules["tabular"].build({"model": "trees"})


def test_prepare_search_and_refit_find_one_another(run: Run, tmp_path: Path) -> None:
    prepared, model = tmp_path / "prepared", tmp_path / "model"
    prepared.mkdir()
    model.mkdir()
    run("refit", "prepare", MODEL_DIR=prepared)
    scores = run("refit", "train", "--c", "0.1", PREPARED_DIR=prepared).splitlines()
    assert [line.split()[0] for line in scores] == [f"step={fold}" for fold in range(1, 6)]
    trials = [
        {"number": 0, "rank": 2, "value": 0.9, "params": {"c": 0.001, "l1_ratio": 1.0, "weights": "none"}},
        {"number": 1, "rank": 1, "value": 0.98, "params": {"c": 0.1, "l1_ratio": 0.0, "weights": "balanced"}},
    ]
    told = tmp_path / "trials.json"
    told.write_text(json.dumps({"trials": trials}))
    said = run("refit", "conclude", PREPARED_DIR=prepared, TRIALS_FILE=told, MODEL_DIR=model)
    assert "trial 1 of 2" in said
    assert accuracy(said) > 0.93
    described = json.loads((model / "model.json").read_text())
    assert described["params"]["weights"] == "balanced"
    assert len(described["weights"]) == 30
