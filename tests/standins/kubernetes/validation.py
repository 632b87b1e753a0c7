"""What the API server refuses to keep: names, labels and pods that are not valid (422)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from tests.standins.kubernetes.objects import Object, invalid
from tests.standins.kubernetes.policyrules import policy_spec
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.resources import Resource
from tests.standins.kubernetes.schemas import check_schema

Cause = tuple[str, str, str]
"""Field, reason, message."""

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
KEY_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
ANNOTATIONS_LIMIT = 256 * 1024
LABELLED = frozenset({"namespaces", "services"})
"""Resources whose name is a DNS label: 63 characters, no dots."""


def check(resource: Resource, value: Object) -> None:
    """Refuse an object that the API server would refuse (ApiError 422)."""
    causes = _metadata(resource, value["metadata"])
    if resource.kind == "Pod":
        causes += pod_spec(value.get("spec") or {}, "spec", ("Always", "OnFailure", "Never"))
    elif resource.kind == "Job":
        causes += _job_spec(value.get("spec") or {})
    elif resource.kind in {"Deployment", "StatefulSet"}:
        causes += _workload_spec(value.get("spec") or {})
    elif resource.kind == "NetworkPolicy":
        causes += policy_spec(value.get("spec") or {})
    causes += check_schema(resource, value)
    if causes:
        kind = f"{resource.kind}.{resource.group}" if "." in resource.group else resource.kind
        raise invalid(kind, str(value["metadata"].get("name", "")), causes)


def _metadata(resource: Resource, metadata: Object) -> list[Cause]:
    name = metadata.get("name")
    if not name:
        return [("metadata.name", "FieldValueRequired", "Required value: name or generateName is required")]
    causes: list[Cause] = []
    label = resource.plural in LABELLED
    causes += _name("metadata.name", name, 63 if label else 253, label=label)
    causes += labels(metadata.get("labels") or {}, "metadata.labels")
    size = 0
    for key, value in (metadata.get("annotations") or {}).items():
        causes += _qualified_key("metadata.annotations", key.lower())
        size += len(key.encode()) + len(str(value).encode())
    if size > ANNOTATIONS_LIMIT:
        causes.append(
            ("metadata.annotations", "FieldValueTooLong", f"Too long: may not be more than {ANNOTATIONS_LIMIT} bytes")
        )
    return causes


def _name(field: str, name: Any, limit: int, *, label: bool) -> list[Cause]:
    if not isinstance(name, str):
        return [_invalid(field, name, "must be a string")]
    causes = []
    if len(name) > limit:
        causes.append(_invalid(field, name, f"must be no more than {limit} characters"))
    if not (LABEL if label else SUBDOMAIN).fullmatch(name):
        causes.append(_invalid(field, name, LABEL_TEXT if label else SUBDOMAIN_TEXT))
    return causes


def labels(found: Object, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for key, value in found.items():
        causes += _qualified_key(field, key)
        if not isinstance(value, str):
            causes.append(_invalid(field, value, "must be a string"))
        elif len(value) > 63:
            causes.append(_invalid(field, value, "must be no more than 63 characters"))
        elif value and not QUALIFIED.fullmatch(value):
            causes.append(_invalid(field, value, VALUE_TEXT))
    return causes


def _qualified_key(field: str, key: str) -> list[Cause]:
    prefix, slash, name = key.rpartition("/")
    if slash and not (0 < len(prefix) <= 253 and SUBDOMAIN.fullmatch(prefix)):
        return [_invalid(field, key, f"prefix part {SUBDOMAIN_TEXT}")]
    if len(name) > 63:
        return [_invalid(field, key, "name part must be no more than 63 characters")]
    return [] if QUALIFIED.fullmatch(name) else [_invalid(field, key, KEY_TEXT)]


def pod_spec(spec: Object, at: str, policies: tuple[str, ...]) -> list[Cause]:
    causes: list[Cause] = []
    if spec.get("restartPolicy") not in policies:
        allowed = ", ".join(f'"{each}"' for each in policies)
        value = spec.get("restartPolicy")
        causes.append((f"{at}.restartPolicy", "FieldValueNotSupported",
                       f'Unsupported value: "{value}": supported values: {allowed}'))  # fmt: skip
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            causes += _name(f"{at}.{field}", spec[field], 63, label=True)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        causes.append(_invalid(f"{at}.terminationGracePeriodSeconds", spec["terminationGracePeriodSeconds"],
                               "must be greater than or equal to 0"))  # fmt: skip
    if spec.get("activeDeadlineSeconds") is not None and spec["activeDeadlineSeconds"] < 1:
        causes.append(_invalid(f"{at}.activeDeadlineSeconds", spec["activeDeadlineSeconds"],
                               "must be between 1 and 2147483647, inclusive"))  # fmt: skip
    causes += labels(spec.get("nodeSelector") or {}, f"{at}.nodeSelector")
    volumes = set()
    for i, volume in enumerate(spec.get("volumes") or ()):
        causes += _name(f"{at}.volumes[{i}].name", volume.get("name"), 63, label=True)
        if volume.get("name") in volumes:
            causes.append(_duplicate(f"{at}.volumes[{i}].name", volume["name"]))
        volumes.add(volume.get("name"))
    if not spec.get("containers"):
        causes.append((f"{at}.containers", "FieldValueRequired", "Required value"))
    names: set[str] = set()
    for field in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(field) or ()):
            causes += _container(container, f"{at}.{field}[{i}]", names, volumes)
    return causes


def _container(container: Object, at: str, names: set[str], volumes: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    name = container.get("name")
    if not name:
        causes.append((f"{at}.name", "FieldValueRequired", "Required value"))
    else:
        causes += _name(f"{at}.name", name, 63, label=True)
        if name in names:
            causes.append(_duplicate(f"{at}.name", name))
        names.add(name)
    if not container.get("image"):
        causes.append((f"{at}.image", "FieldValueRequired", "Required value"))
    for field in ("command", "args"):
        for i, word in enumerate(container.get(field) or ()):
            if not isinstance(word, str):
                causes.append(_invalid(f"{at}.{field}[{i}]", word, "must be a string"))
    for i, variable in enumerate(container.get("env") or ()):
        name = variable.get("name")
        if not name:
            causes.append((f"{at}.env[{i}].name", "FieldValueRequired", "Required value"))
        elif "=" in name or not name.isascii() or not name.isprintable():
            causes.append(_invalid(f"{at}.env[{i}].name", name,
                                   "a valid environment variable name must consist only of printable ASCII characters "
                                   "other than '='"))  # fmt: skip
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            causes.append((f"{at}.volumeMounts[{i}].name", "FieldValueNotFound", f'Not found: "{mount.get("name")}"'))
        if not mount.get("mountPath"):
            causes.append((f"{at}.volumeMounts[{i}].mountPath", "FieldValueRequired", "Required value"))
    return causes + _resources(container.get("resources") or {}, f"{at}.resources")


def _resources(resources: Object, at: str) -> list[Cause]:
    causes: list[Cause] = []
    amounts: dict[str, dict[str, Decimal]] = {"limits": {}, "requests": {}}
    for side, found in amounts.items():
        for name, text in (resources.get(side) or {}).items():
            try:
                found[name] = parse_quantity(text)
            except ValueError as error:
                causes.append(_invalid(f"{at}.{side}.{name}", text, str(error)))
                continue
            if found[name] < 0:
                causes.append(_invalid(f"{at}.{side}.{name}", text, "must be greater than or equal to 0"))
            if "/" in name and found[name] % 1:
                causes.append(_invalid(f"{at}.{side}.{name}", text, "must be an integer"))
    for name, amount in amounts["requests"].items():
        limit = amounts["limits"].get(name)
        text = resources["requests"][name]
        if "/" in name and limit != amount:
            causes.append((f"{at}.limits", "FieldValueRequired", "Required value: Limit must be set for non "
                           "overcommitable resources") if limit is None else
                          _invalid(f"{at}.requests", text, f"must be equal to {name} limit"))  # fmt: skip
        elif limit is not None and amount > limit:
            allowed = resources["limits"][name]
            causes.append(_invalid(f"{at}.requests", text, f"must be less than or equal to {name} limit of {allowed}"))
    return causes


def _workload_spec(spec: Object) -> list[Cause]:
    template = spec.get("template") or {}
    found = (template.get("metadata") or {}).get("labels") or {}
    # a StatefulSet's own volumes are known to its pods
    own = [{"name": each["metadata"]["name"]} for each in spec.get("volumeClaimTemplates") or ()]
    inner = template.get("spec") or {}
    causes = labels(found, "spec.template.labels")
    causes += pod_spec({**inner, "volumes": [*(inner.get("volumes") or ()), *own]}, "spec.template.spec", ("Always",))
    chosen = (spec.get("selector") or {}).get("matchLabels") or {}
    if not chosen:
        causes.append(("spec.selector", "FieldValueRequired", "Required value"))
    elif any(found.get(key) != value for key, value in chosen.items()):
        causes.append(("spec.template.metadata.labels", "FieldValueInvalid",
                       f"Invalid value: {found}: `selector` does not match template `labels`"))  # fmt: skip
    return causes


def _job_spec(spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    template = spec.get("template") or {}
    causes += labels((template.get("metadata") or {}).get("labels") or {}, "spec.template.labels")
    causes += pod_spec(template.get("spec") or {}, "spec.template.spec", ("OnFailure", "Never"))
    for field in ("completions", "parallelism", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        if (spec.get(field) or 0) < 0:
            causes.append(_invalid(f"spec.{field}", spec[field], "must be greater than or equal to 0"))
    mode = spec.get("completionMode")
    if mode not in {"NonIndexed", "Indexed"}:
        causes.append(("spec.completionMode", "FieldValueNotSupported",
                       f'Unsupported value: "{mode}": supported values: "Indexed", "NonIndexed"'))  # fmt: skip
    if mode == "Indexed" and spec.get("completions") is None:
        causes.append(("spec.completions", "FieldValueRequired",
                       "Required value: when completion mode is Indexed"))  # fmt: skip
    if spec.get("podFailurePolicy") and (template.get("spec") or {}).get("restartPolicy") != "Never":
        causes.append(_invalid("spec.template.spec.restartPolicy", (template.get("spec") or {}).get("restartPolicy"),
                               'only "Never" is supported when podFailurePolicy is specified'))  # fmt: skip
    return causes


def _invalid(field: str, value: object, message: str) -> Cause:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return field, "FieldValueInvalid", f"Invalid value: {shown}: {message}"


def _duplicate(field: str, value: object) -> Cause:
    return field, "FieldValueDuplicate", f'Duplicate value: "{value}"'
