"""What an experiment's file says becomes the engine's options; what has no meaning is refused with what has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.tabular.program.said import Said, said_by, without_others
from automl_core.training.config import Config, read_config
from automl_core.training.problems import TrainingError


def said(params: dict[str, Any] | None = None, columns: dict[str, Any] | None = None, **more: Any) -> Said:
    data = more.pop("data", {"train": "rows.csv"})
    return said_by(Config(params or {}, data, {"target": "y", **(columns or {})}, Path("model"), **more))


def test_roles_become_options() -> None:
    columns = {"group": "house", "weight": "w", "id": ["a", "b"], "ignore": "c", "categorical": ["zip"], "text": "note"}
    options = said(columns=columns).options
    assert (options.target, options.group, options.weight) == ("y", "house", "w")
    assert (options.ids, options.ignore) == (("a", "b"), ("c",))
    assert options.kinds == {"zip": "category", "note": "text"}


def test_options_and_the_pipelines_own_parameters_are_told_apart() -> None:
    found = said({"learner": "svm", "svm.C": 2.0, "features.scaler": "robust", "folds": 3, "any_size": True})
    assert found.params == {"learner": "svm", "svm.C": 2.0, "features.scaler": "robust"}
    assert found.options.folds == 3
    assert found.any_size


@pytest.mark.parametrize(
    ("params", "metric"),
    [
        ({}, None), ({"metric": "auto"}, None), ({"metric": "AUC_weighted"}, "AUC_weighted"),
        ({"metric": "pinball", "quantile": 0.9}, "pinball(0.9)"), ({"metric": "pinball"}, "pinball(0.5)"),
    ],
)  # fmt: skip
def test_metrics(params: dict[str, Any], metric: str | None) -> None:
    assert said(params).options.metric == metric


def test_a_metric_of_ones_own_is_a_file() -> None:
    data = {"train": "rows.csv", "metric": "/srv/gain.py"}
    assert said({"metric": "own"}, data=data).options.metric == "/srv/gain.py:metric"
    with pytest.raises(TrainingError, match=r"set: \{metric: own\}"):
        said({"metric": "accuracy"}, data=data)
    with pytest.raises(TrainingError, match=r"data\.metric is missing"):
        said({"metric": "own"})


@pytest.mark.parametrize(
    ("params", "columns", "words"),
    [
        ({}, {"targte": "y"}, "there is no role 'targte'; did you mean 'target'"),
        ({}, {"target": None}, r"columns\.target is missing"),
        ({}, {"group": "y"}, "can't be both"),
        ({"folds": 1}, {}, "folds: found 1"),
    ],
)
def test_what_has_no_meaning(params: dict[str, Any], columns: dict[str, Any], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        said(params, columns)


def test_groups_of_the_spec_file_are_taken_as_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(
        "learner: linear\ncosts: [[yes, no, 5], [no, yes, 1]]\nthreshold: costs\n"
        "columns: {target: y}\ndata: {train: rows.csv}\n".replace("yes", "'yes'").replace("no,", "'no',")
    )
    found = said_by(read_config("", ["--config", str(file)]))
    assert found.options.costs == {("yes", "no"): 5.0, ("no", "yes"): 1.0}
    assert found.params == {"learner": "linear"}


def test_featurization_is_the_engines_and_no_parameter_of_a_pipeline() -> None:
    wanted = {"zip": ["target", "hash"], "note": "drop"}
    found = said({"featurization.note": "drop"}, groups={"featurization": wanted})
    assert found.options.featurization == wanted
    assert found.params == {}


def test_features_leave_all_others_out() -> None:
    config = Config({}, {}, {"target": "y", "features": ["a", "b"], "id": "k", "categorical": ["a", "c"]}, Path("m"))
    found = without_others(said_by(config).options, config, ["a", "b", "c", "k", "y"])
    assert found.unlearned == {"y", "c", "k"}
    assert found.kinds == {"a": "category"}, "of a column that is not learned from the kind is nobody's business"


@pytest.mark.parametrize(("features", "words"), [(["z"], "no column 'z'"), (["y"], "is the target")])
def test_features_that_can_be_none(features: list[str], words: str) -> None:
    config = Config({}, {}, {"target": "y", "features": features}, Path("m"))
    with pytest.raises(TrainingError, match=words):
        without_others(said_by(config).options, config, ["a", "y"])
