"""The file of a new experiment from a template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.templates.version import Template


@dataclass(frozen=True, slots=True)
class NewExperiment:
    """What somebody wants.

    Attributes:
        name: of the experiment.
        data, columns: name → place or column.
        trials, stop: fields of these groups that are otherwise than the template's.
        add, remove: parameters that are searched, and are not, otherwise than by default.
        values: parameter → value that it is set to.
    """

    name: str
    data: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str | list[str]] = field(default_factory=dict)
    trials: Mapping[str, Any] = field(default_factory=dict)
    stop: Mapping[str, Any] = field(default_factory=dict)
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def missing(template: Template, wanted: NewExperiment) -> list[tuple[str, str, str]]:
    """What a template needs that is not given: ``data`` or ``columns``, the name, and what it is."""
    head = template.head
    return [
        (key, name, each.help)
        for key, known, stated in (("data", head.data, wanted.data), ("columns", head.columns, wanted.columns))
        for name, each in (known or {}).items() if each.required and name not in stated
    ]  # fmt: skip


def left_open(template: Template) -> list[str]:
    """The keys that every experiment needs and that this template gives nothing of: ``goal``, ``space``."""
    return [
        *(["goal"] if not template.document.data.get("goal") else []), *(["space"] if not template.parameters else []),
    ]  # fmt: skip


def experiment_text(template: Template, wanted: NewExperiment) -> str:
    """The experiment file, as a person would write it."""
    search = {key: list(names) for key, names in (("add", wanted.add), ("remove", wanted.remove)) if names}
    groups: dict[str, Mapping[str, Any]] = {
        "data": wanted.data, "columns": wanted.columns, "trials": wanted.trials, "stop": wanted.stop,
        "search": search, "set": wanted.values,
    }  # fmt: skip
    title = " ".join(template.head.title.split())
    lines = [
        f"# {title}. What else can be searched, set or narrowed: automl template show {template.label}",
        f"name: {_yaml(wanted.name)}",
        f"template: {template.label}",
        *(f"{key}: {_yaml(dict(group))}" for key, group in groups.items() if group),
    ]
    return "\n".join(lines) + "\n"


def _yaml(value: Any) -> str:
    """A value in one line of YAML, with quotes only where they are needed."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(each) for each in value) + "]"
    if isinstance(value, str) and _is_plain(value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _is_plain(text: str) -> bool:
    """Whether YAML reads a text as this text without quotes."""
    from automl_core.spec.yaml_reader import read_yaml

    if not text or not all(character.isalnum() or character in "_-./" for character in text):
        return False
    return bool(read_yaml(f"{{a: {text}}}", "").data == {"a": text})
