"""From a file that names a template to the whole experiment, in which every value knows where it comes from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from automl_core.spec.errors import Path, Problem, SpecError, show
from automl_core.spec.models import Experiment
from automl_core.spec.overrides import merge
from automl_core.spec.shapes import Shape
from automl_core.spec.sizes import TASK_LISTS
from automl_core.spec.yaml_reader import Document
from automl_core.specfiles.beside import values_beside
from automl_core.templates.actions import Actions, actions_in
from automl_core.templates.choosing import choose, possible_values
from automl_core.templates.digest import FILE
from automl_core.templates.first_trials import fitting
from automl_core.templates.places import Places, parse_reference
from automl_core.templates.tasks import lay_over
from automl_core.templates.version import Template, read_template
from automl_core.templates.wanted import check_wanted

KEY = "template"
"""The key of an experiment file that names a template."""

OWN_KEYS = (KEY, "set")
"""Keys that only a file from a template has."""

_APART = (*OWN_KEYS, "space", "data", "columns", "code", "environment", *TASK_LISTS)
"""Keys of a file that are not simply laid over the template's."""


@dataclass(slots=True)
class Expanded(Document):
    """A file that names a template, as the whole experiment; problems know which of the two files they are about.

    Attributes:
        whole: the plain data of the whole experiment.
        template: that the file names.
        origins: place in the whole experiment → place in the file, where the two differ.
        touched: parameter → where the file speaks of it.
    """

    whole: dict[str, Any] = field(default_factory=dict)
    template: Template | None = None
    origins: dict[Path, Path] = field(default_factory=dict)
    touched: dict[str, Path] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        """The whole experiment."""
        return self.whole

    def located(self, problem: Problem) -> Problem:
        """The problem in the file that it is about: in the experiment's wherever that has said anything of it."""
        if problem.file:
            return problem
        here = self._in_file(problem)
        if here is not None or self.template is None:
            place = here or ()
            line, column = self.position(place)
            return replace(problem, path=place, file=self.source, line=line, column=column)
        there = self._in_template(problem.path)
        return self.template.located(replace(problem, path=there))

    def _in_file(self, problem: Problem) -> Path | None:
        """Where a problem of the whole experiment stands in the file; None where it is the template's."""
        path = problem.path
        if not path:
            return ()
        if path[0] == "space":
            return self._parameter(problem)
        moved = path
        if path[0] in TASK_LISTS:
            origin = next((length for length in (2, 1) if path[:length] in self.origins), None)
            if origin is None:
                return None
            moved = (*self.origins[path[:origin]], *path[origin:])
        theirs = _depth(self.template.document, path) if self.template is not None else 0
        return moved if _depth(self, moved) >= theirs else None

    def _parameter(self, problem: Problem) -> Path | None:
        """Where the file speaks of a parameter, or of one that a problem about it names."""
        path = problem.path
        if len(path) > 1 and _depth(self, path) == len(path):
            return path
        if len(path) > 1 and str(path[1]) in self.touched:
            return self.touched[str(path[1])]
        if len(path) == 1 and self.template is not None and not self.template.parameters:
            return path  # the space is the experiment's alone, and not there
        return next((place for name, place in self.touched.items() if f"'{name}'" in problem.message), None)

    def _in_template(self, path: Path) -> Path:
        assert self.template is not None
        if path[:1] == ("space",) and len(path) > 1 and str(path[1]) in self.template.parameters:
            return (*self.template.parameters[str(path[1])].path, *path[2:])
        return path


def _depth(document: Document, path: Path) -> int:
    """How much of a path there is in the text of a document."""
    node = document.root
    for depth, part in enumerate(path):
        if node is None or part not in node.children:
            return depth
        node = node.children[part]
    return len(path)


def expand(document: Document, places: Places) -> Document:
    """Make a whole experiment of a document that names a template; any other is given back as it is.

    A document that has the template as the whole experiment does (``{name, version, digest}``) is whole already.

    Args:
        document: an experiment file.
        places: where templates lie.

    Raises:
        SpecError: the template is not there or wrong, or what the file says doesn't fit it; it holds all problems,
            each with file and line.
    """
    data = document.data
    if not isinstance(data, dict) or KEY not in data:
        return _without_template(document)
    named = data[KEY]
    if named is None or isinstance(named, Mapping):
        return _without_template(document)
    return expand_with(document, _named(document, named, places))


def expand_with(document: Document, template: Template) -> Expanded:
    """Make a whole experiment of a document and a template, whatever the document names.

    Raises:
        SpecError: as `expand`.
    """
    data = document.data
    reference = template.reference()
    actions = actions_in(data, template)
    expanded = Expanded(document.source, document.root, list(document.problems), document.fatal, template=template)
    expanded.touched = actions.places
    problems = _whole(expanded, data, actions)
    expanded.whole[KEY] = reference.model_dump(mode="json")
    if problems:
        raise SpecError([problem if problem.file else document.located(problem) for problem in problems])
    return expanded


def _without_template(document: Document) -> Document:
    """See that a file without a template has nothing that only goes with one."""
    data = document.data
    if isinstance(data, dict) and "set" in data:
        problem = document.problem(
            "set: goes with a template, whose parameters it gives values", ("set",),
            suggestion="Name a template, or write a parameter of type fixed under space",
        )  # fmt: skip
        raise SpecError([problem])
    search = data.get("search") if isinstance(data, dict) else None
    for key in ("add", "remove"):
        if isinstance(search, dict) and key in search:
            message = f"search.{key} goes with a template: without one, all of space is searched"
            raise SpecError([document.problem(message, ("search", key), suggestion="Change space instead")])
    return document


def _named(document: Document, named: Any, places: Places) -> Template:
    """The template that a file names.

    Raises:
        SpecError: there is none, or it is wrong.
    """
    if not isinstance(named, str):
        found = "nothing" if named is None else show(named)
        allowed = ("NAME@VERSION, such as mlp-classification@1",)
        raise SpecError([document.problem(f"found {found}", (KEY,), found=found, allowed=allowed)])
    try:
        reference = parse_reference(named)
    except ValueError as error:
        raise SpecError([document.problem(str(error), (KEY,), found=show(named))]) from None
    problem = places.problem(reference)
    if problem is not None:
        raise SpecError([document.located(problem)])
    return read_template(places.find(reference))


def _whole(expanded: Expanded, data: Mapping[str, Any], actions: Actions) -> list[Problem]:
    """Fill the whole experiment. Returns what is wrong; problems of the file have no line."""
    template = expanded.template
    assert template is not None
    head, raw = template.head, template.document.data
    problems = list(actions.problems)
    whole = expanded.whole
    for key in dict.fromkeys((*data, *(key for key in raw if key in _DEFAULTS))):
        if key not in _APART:
            whole[key] = _laid_over(key, raw.get(key) if key in _DEFAULTS else None, data.get(key), key in data)
    _pop(whole.get("search"), "add", "remove")
    if whole.get("search") == {}:
        del whole["search"]
    given = data.get("space")
    stated, sets = (each if isinstance(each, Mapping) else {} for each in (given, data.get("data")))
    base = _values_of_base(whole.get("spec_file"), expanded.source) if head.unsearched == "program" else {}
    if head.unsearched == "program":
        sets = {name: place for name, place in sets.items() if _can_be_counted(place)}
    space, more = choose(template, stated, actions, sets, base) if not problems else ({}, [])
    problems += more
    whole["space"] = space
    search = whole.get("search")
    if isinstance(search, dict) and "warm_start" in search and "warm_start" not in (data.get("search") or {}):
        search["warm_start"] = _with_own(fitting(search["warm_start"], space), template, space)
    for where in TASK_LISTS:
        tasks, more = lay_over(raw.get(where) or [], data.get(where), where, template.folder, expanded.origins)
        problems += more
        if tasks:
            whole[where] = tasks
    for key, wanted in (("data", head.data), ("columns", head.columns)):
        problems += check_wanted(template, key, wanted, data.get(key), space)
        if data.get(key) is not None:
            whole[key] = data[key]
    if data.get("code") is not None:
        problems.append(Problem("the program is the template's", ("code",), suggestion="Leave it out"))
    if data.get("environment") is not None:
        message = "what the program runs with is the template's, as the program is"
        problems.append(Problem(message, ("environment",), suggestion="Leave it out; a pod's image decides for pods"))
    if head.environment is not None:
        lock = str(template.folder / head.environment.lock)
        whole["environment"] = {**head.environment.model_dump(exclude_none=True), "lock": lock}
    if "spec_file" in whole:
        whole["spec_file"] = _spec_file(whole["spec_file"], data.get("spec_file"), template)
    whole["code"] = {"folder": str(template.folder), "ignore": [f"/{FILE}"]}
    return problems


def _with_own(combinations: Any, template: Template, space: Mapping[str, Any]) -> Any:
    """What is tried first, with what the experiment has brought itself as the second: nobody knows how good it is."""
    more = template.head.more_parameters
    if isinstance(more, bool) or not isinstance(combinations, list):
        return combinations
    found = list(combinations)
    for parent, values in ((parent, values) for when in more.values() for parent, values in when.items()):
        parameter = space.get(parent)
        if not isinstance(parameter, Mapping) or parameter.get("type") == "fixed":
            continue
        for value in values:
            if value in possible_values(parameter) and not any(each.get(parent) == value for each in found):
                found.insert(1, {parent: value})
    return found


_DEFAULTS = ("goal", "search", "trials", "stop", "spec_file")
"""Groups of a template over which an experiment's are laid."""


def _laid_over(key: str, old: Any, new: Any, given: bool) -> Any:
    """A group of the file over the template's, key by key; another goal takes the place of the template's."""
    if not given:
        return dict(old) if isinstance(old, dict) else old
    if not isinstance(old, dict) or not isinstance(new, Mapping):
        return new
    if key == "goal":
        if "objectives" in new:
            old = {name: value for name, value in old.items() if name not in ("metric", "direction", "reference")}
        if "metric" in new:
            old = {name: value for name, value in old.items() if name not in ("metric", "objectives")}
    shape = Shape(Experiment).child(key)
    return merge(old, new, shape)


def _pop(group: Any, *keys: str) -> None:
    if isinstance(group, dict):
        for key in keys:
            group.pop(key, None)


_ROWS = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
"""Endings of files whose rows can be counted."""


def _can_be_counted(place: Any) -> bool:
    """Whether it is known, or will be, how many samples a data set has: not of a folder of pictures."""
    if isinstance(place, Mapping):
        return place.get("rows") is not None or _can_be_counted(place.get("place"))
    return isinstance(place, str) and (place.startswith("odps://") or place.lower().endswith(_ROWS))


def _values_of_base(spec_file: Any, source: str) -> dict[str, Any]:
    """What ``base`` gives, a mapping or a file beside the experiment's: name with dots → value."""
    base = spec_file.get("base") if isinstance(spec_file, Mapping) else None
    if isinstance(base, str) and spec_file.get("format") != "text":
        base = values_beside(base, FilePath(source) if os.path.isfile(source) else None)
    found: dict[str, Any] = {}
    pending = [("", base)] if isinstance(base, Mapping) else []
    while pending:
        above, group = pending.pop()
        for key, value in group.items():
            if isinstance(value, Mapping):
                pending.append((f"{above}{key}.", value))
            else:
                found[f"{above}{key}"] = value
    return found


def _spec_file(whole: Any, given: Any, template: Template) -> Any:
    """A spec file whose base, where the template names a file for it, is the template's own."""
    own = isinstance(whole, dict) and isinstance(whole.get("base"), str)
    if own and not (isinstance(given, Mapping) and "base" in given):
        return {**whole, "base": str(template.folder / whole["base"])}
    return whole
