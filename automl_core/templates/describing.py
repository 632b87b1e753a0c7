"""A template in plain data, for people and programs that choose one."""

from __future__ import annotations

from typing import Any

from automl_core.spec.errors import SpecError
from automl_core.templates.model import Known, Wanted
from automl_core.templates.places import Places
from automl_core.templates.version import Template, read_template

_LIMITS = (
    "low", "high", "q", "mu", "sigma", "values", "weights", "min", "max", "length", "min_length", "max_length", "whole",
    "log", "distinct", "multiple_of", "power_of", "at_least", "at_most", "above", "below", "when",
)  # fmt: skip
"""Fields of a parameter that say what it may be."""


def summary_of(template: Template) -> dict[str, Any]:
    """What a list of templates shows of one version."""
    head = template.head
    return {
        "name": head.template, "version": head.version, "template": template.label, "title": head.title,
        "description": head.description, "kind": head.kind, "folder": str(template.folder),
    }  # fmt: skip


def describe(template: Template, places: Places | None = None) -> dict[str, Any]:
    """Everything about a version that an experiment's author needs.

    Args:
        template: the version.
        places: where other versions may lie.
    """
    head = template.head
    raw = template.document.data
    versions = places.versions(head.template) if places is not None else [head.version]
    return {
        **summary_of(template),
        "digest": template.reference().digest,
        "versions": versions,
        "newer": next((version for version in reversed(versions) if version > head.version), None),
        "requires": list(head.requires),
        "data": _wanted(head.data),
        "columns": _wanted(head.columns),
        "more_parameters": head.more_parameters,
        "parameters": [parameter_of(known) for known in template.parameters.values()],
        "goal": raw.get("goal"),
        "search": raw.get("search"),
        "trials": raw.get("trials"),
        "stop": raw.get("stop"),
        "tasks": {
            where: [
                {"name": task.get("name", "train"), "backend": task.get("backend", "local")}
                for task in raw.get(where) or [] if isinstance(task, dict)
            ]
            for where in ("prepare", "tasks", "conclude") if raw.get(where)
        },
    }  # fmt: skip


def _wanted(wanted: dict[str, Wanted] | None) -> dict[str, dict[str, Any]] | None:
    if wanted is None:
        return None
    told = {name: each.model_dump() for name, each in wanted.items()}
    return {name: {key: value for key, value in each.items() if key != "when" or value} for name, each in told.items()}


def parameter_of(known: Known) -> dict[str, Any]:
    """A parameter: its name, type, default, what it may be, whether it is searched, and its line of help."""
    limits: dict[str, Any] = {key: known.raw[key] for key in _LIMITS if known.raw.get(key) is not None}
    limits |= {"bounds": dict(known.bounds)} if known.bounds is not None else {}
    limits |= {"free": known.free} if known.free else {}
    return {
        "name": known.name, "type": known.type, "default": known.default, "search": known.searched,
        "help": str(known.raw.get("help") or known.raw.get("description") or ""), **limits,
    }  # fmt: skip


def listed(places: Places) -> tuple[list[dict[str, Any]], list[SpecError]]:
    """The newest readable version of every template, with all versions; and what can't be read.

    Args:
        places: where templates lie.
    """
    found, errors = [], []
    for name in places.names():
        versions = places.versions(name)
        for version in reversed(versions):
            try:
                template = read_template(places.folders_of(name, version)[0])
            except SpecError as error:
                errors.append(error)
                continue
            found.append({**summary_of(template), "versions": versions})
            break
    return found, errors
