"""The JSON Schema of experiment files agrees with what the loader takes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from automl_core.spec.loader import read_text
from automl_core.spec.parameters import PARAMETER_TYPES
from automl_core.spec.schema import experiment_schema
from automl_core.spec.validation import validate
from automl_core.spec.yaml_reader import read_yaml
from tests.sources import gallery

SCHEMA = experiment_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
GALLERY = gallery()

GOOD: dict[str, Any] = {
    "name": "a",
    "goal": {"metric": "x", "direction": "minimize"},
    "space": {
        "lr": {"type": "loguniform", "low": 1e-4, "high": 1, "when": {"c": ["a"]}},
        "c": {"type": "choice", "values": ["a", {"value": 1, "space": {"d": {"type": "int", "low": 1, "high": 2}}}]},
    },
    "trials": {"max": 3, "timeout": "1h 30m", "early_stopping": {"rule": "median"}},
    "stop": {"max_duration": 3600},
    "tasks": [{"command": "train", "metrics": {"source": "json"}}],
}


def errors(data: Any) -> list[str]:
    return [f"{error.json_path} {error.message}" for error in VALIDATOR.iter_errors(data)]


def objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from objects(child)


def test_it_is_a_schema_of_the_dialect_it_names() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_group_is_closed_and_every_key_described() -> None:
    groups = {"Experiment": SCHEMA, **SCHEMA["$defs"]}
    assert {name for name, group in groups.items() if group["additionalProperties"] is not False} == set()
    bare = [
        f"{name}.{key}"
        for name, group in groups.items()
        for key, place in group["properties"].items()
        if not (place.get("description") or SCHEMA["$defs"].get(place.get("$ref", "").rsplit("/", 1)[-1]))
    ]
    assert not bare


def test_no_word_of_other_dialects() -> None:
    assert not [node for node in objects(SCHEMA) if isinstance(node.get("discriminator"), dict)]


def test_every_parameter_type_is_offered() -> None:
    space = SCHEMA["else"]["properties"]["space"]
    assert space["additionalProperties"]["properties"]["type"]["enum"] == list(PARAMETER_TYPES)


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.name)
def test_the_gallery_is_valid(path: Path) -> None:
    assert not errors(read_yaml(read_text(path), str(path)).data)


def test_a_file_with_all_sorts_of_things_is_valid() -> None:
    assert not errors(GOOD)
    assert validate(GOOD)[1] == []


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (("space", "lr", "hgh"), 1, "$.space.lr Additional properties are not allowed ('hgh' was unexpected)"),
        (("space", "lr", "type"), "logunifrom", "$.space.lr.type 'logunifrom' is not one of ['choice', 'ordinal'"),
        (("space", "lr", "low"), "x", "$.space.lr.low 'x' is not of type 'number'"),
        (("space", "lr"), {"type": "int", "low": 1}, "$.space.lr 'high' is a required property"),
        (("space", "lr"), {"low": 1}, "$.space.lr 'type' is a required property"),
        (("space", "0x"), {"type": "fixed", "value": 1}, "$.space '0x' does not match"),
        (("trials", "timeout"), "10q", "$.trials.timeout"),
        (("trials", "timeout"), -1, "$.trials.timeout"),
        (("trials", "early_stopping"), {"rule": "bandit", "slack": 1}, "$.trials.early_stopping"),
        (("name",), "a b", "$.name 'a b' does not match"),
        (("tasks",), [], "$.tasks"),
        (("tasks", 0, "metrics"), {"path": "x"}, "$.tasks[0].metrics 'source' is a required property"),
        (("nothing",), 1, "$ Additional properties"),
    ],
)
def test_broken_files_are_not(place: tuple[Any, ...], value: Any, says: str) -> None:
    data = copy.deepcopy(GOOD)
    holder: Any = data
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = value
    assert [error for error in errors(data) if error.startswith(says)]
    assert validate(data)[1], "the loader refuses it as well"


@pytest.mark.parametrize("text", ["45s", "30m", "1h30m", "1h 30m", "2d", "1.5h", "250ms", "10M", " 5 m "])
def test_durations_as_the_loader_reads_them(text: str) -> None:
    data = {**GOOD, "stop": {"max_duration": text}}
    assert not errors(data)
    assert validate(data)[1] == []


FROM_TEMPLATE: dict[str, Any] = {
    "name": "a",
    "template": "net@1",
    "data": {"train": "s3://lake/x.csv"},
    "columns": {"target": "y"},
    "trials": {"max": 3},
    "search": {"add": ["epochs"]},
    "set": {"lr": 0.1},
    "space": {"units": {"low": 8}},
    "tasks": {"train": {"timeout": "1h"}},
}


def test_a_file_from_a_template_leaves_out_what_that_gives() -> None:
    assert not errors(FROM_TEMPLATE)
    whole = {**GOOD, "template": {"name": "net", "version": 1, "digest": f"sha256:{64 * '0'}"}}
    assert not errors(whole)
    assert not errors({**GOOD, "template": None})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"template": "net"}, "$.template 'net' does not match"),
        ({"tasks": [{"command": "train"}]}, "$.tasks"),
        ({"code": "src"}, "$ False schema does not allow"),
        ({"sets": {}}, "$ Additional properties"),
        ({"template": None}, "$ 'goal' is a required property"),
    ],
)
def test_what_does_not_go_with_a_template(change: dict[str, Any], says: str) -> None:
    assert [error for error in errors({**FROM_TEMPLATE, **change}) if error.startswith(says)]


def test_set_goes_with_a_template_alone() -> None:
    assert errors({**GOOD, "set": {"lr": 0.1}})
