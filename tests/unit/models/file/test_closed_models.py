"""What a closed deployment refuses of a model's file: stores, places, images, projects, programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.closed import Policy
from automl_core.models.file.closed import model_problems
from tests.unit.closed.files import policy
from tests.unit.models.file.files import BATCH, file_of

HOME = Path("/home/automl")
OUTPUT = {"storage": "s3://lake/models/x"}
EVALUATE = {"data": "s3://lake/data/latest/"}
DEPLOY = {**BATCH, "data": "s3://lake/data/in/${ds}/", "out": "s3://lake/data/out/${ds}/"}
IMAGE = "registry.example.com/ml/score:3"


def refused(lists: Policy | None = None, path: Path | None = None, **groups: Any) -> list[str]:
    file = file_of(**{"output": OUTPUT, "evaluate": EVALUATE, **groups})
    return [str(each) for each in model_problems(file, lists or policy(), home=HOME, path=path)]


@pytest.mark.parametrize(
    "groups",
    [
        {},
        {"deploy": DEPLOY},
        {"deploy": {**DEPLOY, "data": "odps://sales/rows", "out": "odps://sales/scores", "backend": "maxcompute",
                    "project": "sales"}},
        {"closed": True},
        {"deploy": {"to": "servers"}},
        {"candidates": {"experiments": [{"experiment": "a", "storage": "s3://lake/models/team"}]}},
    ],
)  # fmt: skip
def test_what_is_on_the_lists_is_taken(groups: dict[str, Any]) -> None:
    assert refused(**groups) == []


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"output": {"storage": "s3://elsewhere/x"}}, "output.storage: the store s3://elsewhere/x is not on"),
        ({"candidates": {"experiments": ["b", {"experiment": "a", "storage": "s3://elsewhere/x"}]}},
         "candidates.experiments[1].storage: the store s3://elsewhere/x is not on"),
        ({"evaluate": {"data": "s3://other/x/"}}, "evaluate.data: the data s3://other/x/ are not on"),
        ({"evaluate": {"data": {"place": "s3://other/x/"}}}, "evaluate.data.place: the data s3://other/x/ are not on"),
        ({"deploy": {**DEPLOY, "data": "s3://other/${ds}/"}}, "deploy.data: the data s3://other/${ds}/ are not on"),
        ({"deploy": {**DEPLOY, "out": "s3://other/${ds}/"}}, "deploy.out: the data s3://other/${ds}/ are not on"),
        ({"deploy": {**DEPLOY, "out": "s3://lake/data/${ds}/../../x/"}}, "deploy.out: the data"),
        ({"feedback": {"data": "s3://other/x/", "outcome": "y", "answers": "s3://lake/data/a/"}},
         "feedback.data: the data s3://other/x/ are not on"),
        ({"feedback": {"data": "s3://lake/data/x/", "outcome": "y", "answers": "s3://other/a/"}},
         "feedback.answers: the data s3://other/a/ are not on"),
        ({"evaluate": {**EVALUATE, "program": {"command": "x"}}}, "evaluate.program: a scoring program is a process"),
        ({"mlflow": {"connection": "x"}}, "mlflow: in a closed environment nothing is told"),
        ({"closed": False}, "closed: this deployment is closed, and a file can't open it"),
        ({"deploy": {**DEPLOY, "backend": "kubernetes", "image": IMAGE}},
         "deploy.backend: pods that score are not fenced in by this release"),
        ({"deploy": {"to": "kubernetes", "image": "x", "open": True}},
         "deploy.to: servers in pods are not fenced in by this release"),
        ({"deploy": {**DEPLOY, "data": "odps://sales/rows", "out": "odps://sales/scores", "backend": "maxcompute",
                     "project": "other"}}, "deploy.project: the project other is not on this deployment's list"),
    ],
)  # fmt: skip
def test_what_is_not_is_refused(groups: dict[str, Any], said: str) -> None:
    found = refused(**groups)
    assert any(each.startswith(said) for each in found), found


def test_what_lies_beside_it_lies_in_the_deployment(tmp_path: Path) -> None:
    evaluate = {**EVALUATE, "tests": "../../secret/_tests.yaml"}
    path = tmp_path / "experiments" / "churn.model.yaml"
    assert "evaluate.tests: what lies outside of AUTOML_HOME" in refused(path=path, evaluate=evaluate)[0]
    assert refused(path=path, evaluate={**EVALUATE, "tests": "_tests.yaml"}) == []


def test_nothing_is_refused_where_nothing_is_closed() -> None:
    lists = policy(closed="False")
    assert refused(lists, output={"storage": "s3://elsewhere/x"}) == []
    assert refused(lists, output={"storage": "s3://elsewhere/x"}, closed=True)
