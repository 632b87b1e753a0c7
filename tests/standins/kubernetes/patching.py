"""The three patches of the official clients: JSON (RFC 6902), merge (RFC 7396) and strategic merge."""

from __future__ import annotations

from typing import Any

import jsonpatch
import msgspec
from jsonpointer import JsonPointerException

from tests.standins.kubernetes.objects import ApiError, Object, bad_request, copy

MERGE_KEYS = {
    "containers": ("name",), "initContainers": ("name",), "ephemeralContainers": ("name",), "env": ("name",),
    "volumes": ("name",), "volumeMounts": ("mountPath",), "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",), "conditions": ("type",), "ownerReferences": ("uid",), "hostAliases": ("ip",),
    "secrets": ("name",), "addresses": ("type",),
}  # fmt: skip
"""List field → the field that tells its entries apart (the first that an entry has). Other lists are replaced."""

PRIMITIVE_LISTS = frozenset({"finalizers"})
"""Lists of text that a strategic merge adds to."""


def apply_patch(content_type: str, current: Object, body: bytes) -> Object:
    """The patched object; ApiError 415 for another kind of patch, 400 or 422 for one that can't be applied."""
    kind = content_type.partition(";")[0].strip()
    try:
        patch: Any = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise bad_request(f"error decoding patch: {error}") from error
    if kind == "application/json-patch+json":
        return _json_patch(current, patch)
    if kind not in {"application/merge-patch+json", "application/strategic-merge-patch+json"}:
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json",
        )
    if not isinstance(patch, dict):
        raise bad_request("error decoding patch: a patch of this kind is an object")
    return merge(current, patch) if "strategic" not in kind else strategic_merge(current, patch)


def _json_patch(current: Object, patch: Any) -> Object:
    try:
        patched: Object = jsonpatch.apply_patch(copy(current), patch)
    except jsonpatch.JsonPatchTestFailed as error:
        raise ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {error}")\
            from error  # fmt: skip
    except jsonpatch.InvalidJsonPatch as error:
        raise bad_request(f"error decoding patch: {error}") from error
    except (jsonpatch.JsonPatchException, JsonPointerException) as error:
        raise ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {error}")\
            from error  # fmt: skip
    return patched


def merge(current: Object, patch: Object) -> Object:
    merged = dict(current)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def strategic_merge(current: Object, patch: Object) -> Object:
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    merged = dict(current)
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            merged[field] = [each for each in merged.get(field) or () if each not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = strategic_merge(below if isinstance(below, dict) else {}, value)
        elif isinstance(value, list):
            merged[key] = _merge_list(key, merged.get(key) or [], value)
        else:
            merged[key] = value
    return merged


def _merge_list(field: str, current: list[Any], patch: list[Any]) -> list[Any]:
    if field in PRIMITIVE_LISTS:
        return [*current, *(each for each in patch if each not in current)]
    if field not in MERGE_KEYS or any(isinstance(each, dict) and each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if not (isinstance(each, dict) and "$patch" in each)]
    merged = list(current)
    for entry in patch:
        key = next((each for each in MERGE_KEYS[field] if each in entry), None)
        if key is None:
            raise bad_request(f"map: {entry} does not contain declared merge key: {MERGE_KEYS[field][0]}")
        at = next((i for i, each in enumerate(merged) if each.get(key) == entry[key]), None)
        if entry.get("$patch") == "delete":
            merged = [each for each in merged if each.get(key) != entry[key]]
        elif at is None:
            merged.append({name: value for name, value in entry.items() if not name.startswith("$")})
        else:
            merged[at] = strategic_merge(merged[at], entry)
    return merged
