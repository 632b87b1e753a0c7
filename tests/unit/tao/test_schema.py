"""Schemas as a deployment or the package gives them, and the tables of older releases, as parameters."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from automl_core.spec.errors import SpecError
from automl_core.tao.conditions import condition_of, parent_of
from automl_core.tao.schema import Leaf, leaves_of, parse_schema, parse_table

SMALL: dict[str, Any] = {
    "properties": {
        "train": {
            "type": "collection",
            "properties": {
                "lr": {"type": "float", "default": 0.1, "minimum": 0, "maximum": "inf", "automl_enabled": "TRUE",
                       "description": "Step\n   size"},
                "steps": {"type": "list_2", "default": [3, 5], "automl_enabled": False},
                "extra": {"type": "dict", "properties": {}, "default": {}},
            },
        },
        "epochs": {"anyOf": [{"type": "null"}, {"type": "integer", "minimum": 1}], "default": 3},
        "act": {"type": ["string", "null"], "enum": ["relu", "gelu"], "option_weights": [1, 2]},
        "automl_disabled_parameters": ["a list that 7.2.0 leaves here"],
    }
}  # fmt: skip


def test_leaves_of_a_schema() -> None:
    found = leaves_of(parse_schema(json.dumps(SMALL), "a test"))
    assert list(found) == ["train.lr", "train.steps", "epochs", "act"], "a group without parameters has none"
    assert found["train.lr"] == Leaf("train.lr", "float", 0.1, 0, math.inf, enabled=True, help="Step size")
    assert found["train.steps"].enabled is False
    assert found["epochs"] == Leaf("epochs", "int", 3, 1)
    assert found["act"].options == ("relu", "gelu")
    assert found["act"].weights == (1.0, 2.0)
    assert found["act"].type == "categorical"


@pytest.mark.parametrize("wrap", [lambda each: {"schema": each}, lambda each: {"data": each}])
def test_a_deployments_answer_may_wrap_it(wrap: Any) -> None:
    assert parse_schema(json.dumps(wrap(SMALL)), "x") == SMALL


def test_infinity_as_python_writes_it() -> None:
    found = parse_schema('{"properties": {"x": {"type": "int", "maximum": Infinity, "default": 2}}}', "x")
    assert leaves_of(found)["x"].maximum == math.inf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"^x:1: no JSON"),
        ("[1]", "no schema of a network: it has no properties"),
        ('{"properties": 3}', "no schema of a network"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_is_no_schema(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_schema(text, "x")


def test_every_wrong_leaf_is_told() -> None:
    wrong = {
        "a": {"type": "int", "minimum": "much"}, "b": {"type": "categorical", "enum": "x"},
        "c": {"type": "float", "maximum": True},
    }  # fmt: skip
    with pytest.raises(SpecError) as error:
        leaves_of({"properties": wrong}, "net.json")
    told = [str(problem) for problem in error.value.problems]
    assert told == [
        "net.json: a: minimum is 'much', and a number is wanted.",
        "net.json: b: enum is 'x', and a list is wanted.",
        "net.json: c: maximum is true, and a number is wanted.",
    ]


TABLE = """\
parameter,display_name,value_type,description,default_value,examples,valid_min,valid_max,valid_options,automl_enabled,math_cond,parent_param,depends_on
version,,const,,1,,,,,FALSE,,,
train,,collection,,,,,,,FALSE,,,
train.lr_min,Least,float,,5.00E-06,,0,1,,TRUE,,,< train.lr_max
train.lr_max,,float,Greatest,5.00E-04,,0,1,,,,TRUE,
width,,integer,,1280,,480,inf,,,/ 32,,
kind,,ordered,,__L1__,,,,"__NO_REG__,__L1__",TRUE,,,
layers,,ordered_int,,18,,,,"10,18",FALSE,,,
amp,,bool,,FALSE,,,,,,,,
monitor,,string,,loss,,"loss,val_loss",,,,,,
"""


def test_a_table_of_older_releases() -> None:
    found = leaves_of(parse_table(TABLE, "net.csv"))
    assert list(found) == ["train.lr_min", "train.lr_max", "width", "kind", "layers", "amp", "monitor"]
    assert found["train.lr_min"] == Leaf(
        "train.lr_min", "float", 5e-6, 0.0, 1.0, depends_on="< train.lr_max", enabled=True, help="Least"
    )
    assert found["width"] == Leaf("width", "int", 1280, 480, math.inf, condition="/ 32")
    assert found["kind"].options == ("__NO_REG__", "__L1__")
    assert found["layers"] == Leaf("layers", "int", 18, options=(10, 18), enabled=False)
    assert found["amp"].default is False
    assert found["monitor"].minimum is None, "columns of a text may be out of place, as in retinanet's"
    with pytest.raises(SpecError, match="no specification of a network"):
        parse_table("a,b\n1,2\n", "x")


@pytest.mark.parametrize(
    ("condition", "depends_on", "side"),
    [("> depends_on", "low", "above"), (">=depends_on", "low", "at_least"), ("", "< low", "below"),
     ("", "<= low", "at_most"), ("", "low", "")],
)  # fmt: skip
def test_a_bound_by_another_parameter(condition: str, depends_on: str, side: str) -> None:
    high = Leaf("high", "int", 5, condition=condition, depends_on=depends_on)
    assert condition_of(high).parent == side
    assert parent_of(high, {"high": high, "low": Leaf("low", "int")}) == "low"


def test_a_parent_is_found_in_the_groups_of_a_network_that_is_taken_over() -> None:
    child = Leaf("net.model.select", "int", depends_on="model.queries")
    names = {"net.model.select": child, "net.model.queries": Leaf("net.model.queries", "int")}
    assert parent_of(child, names) == "net.model.queries"
    assert parent_of(child, names | {"model.queries": Leaf("model.queries", "int")}) == "net.model.queries"
    assert parent_of(child, {"net.model.select": child}) == ""
