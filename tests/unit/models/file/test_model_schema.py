"""The JSON Schema of models' files agrees with what the loader takes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from automl_core.models.file.schema import model_schema
from automl_core.models.file.validation import validate
from tests.unit.models.file.files import BATCH, FEEDBACK, WHOLE, body
from tests.unit.models.file.test_served import SERVED

SCHEMA = model_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def errors(data: Any) -> list[str]:
    return [f"{error.json_path} {error.message}" for error in VALIDATOR.iter_errors(data)]


def properties(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        for key, value in node.get("properties", {}).items():
            yield f"{path}.{key}", value
        for key, value in node.items():
            yield from properties(value, f"{path}.{key}")


def test_it_is_a_schema_of_the_dialect_it_names() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["required"] == ["kind", "name", "candidates", "evaluate"]


def test_every_group_is_closed_and_every_key_described() -> None:
    groups = {"ModelFile": SCHEMA, **SCHEMA["$defs"]}
    assert {name for name, group in groups.items() if group.get("additionalProperties") is not False} == set()
    conditions = {"deploy.to", "deploy.backend", "test"}  # told in words at the union
    bare = [
        path
        for path, value in properties(SCHEMA)
        if not value.get("description") and not any(path.endswith(each) for each in conditions) and ".if." not in path
    ]
    assert [path for path in bare if ".allOf" not in path] == []


def test_what_the_loader_takes_the_schema_takes() -> None:
    assert errors(WHOLE) == []
    assert errors(body()) == []
    assert errors(body(deploy={**BATCH, "backend": "kubernetes", "image": "x"})) == []
    for served in ({"to": "servers"}, {"to": "kubernetes"}, SERVED, {"to": "servers", "ab": {"metric": "errors"}}):
        assert errors(body(deploy=served, feedback=FEEDBACK)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "experiment"),
        (("evaluate", "metrik"), "auc"),
        (("accept", "when"), "beter"),
        (("accept", "by"), "anna"),
        (("accept", "within"), "soon"),
        (("deploy", "to"), "kubernetes"),
        (("deploy", "backend"), "kubernets"),
        (("deploy", "image"), "x"),
        (("deploy",), {"to": "servers", "schedule": "@daily"}),
        (("deploy",), {"to": "servers", "steps": ["5"]}),
        (("deploy",), {"to": "servers", "steps": [1.5]}),
        (("deploy",), {"to": "servers", "ab": {"metric": "error"}}),
        (("deploy",), {"to": "servers", "shadow": {"for_": "1h"}}),
        (("deploy",), {"backend": "local"}),
        (("watch", "retrain", "at_most"), 0),
        (("watch", "retrain", "in_"), "7d"),
        (("watch", "retrain", "when", "worse_by"), "2 percent"),
        (("evaluate", "tests"), [{"test": "metrik"}]),
        (("candidates", "experiments"), []),
        (("alerts", "on"), ["new_best"]),
    ],
)
def test_what_the_schema_refuses_the_loader_refuses(path: tuple[str, ...], value: Any) -> None:
    data = copy.deepcopy(WHOLE)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert errors(data)
    assert validate(data)[1]
