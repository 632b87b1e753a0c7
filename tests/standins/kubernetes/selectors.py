"""Label and field selectors, as the `labelSelector` and `fieldSelector` of a request write them."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.standins.kubernetes.objects import Object, bad_request

Predicate = Callable[[Object], bool]

_REQUIREMENT = re.compile(
    r"""\s*(?:
        (?P<key>[\w./-]+)\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)
      | (?P<left>[\w./-]+)\s*(?P<op>==|=|!=)\s*(?P<right>[\w.-]*)
      | (?P<absent>!)\s*(?P<missing>[\w./-]+)
      | (?P<present>[\w./-]+)
    )\s*(?:,|$)""",
    re.VERBOSE,
)

FIELDS: dict[str, tuple[str, ...]] = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
             "status.phase", "status.podIP", "status.nominatedNodeName"),
    "events": ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
               "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
               "reportingComponent", "source", "type"),
    "jobs": ("status.successful",),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
}  # fmt: skip
"""Resource → fields that can select, beside `metadata.name` and `metadata.namespace`."""


def label_selector(text: str) -> Predicate:
    """A predicate of objects; ApiError 400 where the text is no selector."""
    tests: list[Callable[[dict[str, str]], bool]] = []
    at = 0
    while at < len(text.rstrip()):
        found = _REQUIREMENT.match(text, at)
        if found is None or found.end() == at:
            raise bad_request(f'unable to parse requirement: found "{text[at:].strip()}"')
        tests.append(_requirement(found))
        at = found.end()
    return lambda value: _all(tests, value["metadata"].get("labels") or {})


def _all(tests: list[Callable[[dict[str, str]], bool]], labels: dict[str, str]) -> bool:
    return all(test(labels) for test in tests)


def _requirement(found: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    if found["set"]:
        key, values = found["key"], {each.strip() for each in found["values"].split(",")}
        if found["set"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: key not in labels or labels[key] not in values
    if found["op"]:
        left, right = found["left"], found["right"]
        if found["op"] == "!=":
            return lambda labels: labels.get(left) != right
        return lambda labels: labels.get(left) == right
    if found["absent"]:
        missing = found["missing"]
        return lambda labels: missing not in labels
    present = found["present"]
    return lambda labels: present in labels


def matches_selector(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a whole `LabelSelector` object holds, matchExpressions among it; an empty one selects everything."""
    for each in selector.get("matchExpressions") or ():
        key, values = each["key"], each.get("values") or ()
        holds = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[each["operator"]]
        if not holds:
            return False
    return matches_labels(selector, labels)


def matches_labels(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a `LabelSelector` object's matchLabels hold."""
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())


def field_requirements(resource: str, text: str) -> list[tuple[str, bool, str]]:
    """(field, wanted, value) of each part; ApiError 400 for a field that the resource can't be selected by."""
    allowed = ("metadata.name", "metadata.namespace", *FIELDS.get(resource, ()))
    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        matched = re.fullmatch(r"([\w.]+)(==|=|!=)(.*)", part)
        if matched is None:
            raise bad_request(f'invalid selector: "{text}"; can\'t understand "{part}"')
        field, operator, value = matched.groups()
        if field not in allowed:
            raise bad_request(f'field label not supported: "{field}"')
        found.append((field, operator != "!=", value))
    return found


def field_selector(requirements: list[tuple[str, bool, str]]) -> Predicate:
    def holds(value: Object) -> bool:
        return all((_field(value, field) == wanted) is equal for field, equal, wanted in requirements)

    return holds


def _field(value: Object, path: str) -> str:
    found: object = value
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return "" if found is None else str(found)
