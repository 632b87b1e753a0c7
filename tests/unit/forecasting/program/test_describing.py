"""The template for series says what the engine searches, all of it, in words for people."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from automl_core.forecasting.learners import registry
from automl_core.forecasting.learners.shape import Shape
from automl_core.forecasting.metrics import names
from automl_core.forecasting.program.describing import (
    LOCK,
    NAME,
    VERSION,
    document,
    first_trials,
    learner_parameters,
    learners,
    option_parameters,
)
from automl_core.forecasting.program.said import OPTIONS, ROLES
from automl_core.forecasting.program.words import HELP, OPTION_HELP
from automl_core.forecasting.space import space
from automl_core.training.template_files import requires_of
from tests.sources import ROOT

FOLDER = ROOT / "templates" / NAME / str(VERSION)
TEXT = (FOLDER / "template.yaml").read_text(encoding="utf-8")
STATED: dict[str, Any] = yaml.safe_load(TEXT)

SHAPES = [
    Shape(series=1, shortest=8, median=8, longest=8, horizon=2),
    Shape(series=3000, shortest=40, median=100, longest=900, horizon=12, seasons=(12,), known=3),
    Shape(series=9, shortest=900, median=900, longest=900, horizon=48, seasons=(24, 168), intermittent=1.0),
]


def test_the_file_is_what_the_engine_says() -> None:
    assert document(requires_of(ROOT / "pyproject.toml", "series")) == TEXT, (
        "write it again: python -m automl_core.forecasting.program.describing templates"
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape.median))
def test_what_the_library_searches_on_any_series_can_be_searched_by_the_file(shape: Shape) -> None:
    parameters = STATED["parameters"]
    for name, parameter in space(shape, [each for each in learners() if each.suits(shape)]).items():
        assert parameters[name]["type"] == parameter["type"], name
        if name != "learner" and "values" in parameter:
            assert set(parameter["values"]) <= set(parameters[name]["values"]), name


def test_every_learner_is_there_and_only_those_that_cost_little_are_proposed() -> None:
    learner = STATED["parameters"]["learner"]
    assert set(learner["values"]) == set(registry.names())
    weights = dict(zip(learner["values"], learner["weights"], strict=True))
    assert [name for name, weight in weights.items() if weight == 0] == ["arima"]


def test_options_are_those_that_the_program_reads_each_in_words() -> None:
    assert set(option_parameters()) == set(OPTIONS) == set(OPTION_HELP)
    assert set(STATED["columns"]) == set(ROLES)
    assert {each for each in names() if "(" not in each} < set(STATED["parameters"]["metric"]["values"])


def test_every_parameter_of_a_learner_is_in_words() -> None:
    for name in learner_parameters():
        assert name in HELP or name.rpartition(".")[2] in HELP, f"{name} has no line of help"


def test_first_trials_say_every_value_and_every_usual_learner_is_among_them() -> None:
    parameters = learner_parameters()
    first = first_trials()
    assert {each["learner"] for each in first} == {each.name for each in learners() if not each.optional}
    for each in first:
        own = {name for name in parameters if name.startswith(f"{each['learner']}.")}
        assert {name for name in each if name != "learner"} <= own
        assert None not in each.values()
    assert STATED["search"]["warm_start"] == first
    assert len(first) < STATED["trials"]["max"]


def test_the_lock_is_there_with_what_the_template_requires() -> None:
    assert STATED["environment"] == {"lock": LOCK}
    pinned = {line.split("==")[0] for line in (FOLDER / LOCK).read_text().splitlines() if "==" in line}
    for requirement in STATED["requires"]:
        assert requirement.split(">")[0] in pinned
