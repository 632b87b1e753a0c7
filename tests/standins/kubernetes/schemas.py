"""Custom resources: what a CustomResourceDefinition declares, read from its file, and objects held to its schema.

As an API server does (structural schemas of apiextensions.k8s.io/v1): defaults are filled in, unknown fields dropped,
and what is of another type, missing or not allowed is refused with its path. Rules in CEL are known by their words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.standins.kubernetes.objects import Object, bad_request, copy
from tests.standins.kubernetes.resources import Resource, register

Cause = tuple[str, str, str]
TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,),
    "number": (int, float),
}  # fmt: skip
NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}

RULES: Mapping[str, Callable[[Any], bool]] = {
    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')": lambda value: bool(
        re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", value["metadata"]["name"])
    ),
    "size(self.metadata.name) <= 63": lambda value: len(value["metadata"]["name"]) <= 63,
}
"""Rules in CEL that the stand-in keeps at creation, by their text."""

SCHEMAS: dict[tuple[str, str, str], Object] = {}
"""Group, version and kind → schema."""


def install(path: Path) -> None:
    """Serve the kinds that a file of CustomResourceDefinitions declares."""
    for definition in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        spec = definition["spec"]
        for version in spec["versions"]:
            status = ("status",) if "status" in (version.get("subresources") or {}) else ()
            kind = spec["names"]["kind"]
            register(
                Resource(
                    spec["names"]["plural"], kind, spec["group"], version["name"],
                    namespaced=spec["scope"] == "Namespaced", subresources=status,
                )
            )  # fmt: skip
            SCHEMAS[spec["group"], version["name"], kind] = version["schema"]["openAPIV3Schema"]


def complete(resource: Resource, value: Object) -> None:
    """Fill in defaults and drop what the schema doesn't know, in place; nothing for kinds without a schema."""
    schema = SCHEMAS.get((resource.group, resource.version, resource.kind))
    if schema is not None:
        fixed = _completed({**schema, "properties": {**schema["properties"], "metadata": {"x": True}}}, value)
        value.clear()
        value.update(fixed)


def check_fields(resource: Resource, value: Object) -> None:
    """Refuse fields that the schema doesn't know, as `fieldValidation=Strict` does (ApiError 400)."""
    schema = SCHEMAS.get((resource.group, resource.version, resource.kind))
    if schema is None:
        return
    known = {"apiVersion", "kind", "metadata"}
    found = [each for name, child in value.items() if name not in known
             for each in _unknown(schema["properties"].get(name), child, name)]  # fmt: skip
    if found:
        shown = ", ".join(f'unknown field "{each}"' for each in found)
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: strict decoding '
            f"error: {shown}"
        )


def check_schema(resource: Resource, value: Object) -> list[Cause]:
    """What an object has otherwise than its schema says; nothing for kinds without one."""
    schema = SCHEMAS.get((resource.group, resource.version, resource.kind))
    if schema is None:
        return []
    causes: list[Cause] = []
    for name, child in schema["properties"].items():
        if name in value and name not in {"apiVersion", "kind", "metadata"}:
            _check(child, value[name], name, causes)
    causes += _missing(schema, value, "")
    _check_rules(schema, value, "", causes)
    return causes


def _missing(schema: Object, value: Object, before: str) -> list[Cause]:
    absent = [name for name in schema.get("required") or () if name not in value]
    return [(f"{before}{name}", "FieldValueRequired", "Required value") for name in absent]


def _open(schema: Object) -> bool:
    return bool(schema.get("x-kubernetes-preserve-unknown-fields")) or not schema.get("type")


def _unknown(schema: Object | None, value: Any, at: str) -> list[str]:
    if schema is None:
        return [at]
    if isinstance(value, list):
        items = schema.get("items") or {}
        return [each for index, child in enumerate(value) for each in _unknown(items, child, f"{at}[{index}]")]
    if not isinstance(value, dict) or (_open(schema) and not schema.get("properties")):
        return []
    more = schema.get("additionalProperties")
    other = more if isinstance(more, dict) else ({} if more or _open(schema) else None)
    properties = schema.get("properties") or {}
    return [each for name, child in value.items()
            for each in _unknown(properties.get(name, other), child, f"{at}.{name}")]  # fmt: skip


def _completed(schema: Object, value: Any) -> Any:
    if isinstance(value, list):
        return [_completed(schema.get("items") or {}, each) for each in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties") or {}
    more = schema.get("additionalProperties")
    found = {}
    for name, child in value.items():
        if name in properties:
            found[name] = _completed(properties[name], child)
        elif isinstance(more, dict):
            found[name] = _completed(more, child)
        elif more or _open(schema):
            found[name] = child
    for name, child in properties.items():
        if name not in found and "default" in child:
            found[name] = _completed(child, copy({"x": child["default"]})["x"])
    return found


def _check(schema: Object, value: Any, at: str, causes: list[Cause]) -> None:
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, int | str):
            causes.append(_type(at, value, "integer,string"))
        return
    if kind and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        causes.append(_type(at, value, kind))
        return
    _check_limits(schema, value, at, causes)
    if isinstance(value, dict):
        causes += _missing(schema, value, f"{at}.")
        properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
        for name, child in value.items():
            if name in properties:
                _check(properties[name], child, f"{at}.{name}", causes)
            elif isinstance(more, dict):
                _check(more, child, f"{at}.{name}", causes)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _check(schema.get("items") or {}, child, f"{at}[{index}]", causes)
        keys = schema.get("x-kubernetes-list-map-keys")
        seen: list[list[Any]] = []
        for index, child in enumerate(value if keys else ()):
            mark = [child.get(key) for key in keys]
            if mark in seen:
                shown = ", ".join(f'"{key}":"{each}"' for key, each in zip(keys, mark, strict=True))
                causes.append((f"{at}[{index}]", "FieldValueDuplicate", f"Duplicate value: {{{shown}}}"))
            seen.append(mark)
    _check_rules(schema, value, at, causes)


def _check_limits(schema: Object, value: Any, at: str, causes: list[Cause]) -> None:
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(f'"{each}"' for each in schema["enum"])
        causes.append(
            (at, "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {allowed}")
        )
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            message = f"Invalid value: {_shown(value)}: {at} in body should match '{schema['pattern']}'"
            causes.append((at, "FieldValueInvalid", message))
        if len(value) > schema.get("maxLength", 2**31):
            limit = schema["maxLength"]
            causes.append((at, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes"))
        if len(value) < schema.get("minLength", 0):
            message = (
                f"Invalid value: {_shown(value)}: {at} in body should be at least {schema['minLength']} chars long"
            )
            causes.append((at, "FieldValueInvalid", message))
    if isinstance(value, int | float) and not isinstance(value, bool) and value < schema.get("minimum", value):
        message = f"Invalid value: {value}: {at} in body should be greater than or equal to {schema['minimum']}"
        causes.append((at, "FieldValueInvalid", message))
    if isinstance(value, list) and len(value) > schema.get("maxItems", len(value)):
        limit = schema["maxItems"]
        causes.append((at, "FieldValueTooMany", f"Too many: {len(value)}: must have at most {limit} items"))


def _check_rules(schema: Object, value: Any, at: str, causes: list[Cause]) -> None:
    for rule in schema.get("x-kubernetes-validations") or ():
        keeps = RULES.get(rule["rule"])
        if keeps is not None and not keeps(value):
            message = rule.get("message") or f"failed rule: {rule['rule']}"
            shown = "object" if isinstance(value, dict) else _shown(value)
            causes.append((at or "<nil>", "FieldValueInvalid", f'Invalid value: "{shown}": {message}'))


def _type(at: str, value: Any, kind: str) -> Cause:
    found = NAMES.get(type(value), "null")
    return at, "FieldValueTypeInvalid", f'Invalid value: "{found}": {at} in body must be of type {kind}: "{found}"'


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
