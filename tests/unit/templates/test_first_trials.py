"""What a template tries first fits into the space that an experiment has left of the template's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.spec.models import Experiment
from automl_core.templates import parse_experiment
from automl_core.templates.first_trials import fitting
from tests.support.template_folders import NET, make_template, places_in

SPACE: dict[str, Any] = {
    "learner": {"type": "choice", "values": ["trees", "linear"]},
    "trees.depth": {"type": "int", "low": 2, "high": 6, "when": {"learner": ["trees"]}},
    "seed": {"type": "fixed", "value": 3},
}


@pytest.mark.parametrize(
    ("combination", "fitted"),
    [
        ({"learner": "trees", "trees.depth": 4}, [{"learner": "trees", "trees.depth": 4}]),
        ({"learner": "trees", "trees.depth": 9}, [{"learner": "trees", "trees.depth": 6}]),
        ({"learner": "svm"}, []),
        ({"learner": "linear", "seed": 7, "gone": 1}, [{"learner": "linear"}]),
        ({"learner": "linear", "trees.depth": None}, [{"learner": "linear", "trees.depth": None}]),
    ],
)
def test_one_combination(combination: dict[str, Any], fitted: list[Any]) -> None:
    assert fitting([combination], SPACE) == fitted


def test_each_is_tried_once() -> None:
    assert fitting([{"learner": "trees", "gone": 1}, {"learner": "trees", "gone": 2}], SPACE) == [{"learner": "trees"}]


def test_an_option_that_was_decided_otherwise_is_another_combination() -> None:
    space = {"learner": {"type": "fixed", "value": "linear"}}
    assert fitting([{"learner": "trees"}, {"learner": "linear"}], space) == [{}]


def test_what_is_no_list_of_combinations_is_left_to_the_check() -> None:
    assert fitting("all", SPACE) == "all"
    assert fitting([3], SPACE) == [3]


FIRST = "search: {algorithm: random, warm_start: [{solver: sgd, lr: 0.5}, {solver: adam, lr: 2.0}]}"


def made(tmp_path: Path, more: str) -> Experiment:
    assert "search:" in NET
    lines = [FIRST if line.startswith("search:") else line for line in NET.splitlines()]
    make_template(tmp_path / "templates", "\n".join(lines) + "\n")
    head = 'name: churn\ntemplate: net@1\ndata: {train: "s3://lake/x.csv"}\ncolumns: {target: churned}\n'
    return parse_experiment(head + more, "x.yaml", places_in(tmp_path / "templates"))


def test_a_narrowed_experiment_is_valid(tmp_path: Path) -> None:
    found = made(tmp_path, "space: {solver: {values: [adam]}, lr: {high: 1.0}}\n")
    assert found.search.warm_start == [{"solver": "adam", "lr": 1.0}]


def test_an_experiments_own_takes_the_templates_place(tmp_path: Path) -> None:
    found = made(tmp_path, "search: {warm_start: [{solver: adam}]}\n")
    assert found.search.warm_start == [{"solver": "adam"}]
