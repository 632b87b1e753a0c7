"""The templates for tables say what the engine searches, all of it, in words for people."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from automl_core.tabular.learners import registry
from automl_core.tabular.learners.of_file import OWN
from automl_core.tabular.options import Options
from automl_core.tabular.program.describing import (
    KINDS,
    UNUSUAL,
    VERSION,
    Kind,
    document,
    first_trials,
    option_parameters,
    pipeline_parameters,
)
from automl_core.tabular.program.said import OPTIONS
from automl_core.tabular.program.words import HELP, OPTION_HELP, TITLES
from automl_core.tabular.shape import Shape
from automl_core.tabular.space import space
from automl_core.training.template_files import requires_of
from tests.sources import ROOT


def text_of(kind: Kind) -> str:
    return (ROOT / "templates" / kind.name / str(VERSION) / "template.yaml").read_text(encoding="utf-8")


def stated(kind: Kind) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text_of(kind))
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_file_is_what_the_engine_says(kind: Kind) -> None:
    assert text_of(kind) == document(kind, requires_of(ROOT / "pyproject.toml", "tabular")), (
        "write it again: python -m automl_core.tabular.program.describing templates"
    )


SHAPES = [
    Shape(100, 4, kind="binary", classes=2),
    Shape(100_000, 300, categories=40, kind="multiclass", classes=20, levels=9),
    Shape(900, 12, texts=3, times=1, kind="regression"),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.kind)
def test_what_the_library_searches_on_any_table_can_be_searched_by_the_file(shape: Shape) -> None:
    kind = KINDS[shape.kind == "regression"]
    parameters = stated(kind)["parameters"]
    for name, parameter in space(shape).items():
        assert parameters[name]["type"] == parameter["type"], name
        if "values" in parameter:
            assert set(parameter["values"]) <= set(parameters[name]["values"]), name


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_learner_is_there_and_the_search_takes_those_that_the_extra_brings(kind: Kind) -> None:
    learner = pipeline_parameters(kind)["learner"]
    expected = {name for name in registry.names() if name != "constant"}
    if kind.problem == "regression":
        expected = {name for name in expected if "regression" in registry.find(name).kinds}
    assert set(learner["values"]) == {*expected, OWN}, "and one of the user's own, which is tried where it is asked for"
    drawn = {name for name, weight in zip(learner["values"], learner["weights"], strict=True) if weight > 0}
    assert drawn == expected - set(UNUSUAL)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_parameter_is_told_in_words(kind: Kind) -> None:
    parameters = stated(kind)["parameters"]
    for name, parameter in parameters.items():
        assert parameter["help"], name
        assert "_" not in parameter["help"].replace("data.metric", "").split(":")[0], f"{name}: words of its own"
    searched = {name for name, parameter in parameters.items() if parameter["search"] is True}
    assert searched == set(pipeline_parameters(kind))
    assert {name for name, each in parameters.items() if each["search"] == "never"} == set(option_parameters(kind))


def test_no_word_is_left_over() -> None:
    names = {name for kind in KINDS for name in pipeline_parameters(kind)}
    short = {name.rpartition(".")[2] for name in names}
    catboost = {"depth", "rsm", "l2_leaf_reg", "random_strength", "bagging_temperature"}
    assert set(HELP) <= names | short | catboost
    assert set(TITLES) <= {*registry.names(), "features"}
    options = {name for kind in KINDS for name in option_parameters(kind)}
    assert options == set(OPTION_HELP) == set(OPTIONS)


ELSEWHERE = {
    "target", "group", "time", "weight", "ids", "ignore", "kinds",  # columns:
    "metric", "direction", "needs",  # a function of the user's own says the latter two itself
    "allowed", "blocked", "selection",  # space:
    "exit_score", "iterations", "deadline", "workers",  # stop: and trials:
    "featurization", "costs",  # spec_file.base
    "learners",  # by Python alone
}  # fmt: skip
"""Options of the engine that a file says in another place than a parameter of the same name."""


def test_every_option_of_the_engine_can_be_said_in_a_file() -> None:
    options = {each.name for each in dataclasses.fields(Options)}
    assert options - ELSEWHERE == set(OPTIONS) - {"metric", "quantile", "any_size"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_first_trials_name_each_usual_learner_once_at_least(kind: Kind) -> None:
    tried = [params["learner"] for params in first_trials(kind)]
    learner = pipeline_parameters(kind)["learner"]
    drawn = {name for name, weight in zip(learner["values"], learner["weights"], strict=True) if weight > 0}
    assert set(tried) == drawn
    assert stated(kind)["search"]["warm_start"] == first_trials(kind)
