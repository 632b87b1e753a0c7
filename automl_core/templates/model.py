"""The file of a template's version, ``template.yaml``, as a model of its head; and its parameters, laid flat.

What of it is an experiment's (goal, tasks, …) stays plain data here: it is checked as a part of the experiment that is
made of it. So a parse pays for no check twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from pydantic import Field, ValidationError

from automl_core.spec.base import Model
from automl_core.spec.environment import Environment
from automl_core.spec.errors import Path, Problem, did_you_mean, show
from automl_core.spec.explain import explain
from automl_core.spec.relations import NAME_PATTERN
from automl_core.spec.shapes import Shape
from automl_core.spec.sizes import PARAMETERS
from automl_core.spec.template import TEMPLATE_NAME

Searched: TypeAlias = Literal[True, "offered", "never"]
"""``true``: searched unless taken out; ``offered``: not searched unless asked for; ``never``: can be set alone."""

Kind: TypeAlias = Literal["classification", "regression", "forecasting", "text", "image", "program"]

OF_EXPERIMENT = ("goal", "search", "trials", "stop", "spec_file", "prepare", "tasks", "conclude")
"""Keys of a template that are an experiment's."""

METADATA = ("search", "bounds", "free")
"""Keys of a template's parameter that no experiment has."""

FREE: dict[str, str] = {
    "text": "text", "number": "a number", "list": "a list of text, numbers, true or false",
    "any": "text, a number, true, false, or a list of them",
}  # fmt: skip
"""What ``free`` may say of a parameter of type ``fixed`` → what it can then be set to."""


class Wanted(Model):
    """A data set, or a column, that the template's program knows by a name of its own."""

    required: bool = Field(False, description="Whether an experiment has to give it.")
    help: str = Field("", description="A line for people: what it is.")
    when: dict[str, list[Any]] = Field(
        default_factory=dict,
        description="Of a data set or column: parameter → values with which it is needed, and without which it is not.",
    )


class TemplateFile(Model):
    """The file of one version of a template."""

    template: str = Field(pattern=f"^{TEMPLATE_NAME}$", description="Name of the template: that of its folder.")
    version: int = Field(ge=1, description="Version: the name of the folder that the file lies in.")
    title: str = Field(min_length=1, description="Its name for people.")
    description: str = Field("", description="What it trains and for whom; shown where templates are chosen.")
    kind: Kind = Field(
        "program", description="What it is for; where templates are chosen, those of a kind stand together."
    )
    requires: list[str] = Field(
        default_factory=list, description="What the environment of a trial needs, as pip writes it; shown to people."
    )
    data: dict[str, Wanted] | None = Field(
        None, description="Data sets that the program knows: name → {required, help}. Any, when left out."
    )
    columns: dict[str, Wanted] | None = Field(
        None, description="Columns that the program knows: name → {required, help}. Any, when left out."
    )
    parameters: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Everything that the program takes: name → parameter, as under `space:`, with `search` and `help`.",
    )
    unsearched: Literal["default", "program"] = Field(
        "default",
        description="What a parameter has that is not searched: its default; or whatever the program, or "
        "`spec_file.base`, gives it, but for one that a bound or a condition of a searched parameter names.",
    )
    more_parameters: bool | dict[str, dict[str, list[Any]]] = Field(
        False,
        description="Whether `space:` of an experiment may have parameters that the template doesn't know; or the "
        "beginnings of their names, each with the `when` that they have: {own.: {learner: [own]}}.",
    )
    goal: dict[str, Any] | None = Field(None, description="As in an experiment file; a default.")
    search: dict[str, Any] | None = Field(None, description="As in an experiment file; a default.")
    trials: dict[str, Any] | None = Field(None, description="As in an experiment file; a default.")
    stop: dict[str, Any] | None = Field(None, description="As in an experiment file; a default.")
    spec_file: dict[str, Any] | None = Field(None, description="As in an experiment file.")
    environment: Environment | None = Field(
        None, description="Lock file beside this file, for an environment of the program's own."
    )
    prepare: list[Any] = Field(default_factory=list, description="As in an experiment file.")
    tasks: list[Any] = Field(min_length=1, description="The training tasks of a trial, as in an experiment file.")
    conclude: list[Any] = Field(default_factory=list, description="As in an experiment file.")

    def takes(self, name: str) -> bool:
        """Whether an experiment may have a parameter of this name that the template doesn't know."""
        if isinstance(self.more_parameters, bool):
            return self.more_parameters
        return any(name.startswith(start) and name != start for start in self.more_parameters)

    def condition_of(self, name: str) -> dict[str, list[Any]]:
        """When such a parameter exists: name of another → values; empty for always."""
        if isinstance(self.more_parameters, bool):
            return {}
        return next((when for start, when in self.more_parameters.items() if name.startswith(start)), {})


TemplateFile.model_rebuild()  # built here once: a process that forks shares it


@dataclass(frozen=True, slots=True)
class Known:
    """A parameter that the template's program takes.

    Attributes:
        name: of it.
        raw: as under ``space:``, without the template's own keys and without sub-spaces; ``when`` has the conditions
            that its place implies.
        searched: see `Searched`.
        path: where it stands in template.yaml.
        bounds: ``low`` and ``high`` up to which an experiment may widen the range, a side that is left out without end;
            None where it may not be widened.
        free: see `FREE`; empty for a parameter that has its range, options or one value.
    """

    name: str
    raw: Mapping[str, Any]
    searched: Searched
    path: Path
    bounds: Mapping[str, float] | None = None
    free: str = ""

    @property
    def type(self) -> Any:
        """Its type, as stated."""
        return self.raw.get("type")

    @property
    def default(self) -> Any:
        """The value that it has where it is not searched; None where the program's own holds."""
        return self.raw.get("value" if self.type == "fixed" else "default")

    @property
    def when(self) -> dict[str, list[Any]]:
        """Its conditions: name of another parameter → values."""
        found = self.raw.get("when")
        return dict(found) if isinstance(found, Mapping) else {}


@dataclass(slots=True)
class Parameters:
    """All parameters of a template, those of nested choices beside their parents."""

    known: dict[str, Known] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def head_of(data: Any) -> tuple[TemplateFile | None, list[Problem]]:
    """Read the plain data of a template file.

    Returns:
        The file, or None; and what is wrong with its head, without file and line.
    """
    if not isinstance(data, dict):
        message = "the file is empty" if data is None else f"found {show(data)} where the file's keys are wanted"
        return None, [Problem(message, suggestion="A template has at least: template, version, title, tasks")]
    if isinstance(data.get("parameters"), dict) and len(data["parameters"]) > PARAMETERS:
        return None, [Problem(f"more than {PARAMETERS:,} parameters are too many", ("parameters",))]
    try:
        return TemplateFile.model_validate(data), []
    except ValidationError as error:
        return None, explain(error, Shape(TemplateFile), data)


def flat_parameters(head: TemplateFile) -> Parameters:
    """Lay the sub-spaces of nested choices beside their parents, and read what only a template says of a parameter."""
    found = Parameters()
    for name, raw, when, path in _each(head.parameters, {}, ("parameters",)):
        if name in found.known:
            problem = Problem(
                f"the parameter {name!r} is defined twice; give the nested one a name of its own", path, found=name
            )
            found.problems.append(problem)
            continue
        if not re.fullmatch(NAME_PATTERN, name):
            found.problems.append(
                Problem("a parameter's name starts with a letter or '_' and has letters, digits, '_', '-' and '.' only",
                        path, found=name)
            )  # fmt: skip
        searched = _searched(raw, path, found.problems)
        plain = {key: value for key, value in raw.items() if key not in METADATA}
        if when:
            own = plain.get("when")
            plain["when"] = {**when, **(own if isinstance(own, dict) else {})}
        bounds, free = _bounds(raw, path, found.problems), _free(raw, path, found.problems)
        found.known[name] = Known(name, plain, searched, path, bounds, free)
    return found


def _each(
    parameters: Mapping[str, Any], when: Mapping[str, Any], path: Path
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any], Path]]:
    """Name, data without sub-spaces, implied conditions and place of every parameter."""
    for name, raw in parameters.items():
        here = (*path, name)
        if not isinstance(raw, dict):
            yield name, {"type": raw}, dict(when), here  # its own check says what is wrong with it
            continue
        values = raw.get("values")
        branches = [
            (index, value) for index, value in enumerate(values if isinstance(values, list) else ())
            if isinstance(value, dict) and "value" in value and isinstance(value.get("space", {}), dict)
        ]  # fmt: skip
        if not branches:
            yield name, raw, dict(when), here
            continue
        nested = dict(branches)
        plain = [nested[index]["value"] if index in nested else value for index, value in enumerate(values or ())]
        yield name, {**raw, "values": plain}, dict(when), here
        for index, branch in branches:
            inner = branch.get("space", {})
            yield from _each(inner, {name: [branch["value"]]}, (*here, "values", index, "space"))


def _searched(raw: Mapping[str, Any], path: Path, problems: list[Problem]) -> Searched:
    stated = raw.get("search", "never" if raw.get("type") == "fixed" else "offered")
    if stated is True:
        if raw.get("type") == "fixed":
            message = "a parameter of one value can't be searched"
            problems.append(Problem(message, (*path, "search"), found="true", allowed=("never",)))
            return "never"
        return True
    if stated == "offered":
        return "offered"
    if stated == "never":
        return "never"
    allowed = tuple("true" if each is True else str(each) for each in get_args(Searched))
    problems.append(
        Problem(
            f"{show(stated)} is not known", (*path, "search"), found=show(stated), allowed=allowed,
            suggestion="Write offered, or never" if stated is False else did_you_mean(str(stated), allowed),
        )
    )  # fmt: skip
    return "never"


def _free(raw: Mapping[str, Any], path: Path, problems: list[Problem]) -> str:
    stated = raw.get("free")
    if stated is None:
        return ""
    if raw.get("type") != "fixed":
        message = "goes with type fixed: it says what else than that one value can be set"
        problems.append(Problem(message, (*path, "free")))
    elif stated not in FREE:
        problems.append(Problem(f"{show(stated)} is not known", (*path, "free"), found=show(stated),
                                allowed=tuple(FREE), suggestion=did_you_mean(str(stated), tuple(FREE))))  # fmt: skip
    else:
        return str(stated)
    return ""


def _bounds(raw: Mapping[str, Any], path: Path, problems: list[Problem]) -> dict[str, float] | None:
    stated = raw.get("bounds")
    if stated is None:
        return None
    here = (*path, "bounds")
    wrong = ""
    if not isinstance(stated, Mapping) or set(stated) - {"low", "high"}:
        wrong = "a mapping with low, high or both is wanted: how far an experiment may widen the range"
    elif not all(isinstance(each, int | float) and not isinstance(each, bool) for each in stated.values()):
        wrong = "low and high are numbers"
    elif not isinstance(raw.get("low"), int | float) or not isinstance(raw.get("high"), int | float):
        wrong = "goes with a range: a parameter that has low and high"
    elif stated.get("low", raw["low"]) > raw["low"] or stated.get("high", raw["high"]) < raw["high"]:
        wrong = f"it leaves out some of {show(raw['low'])} to {show(raw['high'])}, which is searched"
    if wrong:
        problems.append(Problem(wrong, here, found=show(stated)))
        return None
    return dict(stated)
