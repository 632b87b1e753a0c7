"""Server-side apply: which manager owns which fields, conflicts, and what a manager no longer says.

As structured-merge-diff has it: a manager's set of fields lies in `metadata.managedFields` as `FieldsV1`. Lists that
are maps by keys, and mappings that are one value, are named here for the kinds that tests apply (from the
`x-kubernetes-list-type` and `x-kubernetes-map-type` of Kubernetes 1.36's OpenAPI); any other list is one value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.standins.kubernetes.objects import ApiError, Object, copy, timestamp

LIST_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",), "initContainers": ("name",), "env": ("name",), "volumes": ("name",),
    "volumeMounts": ("mountPath",), "imagePullSecrets": ("name",), "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"), "conditions": ("type",),
}  # fmt: skip
PORTS = ("containerPort", "port")
ATOMIC = frozenset({"selector", "labelSelector", "podSelector", "nodeSelector", "scaleTargetRef", "secretKeyRef"})
ATOMIC_LISTS = frozenset({"InferenceService", "NetworkPolicy", "HTTPRoute", "BackendTLSPolicy"})
"""Kinds none of whose lists that are applied are maps."""

Path = tuple[str, ...]
"""Elements as FieldsV1 writes them: `f:spec`, `k:{"name":"server"}`, and `.` for an entry itself."""


def _keys(kind: str, field: str, value: Any) -> tuple[str, ...]:
    """The keys of a list that is a map; none for a list that is one value."""
    if kind in ATOMIC_LISTS or not value or not all(isinstance(each, dict) for each in value):
        return ()
    if field == "ports":
        return (next((key for key in PORTS if key in value[0]), "port"), "protocol")
    keys = LIST_KEYS.get(field, ())
    return keys if keys and all(keys[0] in each for each in value) else ()


def _mark(entry: Object, keys: tuple[str, ...]) -> str:
    shown = {key: entry.get(key, "TCP" if key == "protocol" else None) for key in keys}
    return "k:" + json.dumps(shown, separators=(",", ":"), sort_keys=True)


def leaves(kind: str, value: Any, at: Path = (), field: str = "") -> Iterator[tuple[Path, Any]]:
    """Every field that has a value of its own, with that value."""
    if isinstance(value, dict) and value and field not in ATOMIC:
        for name, child in value.items():
            yield from leaves(kind, child, (*at, f"f:{name}"), name)
    elif isinstance(value, list) and (keys := _keys(kind, field, value)):
        for entry in value:
            mark = _mark(entry, keys)
            yield (*at, mark, "."), True
            for name, child in entry.items():
                yield from leaves(kind, child, (*at, mark, f"f:{name}"), name)
    else:
        yield at, value


def owned(value: Object) -> dict[Path, Any]:
    """The fields of an object that somebody can own."""
    metadata = {key: value["metadata"][key] for key in ("labels", "annotations") if value["metadata"].get(key)}
    rest = {key: child for key, child in value.items() if key not in {"apiVersion", "kind", "metadata", "status"}}
    return {path: child for path, child in leaves(value["kind"], {"metadata": metadata, **rest}) if child != {}}


def apply(current: Object | None, wanted: Object, manager: str, *, force: bool) -> Object:
    """The object after an application; ApiError 409 where others have set fields otherwise."""
    said, found = owned(wanted), owned(current) if current is not None else {}
    entries = [copy(each) for each in (current or {"metadata": {}})["metadata"].get("managedFields") or ()]
    mine = next((each for each in entries if _is(each, manager, "Apply")), None)
    others = [each for each in entries if each is not mine]
    sets = [(each, set(_decoded(each["fieldsV1"]))) for each in others]
    conflicts = [
        (each, path) for each, fields in sets for path in sorted(fields)
        if path in said and path[-1] != "." and found.get(path) != said[path]
    ]  # fmt: skip
    if conflicts and not force:
        raise _conflict(conflicts)
    taken = {path for _, path in conflicts}
    result: Object = copy(current) if current is not None else {"metadata": {"name": wanted["metadata"]["name"]}}
    result = _merged(wanted["kind"], result, copy(wanted))
    held = {path for _, fields in sets for path in fields}
    before = set(_decoded(mine["fieldsV1"])) if mine is not None else set()
    for path in sorted(before - set(said) - held, key=len, reverse=True):
        _remove(result, path)
    kept = [{**each, "fieldsV1": _encoded(fields - taken)} for each, fields in sets if fields - taken]
    ours = [] if not said else [_entry(wanted, manager, "Apply", set(said))]
    if mine is not None and ours and ours[0]["fieldsV1"] == mine["fieldsV1"]:
        ours = [mine]  # nothing new was said
    result["metadata"]["managedFields"] = [*kept, *ours]
    return result


def note_update(current: Object, value: Object, manager: str) -> None:
    """Give the fields that a plain update has changed to whoever did it."""
    entries = current["metadata"].get("managedFields")
    if not entries:
        return
    before, after = owned(current), owned(value)
    changed = {path for path, child in after.items() if before.get(path) != child}
    gone = set(before) - set(after)
    if not changed and not gone:
        value["metadata"]["managedFields"] = entries
        return
    found = []
    own = set(changed)
    for each in entries:
        fields = set(_decoded(each["fieldsV1"])) - changed - gone
        if _is(each, manager, "Update"):
            own |= fields
        elif fields:
            found.append({**each, "fieldsV1": _encoded(fields)})
    value["metadata"]["managedFields"] = [*found, _entry(value, manager, "Update", own)]


def _is(entry: Object, manager: str, operation: str) -> bool:
    return bool(entry["manager"] == manager and entry["operation"] == operation)


def _entry(value: Object, manager: str, operation: str, fields: set[Path]) -> Object:
    return {
        "manager": manager, "operation": operation, "apiVersion": value["apiVersion"], "time": timestamp(),
        "fieldsType": "FieldsV1", "fieldsV1": _encoded(fields),
    }  # fmt: skip


def _encoded(fields: set[Path]) -> Object:
    tree: Object = {}
    for path in sorted(fields):
        below = tree
        for element in path:
            below = below.setdefault(element, {})
    return tree


def _decoded(tree: Object, at: Path = ()) -> Iterator[Path]:
    for element, below in tree.items():
        if below:
            yield from _decoded(below, (*at, element))
        else:
            yield (*at, element)


def _merged(kind: str, current: Any, wanted: Any, field: str = "") -> Any:
    if isinstance(wanted, dict) and isinstance(current, dict) and field not in ATOMIC:
        for name, child in wanted.items():
            current[name] = _merged(kind, current[name], child, name) if name in current else child
        return current
    if isinstance(wanted, list) and isinstance(current, list) and (keys := _keys(kind, field, wanted)):
        there = {_mark(each, keys): each for each in current}
        named = {_mark(each, keys) for each in wanted}
        found = [_merged(kind, there.get(_mark(each, keys), {}), each) for each in wanted]
        return [*found, *(each for mark, each in there.items() if mark not in named)]
    return wanted


def _remove(value: Any, path: Path) -> None:
    """Take a field away that nobody says any more, and what is empty then."""
    element, rest = path[0], path[1:]
    if element.startswith("f:"):
        name = element[2:]
        if not isinstance(value, dict) or name not in value:
            return
        if not rest:
            del value[name]
        elif isinstance(value[name], list):
            keys = json.loads(rest[0][2:])
            entry = next((each for each in value[name] if _matches(each, keys)), None)
            if entry is not None and rest[1] == ".":
                value[name].remove(entry)
            elif entry is not None:
                _remove(entry, rest[1:])
            if not value[name]:
                del value[name]
        else:
            _remove(value[name], rest)
            if value[name] == {}:
                del value[name]


def _matches(entry: Object, keys: Object) -> bool:
    return all(entry.get(key, "TCP" if key == "protocol" else None) == value for key, value in keys.items())


def _shown(path: Path) -> str:
    """A path as messages have it: `.spec.template.spec.containers[name="server"].image`."""
    text = ""
    for element in path:
        if element.startswith("k:"):
            pairs = json.loads(element[2:]).items()
            text += f"[{','.join(f'{key}={json.dumps(value)}' for key, value in pairs)}]"
        elif element != ".":
            text += f".{element[2:]}"
    return text


def _conflict(conflicts: list[tuple[Object, Path]]) -> ApiError:
    by: dict[str, list[str]] = {}
    for entry, path in conflicts:
        by.setdefault(f'"{entry["manager"]}" using {entry["apiVersion"]}', []).append(_shown(path))
    if len(conflicts) == 1:
        (who, paths), *_ = by.items()
        text = f"Apply failed with 1 conflict: conflict with {who}: {paths[0]}"
    else:
        lines = [line for who, paths in sorted(by.items())
                 for line in (f"conflicts with {who}:", *(f"- {path}" for path in paths))]  # fmt: skip
        text = f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{entry["manager"]}"', "field": _shown(path)}
        for entry, path in conflicts
    ]
    return ApiError(409, "Conflict", text, details={"causes": causes})
