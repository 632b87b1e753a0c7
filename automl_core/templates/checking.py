"""Everything that can be wrong with a version of a template, with file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.explain import own_problems
from automl_core.spec.lock_files import lock_problems
from automl_core.spec.models import Experiment
from automl_core.spec.relations import named_data_sets, space_problems
from automl_core.spec.sizes import TASK_LISTS
from automl_core.spec.validation import validate
from automl_core.spec.yaml_reader import Document, read_yaml
from automl_core.templates.choosing import searches_nothing
from automl_core.templates.entries import own_model, widest_model
from automl_core.templates.expand import expand_with
from automl_core.templates.tasks import CODE_CWD
from automl_core.templates.version import Template, read_template
from automl_core.templates.within import model_of

_PROGRAMS = (".py", ".sh", ".R", ".jl", ".lua", ".pl")
"""Endings by which an argument of a command is known for a program's file."""


@dataclass(slots=True)
class Checked:
    """What was found.

    Attributes:
        template: None where its head is wrong.
        problems: everything that is wrong, in the order of the file.
        experiments: valid experiments made of it: the default one, and the one that searches all that it offers; with
            their documents.
    """

    template: Template | None = None
    problems: list[Problem] = field(default_factory=list)
    experiments: list[tuple[Experiment, Document]] = field(default_factory=list)


def check_template(folder: Path) -> Checked:
    """Check the version in a folder: its file, each of its parameters, its tasks, and the experiments made of it."""
    found = Checked()
    try:
        template = read_template(folder)
        template.reference()
    except SpecError as error:
        found.problems += error.problems
        return found
    found.template = template
    found.problems += _parameters(template)
    if not found.problems:
        found.problems += _relations(template)
    found.problems += [template.located(problem) for problem in _tasks(template)]
    if not found.problems:
        for added in _searches(template):
            _check_experiment(template, added, found)
            if found.problems:
                break
    found.problems.sort(key=lambda problem: (problem.line or 0, problem.column or 0))
    return found


def _parameters(template: Template) -> Iterator[Problem]:
    parents = {
        parent: known.name for known in template.parameters.values() for parent in known.when
    }  # fmt: skip
    for known in template.parameters.values():
        try:
            widest_model(template, known)
        except SpecError as error:
            yield from error.problems
            continue
        if known.name in parents and known.default is None:
            message = f"{parents[known.name]!r} exists only with some values of it, so it needs a default"
            yield template.located(
                Problem(message, known.path, suggestion="Without one, nobody knows what holds when it is not searched")
            )


def _relations(template: Template) -> Iterator[Problem]:
    """Conditions and bounds that name what there is not, go round in a circle, or leave no room."""
    known = template.parameters
    models = {name: own_model(template, each) for name, each in known.items()}
    alone = {
        name: model_of({"type": "fixed", "value": each.default, "when": each.when})
        for name, each in known.items() if each.searched == "never" and each.default is not None
    }  # fmt: skip
    sets = named_data_sets(models) if template.head.data is None else tuple(template.head.data)  # None: any
    told = [
        *space_problems(models | alone, data=sets),
        *(each for each in space_problems(models, data=sets) if ".when" in each),
    ]
    raw = {"space": {name: dict(each.raw) for name, each in known.items()}}
    for message in dict.fromkeys(told):
        for problem in own_problems(ValueError(message), raw):
            name = str(problem.path[1]) if len(problem.path) > 1 else ""
            path = (*known[name].path, *problem.path[2:]) if name in known else ("parameters",)
            yield template.located(replace(problem, path=path))


def _tasks(template: Template) -> Iterator[Problem]:
    """What is no error of an experiment, but one of a version that is never to change, or is to run anywhere."""
    raw = template.document.data
    for where in TASK_LISTS:
        for index, task in enumerate(raw.get(where) or []):
            if not isinstance(task, Mapping):
                continue
            image = task.get("image")
            if isinstance(image, str) and "@sha256:" not in image:
                yield Problem(
                    f"the image {image!r} may be another one tomorrow, and a version never changes",
                    (where, index, "image"), found=image, suggestion="Name it by its digest: name@sha256:…",
                )  # fmt: skip
            yield from _program(task, (where, index), template.folder)
    search = raw.get("search") or {}
    for key in ("add", "remove"):
        if key in search:
            message = "goes with an experiment: a parameter here says itself whether it is searched"
            yield Problem(message, ("search", key), suggestion="Write search: true, offered or never at the parameter")
    if "transfer" in search:
        message = "what an experiment learns from is its own: say it in the experiment's file"
        yield Problem(message, ("search", "transfer"))
    base = (raw.get("spec_file") or {}).get("base")
    if isinstance(base, str) and not (template.folder / base).is_file():
        yield Problem(f"there is no file {base!r} beside template.yaml", ("spec_file", "base"), found=base)
    if template.head.environment is not None:
        lock = template.head.environment.lock
        if not (template.folder / lock).is_file():
            message = f"there is no file {lock!r} beside template.yaml"
            yield Problem(message, ("environment", "lock"), found=lock)
            return
        for each in lock_problems(template.folder / lock):
            yield Problem(f"{lock}: {each}", ("environment", "lock"))


def _program(task: Mapping[str, Any], path: tuple[str | int, ...], folder: Path) -> Iterator[Problem]:
    """Arguments that are named like files of a program which the folder doesn't have."""
    command = task.get("command")
    if task.get("cwd") != CODE_CWD or not isinstance(command, list):
        return
    for index, argument in enumerate(command[:3]):
        plain = isinstance(argument, str) and argument.endswith(_PROGRAMS) and "$" not in argument
        if plain and not Path(argument).is_absolute() and not (folder / argument).is_file():
            message = f"there is no file {argument!r} beside template.yaml"
            yield Problem(message, (*path, "command", index), found=argument)


def _searches(template: Template) -> Iterator[list[str]]:
    """What is added to the search in the experiments that are tried: nothing, and all that is offered."""
    if not template.parameters:
        return
    offered = [known.name for known in template.parameters.values() if known.searched == "offered"]
    if not searches_nothing(template):
        yield []
    if offered:
        yield offered


def _check_experiment(template: Template, added: Sequence[str], found: Checked) -> None:
    document = read_yaml("name: check\n", str(template.document.source))
    assert document.root is not None
    document.root.data.update(_example(template, added))
    try:
        expanded = expand_with(document, template)
        experiment, problems = validate(expanded.data)
        problems = [expanded.located(problem) for problem in problems]
    except SpecError as error:
        experiment, problems = None, list(error.problems)
    file = str(template.document.source)
    at_all = [problem if problem.line else replace(problem, file=file) for problem in problems]
    found.problems += [_in_its_words(problem, added) for problem in at_all]
    if experiment is not None and not problems:
        found.experiments.append((experiment, expanded))


def _in_its_words(problem: Problem, added: Sequence[str]) -> Problem:
    """Which experiment it is that would be wrong."""
    which = "with all that it offers searched" if added else "by default"
    return replace(problem, message=f"the experiment that it makes {which}: {problem.message}")


def _example(template: Template, added: Sequence[str]) -> dict[str, Any]:
    """An experiment that gives what the template asks for and nothing else."""
    head = template.head
    found: dict[str, Any] = {"name": "check", "template": template.label}
    for key, wanted, form in (("data", head.data, "{}.csv"), ("columns", head.columns, "{}")):
        given = {name: form.format(name) for name, each in (wanted or {}).items() if each.required}
        if given:
            found[key] = given
    if head.goal is None:
        found["goal"] = {"metric": "metric", "direction": "minimize"}
    if added:
        found["search"] = {"add": list(added)}
    return found
