"""Parameters of the experiment's own that a template takes by how their names begin, and data that go with values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from automl_core.templates import parse_experiment
from automl_core.templates.overriding import apply_overrides
from tests.support.template_folders import places_in

TEMPLATE = """\
template: pick
version: 1
title: Picks
data:
  train: {required: true}
  learner: {help: A file, when: {learner: [own]}}
parameters:
  learner: {type: choice, values: [fast, good, own], weights: [2, 1, 0], default: fast, search: true}
  depth: {type: int, low: 1, high: 9, default: 3, when: {learner: [good]}, search: true}
more_parameters: {own.: {learner: [own]}}
goal: {metric: loss, direction: minimize}
search: {warm_start: [{learner: good, depth: 4}, {learner: fast}]}
trials: {max: 5}
spec_file: {format: json}
tasks: [{name: train, cwd: code, command: [python, train.py, --config, "${spec_file}"]}]
"""

FILE = "name: first\ntemplate: pick@1\n"
WITH = "data: {train: rows.csv, learner: mine.py}\n"


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    folder = tmp_path / "templates" / "pick" / "1"
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "train.py").write_text("print('loss=1')\n")
    return tmp_path / "templates"


def made(templates: Path, text: str) -> Experiment:
    return parse_experiment(FILE + text, "x.yaml", places_in(templates))


def problem(templates: Path, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        made(templates, text)
    return str(caught.value)


def test_they_have_the_templates_condition_and_are_tried_second(templates: Path) -> None:
    found = made(
        templates,
        f"{WITH}space:\n  learner: {{weights: [1, 1, 1]}}\n"
        "  own.width: {type: int, low: 1, high: 4, default: 2}\n"
        "  own.kind: {type: choice, values: [a, b]}\n"
        "  own.rate: {type: uniform, low: 0, high: 1, when: {own.kind: [b]}}\n",
    )
    assert found.space["own.width"].when == {"learner": ["own"]}
    assert found.space["own.rate"].when == {"learner": ["own"], "own.kind": ["b"]}
    assert found.search.warm_start == [{"learner": "good", "depth": 4}, {"learner": "own"}, {"learner": "fast"}]


def test_a_condition_that_always_holds_is_none(templates: Path) -> None:
    found = made(
        templates, f"{WITH}set: {{learner: own}}\nspace: {{own.width: {{type: int, low: 1, high: 4}}}}\n"
    )  # fmt: skip
    assert found.space["own.width"].when == {}


def test_an_experiment_without_them_is_what_it_was(templates: Path) -> None:
    found = made(templates, "data: {train: rows.csv}\n")
    assert list(found.space) == ["learner", "depth"]
    assert found.search.warm_start == [{"learner": "good", "depth": 4}, {"learner": "fast"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{WITH}space: {{own.width: {{type: int, low: 1, high: 4}}}}\n",
         "x.yaml:4.*'own.width' exists only where learner is 'own', which is not tried"),
        (f"{WITH}space: {{learner: {{weights: [1, 1, 1]}}, width: {{type: int, low: 1, high: 4}}}}\n",
         "x.yaml:4.*pick@1 has no parameter 'width'"),
        (f"{WITH}space: {{learner: {{weights: [1, 1, 1]}}, own.width: {{type: int, low: 4, high: 1}}}}\n",
         r"x.yaml:4.*low \(4\) is above high \(1\)"),
        (WITH, r"x.yaml:3.*data.learner is of use with learner 'own' alone, which is not tried"),
        ("data: {train: rows.csv}\nspace: {learner: {weights: [1, 1, 1]}}\n",
         r"x.yaml:3.*learner 'own' needs data.learner \(A file\)"),
        (f"{WITH}set: {{learner: fast}}\n", "x.yaml:3.*data.learner is of use with learner 'own' alone"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_said_where_it_stands(templates: Path, text: str, says: str) -> None:
    found = problem(templates, text)
    assert re.search(says, found, re.DOTALL), found


def test_a_run_may_change_their_ranges(templates: Path) -> None:
    found = made(
        templates,
        f"{WITH}space: {{learner: {{weights: [1, 1, 1]}}, own.width: {{type: int, low: 1, high: 4}}}}\n",
    )
    changed = apply_overrides(found, {"space": {"own.width": {"high": 2}}}, places_in(templates)).experiment
    assert changed.space["own.width"].high == 2
    with pytest.raises(SpecError, match="has no parameter 'width'"):
        apply_overrides(found, {"space": {"width": {"type": "int", "low": 1, "high": 2}}}, places_in(templates))
