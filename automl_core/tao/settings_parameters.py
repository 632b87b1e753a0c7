"""TAO's lists of parameters and overrides of their ranges as ``search`` and ``space`` of a file from a template."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.spec.errors import Problem, did_you_mean, show
from automl_core.tao.settings_search import Read
from automl_core.templates.version import Template

_RANGE = {"valid_min": "low", "valid_max": "high", "valid_options": "values", "option_weights": "weights"}


@dataclass(slots=True)
class Parameters:
    """What an experiment file gets of them.

    Attributes:
        add, remove: of ``search``.
        space: parameter → what is narrowed.
        notes: what is to be said, for people.
    """

    add: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    space: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def parameters_of_settings(read: Read, template: Template) -> Parameters:
    """The parameters that are searched, and their ranges; what is wrong with them is in ``read.problems``."""
    found = Parameters()
    default = [name for name, known in template.parameters.items() if known.searched is True]
    if read.has("automl_hyperparameters"):
        listed = _names(read, "automl_hyperparameters", template)
        if listed is not None and not listed:
            read.wrong("automl_hyperparameters", "nothing is left to search", "Leave it out for the default list")
        found.add = [name for name in listed or () if name not in default]
        found.remove = [name for name in default if listed and name not in listed]
    for setting, target in (
        ("additional_automl_parameters", found.add),
        ("remove_default_automl_parameters", found.remove),
    ):
        if read.has(setting):
            if read.has("automl_hyperparameters") and _names(read, setting, template):
                read.wrong(setting, "automl_hyperparameters is the whole list already", "Give one of the two")
                continue
            for name in _names(read, setting, template) or ():
                if (name in default) == (setting == "additional_automl_parameters"):
                    word = "is searched by default" if name in default else "is not searched by default"
                    found.notes.append(f"{setting}: {name} {word}, so nothing changes")
                elif name not in target:
                    target.append(name)
    for name, override in _ranges(read, template):
        narrowed = _narrowed(name, override, read)
        if narrowed:
            found.space[name] = narrowed
            if name in found.remove:
                found.notes.append(f"custom_param_ranges: {name} is not searched, so its range has no effect")
                del found.space[name]
            elif name not in default and name not in found.add:
                found.add.append(name)
                found.notes.append(f"custom_param_ranges: {name} is searched, though it is not by default")
    return found


def _names(read: Read, setting: str, template: Template) -> list[str] | None:
    """A list of parameters, also where it is text (``"['train.optim.lr']"``), as the notebooks of 2023 send it."""
    value = read.raw(setting)
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value) if value.strip() else []
        except (ValueError, SyntaxError):
            value = [each.strip() for each in value.split(",")]
    if isinstance(value, Mapping):
        value = list(value)
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        read.wrong(setting, "a list of parameters is wanted")
        return None
    written = read.given[setting][0]
    for index, name in enumerate(value):
        known = template.parameters.get(name)
        if known is None:
            read.problems.append(
                Problem(f"{template.head.template} has no such parameter", (written, index), found=name,
                        suggestion=did_you_mean(name, template.parameters))
            )  # fmt: skip
        elif known.searched == "never" and setting != "remove_default_automl_parameters":
            read.problems.append(
                Problem("it can be set, and not searched", (written, index), found=name,
                        suggestion="Its metadata say automl_enabled FALSE, or give it no range")
            )  # fmt: skip
    return list(dict.fromkeys(value))


def _ranges(read: Read, template: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Parameter → override: a mapping, or a list of groups that name their parameter."""
    value = read.raw("custom_param_ranges")
    if value is None:
        return
    if isinstance(value, list):
        value = {each.get("parameter"): each for each in value if isinstance(each, Mapping)}
    if not isinstance(value, Mapping):
        read.wrong("custom_param_ranges", "a mapping of parameters to their ranges is wanted")
        return
    written = read.given["custom_param_ranges"][0]
    for name, override in value.items():
        if name not in template.parameters:
            read.problems.append(
                Problem(f"{template.head.template} has no such parameter", (written, str(name)), found=str(name),
                        suggestion=did_you_mean(str(name), template.parameters))
            )  # fmt: skip
        elif not isinstance(override, Mapping):
            read.problems.append(Problem("a group is wanted", (written, name), found=show(override)))
        else:
            yield name, override


def _narrowed(name: str, override: Mapping[str, Any], read: Read) -> dict[str, Any]:
    written = read.given["custom_param_ranges"][0]
    found: dict[str, Any] = {}
    for key, value in override.items():
        if key in _RANGE:
            if value not in (None, "", []):
                found[_RANGE[key]] = value
        elif key == "disable_list":
            if value:
                read.problems.append(
                    Problem("it turns TAO's own rule for a list off", (written, name, key), found=show(value),
                            suggestion=f"Take {name} out of the search, or give it another type under space:")
                )  # fmt: skip
        elif key == "depends_on":
            read.problems.append(
                Problem("the template has the relations between parameters", (written, name, key), found=show(value),
                        suggestion="Say at_least or at_most under space: of the file")
            )  # fmt: skip
        elif key != "parameter":
            known = (*_RANGE, "disable_list", "depends_on")
            read.problems.append(
                Problem("TAO has no such override", (written, name, key), found=key, allowed=known,
                        suggestion=did_you_mean(key, known))
            )  # fmt: skip
    low, high = found.get("low"), found.get("high")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        read.problems.append(Problem(f"valid_min {low} is above valid_max {high}", (written, name)))
        return {}
    return found
