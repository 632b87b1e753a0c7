"""JSON Schema of an experiment file, for editors and for programs that write such files."""

from __future__ import annotations

from typing import Any

from automl_core.spec.datasets import NAME as DATA_NAME
from automl_core.spec.models import Experiment
from automl_core.spec.relations import NAME_PATTERN
from automl_core.spec.template import TEMPLATE_NAME

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def experiment_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of an experiment file.

    It knows keys, types, limits and which keys go with which ``type``, ``rule``, ``source`` and
    ``backend``. What parameters say of one another (a condition's parent, low below high) and the
    names in ``${…}`` are beyond a schema: `automl_core.spec.loader` checks these.
    """
    schema = Experiment.model_json_schema()
    definitions = schema.get("$defs", {})
    schema["properties"] = {
        "kind": {"const": "experiment", "description": "experiment, which is meant where it is left out."},
        **schema["properties"],
    }
    for definition in (schema, *definitions.values()):
        for group in ("space", "when"):
            place = definition.get("properties", {}).get(group)
            if place is not None:
                place["propertyNames"] = {"pattern": f"^{NAME_PATTERN}$"}
        for tag in ("type", "rule", "source", "backend"):
            place = definition.get("properties", {}).get(tag, {})
            if "const" in place:
                place.setdefault("description", definition.get("description", "").replace("``", ""))
    for group in ("data", "columns"):
        schema["properties"][group]["propertyNames"] = {"pattern": f"^{DATA_NAME}$"}
    schema = _with_templates(by_tag(schema, definitions))
    return {"$schema": DIALECT, **schema, "title": "AutoML experiment"}


def _with_templates(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema for files that name a template as well: what the template gives may be left out, or laid over it.

    Which names and values a template allows is beyond a schema.
    """
    whole = schema["properties"]
    laid_over: dict[str, Any] = {
        **{name: _laid_over(whole[name]) for name in ("goal", "trials", "stop", "spec_file", "search")},
        "template": {
            "type": "string", "pattern": f"^{TEMPLATE_NAME}@[1-9][0-9]*$",
            "description": "The template and its version: name@version.",
        },
        "set": {"type": "object", "description": "Parameter → its value; it is not searched."},
        "space": {"type": "object", "description": "Parameter → what of its range is searched."},
        "tasks": {"type": "object", "description": "Name of a training task → what is laid over it."},
        "prepare": {"description": "A list in place of the template's, or name → what is laid over it."},
        "conclude": {"description": "A list in place of the template's, or name → what is laid over it."},
    }  # fmt: skip
    apart = {*laid_over, "code"}
    same = {name: place for name, place in whole.items() if name not in apart}
    own = {name: place for name, place in whole.items() if name in apart}
    rest = {key: value for key, value in schema.items() if key not in ("properties", "required")}
    return {
        **rest,
        "properties": {**same, **{name: {"description": _described(name, whole, laid_over)} for name in apart}},
        "required": ["name"],
        "if": {"required": ["template"], "properties": {"template": {"type": "string"}}},
        "then": {"properties": {**laid_over, "code": False}},
        "else": {"properties": {**own, "set": False}, "required": schema["required"]},
    }


def _described(name: str, whole: dict[str, Any], laid_over: dict[str, Any]) -> str:
    place = {**laid_over.get(name, {}), **whole.get(name, {})}
    return str(place.get("description") or laid_over[name]["description"])


def _laid_over(place: dict[str, Any]) -> dict[str, Any]:
    """A group of which a template gives the rest."""
    what = place.get("description", "As in any experiment")
    return {"type": "object", "description": f"{what} What is left out is the template's."}


def by_tag(node: Any, definitions: dict[str, Any]) -> Any:
    """Say a tagged union as "if the tag is x then …": an editor then names the key that is wrong.

    With ``oneOf`` it could only say that none of thirteen alternatives fits. (``discriminator`` is
    OpenAPI's word; JSON Schema doesn't know it.)
    """
    if isinstance(node, list):
        return [by_tag(entry, definitions) for entry in node]
    if not isinstance(node, dict):
        return node
    node = {key: by_tag(value, definitions) for key, value in node.items()}
    if "discriminator" not in node:
        return node
    tag = node["discriminator"]["propertyName"]
    mapping = node["discriminator"]["mapping"]  # value → its definition, or a union within this one
    members = [
        (value, member) for member in node["oneOf"]  # in the models' order
        for value, target in mapping.items() if target == member.get("$ref", member)
    ]  # fmt: skip
    default = node.get("default_tag")
    return {
        **{key: value for key, value in node.items() if key not in ("discriminator", "oneOf", "default_tag")},
        "type": "object",
        **({} if default else {"required": [tag]}),
        "properties": {tag: {"enum": [value for value, _ in members], "description": _meanings(members, definitions)}},
        "allOf": [
            {
                "if": {
                    "type": "object",
                    "properties": {tag: {"const": value}},
                    **({} if value == default else {"required": [tag]}),
                },
                "then": member,
            }
            for value, member in members
        ],
    }


def _meanings(members: list[tuple[str, dict[str, Any]]], definitions: dict[str, Any]) -> str:
    lines = []
    for value, member in members:
        definition = definitions.get(member["$ref"].rsplit("/", 1)[-1], {}) if "$ref" in member else member
        lines.append(f"{value}: {definition.get('description', '').replace('``', '')}")
    return "\n".join(lines)
