"""The JSON Schema of annotation projects' files agrees with what the loader takes."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest

from automl_core.annotation.file.schema import annotation_schema
from automl_core.annotation.file.validation import validate
from tests.unit.annotation.file.files import PROGRAM, WHOLE, body, file_of
from tests.unit.models.file.test_model_schema import properties

SCHEMA = annotation_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def errors(data: Any) -> list[str]:
    return [f"{error.json_path} {error.message}" for error in VALIDATOR.iter_errors(data)]


def test_it_is_a_schema_of_the_dialect_it_names() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["required"] == ["kind", "name", "items", "labels", "models"]


def test_every_group_is_closed_and_every_key_described() -> None:
    groups = {"AnnotationFile": SCHEMA, **SCHEMA["$defs"]}
    assert {name for name, group in groups.items() if group.get("additionalProperties") is not False} == set()
    bare = [path for path, value in properties(SCHEMA) if not value.get("description") and ".oneOf" not in path]
    assert [path for path in bare if "$defs.Labeller" not in path] == []


def test_what_the_loader_takes_the_schema_takes() -> None:
    assert errors(WHOLE) == []
    assert errors(body()) == []
    assert errors(body(agree="off", models=[{"experiment": "a", "families": 2}])) == []
    assert errors(body(labels={"classes": [0, 1], "keys": {"0": 1}})) == []
    assert errors(file_of(models=[PROGRAM, {"experiment": "a"}]).plain()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("kind",), "model"),
        (("items", "kind"), "texts"),
        (("items", "columns"), []),
        (("items", "data"), 3),
        (("labels", "classes"), [1.5, "a"]),
        (("models",), []),
        (("models",), [{"experiment": "a", "command": "x ${items} ${out}"}, {"experiment": "b"}]),
        (("models",), [{"experiment": "a", "family": "x"}]),
        (("models",), [{"name": "a", "command": "x ${items} ${out}"}]),
        (("models",), [{}]),
        (("models",), ["a", "b"]),
        (("select", "by"), "margins"),
        (("select", "bad_share"), "25 percent"),
        (("select", "many"), 0),
        (("agree",), "on"),
        (("agree", "accuracy"), 97),
        (("people", "where"), "label_studio"),
        (("people", "who"), "anna"),
        (("people", "gold"), 1.5),
        (("label_studio", "connections"), "x"),
        (("stop", "money"), 0),
        (("alerts", "on"), ["asked"]),
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
