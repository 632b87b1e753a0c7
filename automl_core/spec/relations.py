"""What the parts of an experiment say of one another: conditions, bounds and names, checked together."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from automl_core.spec.bounds import arrange, expression_problem
from automl_core.spec.expressions import BadExpression, Expression, parse
from automl_core.spec.parameters import flatten
from automl_core.spec.sizes import DEEP, PROBLEMS

RESERVED_NAMES = frozenset(
    {"trial_id", "experiment_id", "exp_id", "params", "budget", "model_dir", "checkpoint_dir", "resume_from",
     "attempt", "run_id", "bundle_dir", "prepared_dir", "trials_file", "code_dir", "spec_file"}
)  # fmt: skip
"""Names that ``${…}`` gives another meaning (the trial contract)."""

RESERVED_GROUPS = {
    "data": "the places of the data sets", "columns": "the columns' roles", "automl": "the trial's budget and folders",
}  # fmt: skip
"""First parts of dotted names that a spec file has for what is no parameter, and what that is."""

NAME_PATTERN = "[A-Za-z_][A-Za-z0-9_.-]*"
"""What a parameter may be called."""

_TOLD = 5
"""Values of one condition that are told at once."""

BOUNDS = {"at_least": 1, "above": 1, "at_most": -1, "below": -1}
"""Fields that bound a parameter by another one, with the side: 1 from below, -1 from above."""


def parents(parameter: Any) -> list[str]:
    """Names of the parameters that must be known before this one is sampled."""
    bounds = [bound_of(parameter, field) for field in BOUNDS]
    return [*parameter.when, *(name for bound in bounds if bound is not None for name in bound.parameters)]


def bound_of(parameter: Any, field: str) -> Expression | None:
    """What a field of `BOUNDS` says of other parameters, None where it says nothing (or what can't be read)."""
    found = getattr(parameter, field, None)
    try:
        return parse(found) if isinstance(found, str) else None
    except BadExpression:
        return None


def bound_named(parameter: Any, field: str) -> str | None:
    """The parameter that a field of `BOUNDS` names, None where it names none, or an expression."""
    found = bound_of(parameter, field)
    return found.text if found is not None and found.plain else None


def named_data_sets(space: Mapping[str, Any]) -> frozenset[str]:
    """The data sets that bounds speak of."""
    bounds = (bound_of(parameter, field) for parameter in flatten(dict(space)).values() for field in BOUNDS)
    return frozenset(name for bound in bounds if bound is not None for name, _ in bound.counts)


class RelationError(ValueError):
    """Parts of an experiment that don't fit one another.

    Attributes:
        problems: all of them; each starts with the field's path (``space.momentum.when: …``).
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems; the exception's text has one line for each."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def task_name_problems(names: Sequence[str], where: str = "tasks") -> list[str]:
    """What is wrong with the names of training tasks that run one after the other.

    Args:
        names: theirs, in their order.
        where: the list that they stand in: ``tasks``, or that of a stage.
    """
    return [
        f"{where}[{index}].name: two training tasks are called {name!r}"
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def goal_problems(*, several: bool, early_stopping: bool, target: bool) -> list[str]:
    """What doesn't go with several objectives.

    Args:
        several: whether the goal has several objectives.
        early_stopping: whether a rule stops trials early.
        target: whether a value is given at which the experiment stops.
    """
    if not several:
        return []
    found = []
    if early_stopping:
        found.append(
            "trials.early_stopping: a rule compares one value, and with several objectives a trial that lags in one "
            "may lead in another; leave it out, or give one metric and constraints"
        )
    if target:
        found.append(
            "stop.target: one value can't say that several objectives are good enough; leave it out (no_improvement "
            "stops when the front stands still), or give one metric and constraints"
        )
    return found


STORAGE_KEYS = ("backend", "storage_mount", "storage_path", "artifacts")
"""What a training task says of its way to the model storage path."""


def storage_problems(storage: str, tasks: Sequence[Mapping[str, Any]], where: str = "tasks") -> list[str]:
    """What is wrong with where training tasks that run in pods find the model storage path.

    Args:
        storage: the model storage path.
        tasks: what each training task says under `STORAGE_KEYS`.
        where: the list that they stand in: ``tasks``, or that of a stage.
    """
    in_folder = "://" not in storage or storage.startswith("file://")
    found = []
    for index, task in enumerate(tasks):
        mounted = task.get("storage_mount") is not None
        if task.get("backend") == "custom_resource":
            seen = task.get("storage_path") is not None
            if in_folder and not seen:
                found.append(
                    f"{where}[{index}].storage_path: output.storage is a folder ({storage}): name the path at which "
                    "the resource's pods mount it"
                )
            if seen and not in_folder:
                found.append(f"{where}[{index}].storage_path: output.storage ({storage}) is no folder to be mounted")
        if task.get("backend") != "kubernetes":
            continue
        if in_folder and not mounted:
            found.append(
                f"{where}[{index}].storage_mount: output.storage is a folder ({storage}), and a pod has to be told "
                "where it finds it: {path: /mnt/runs, claim: a-volume-claim} (or host_path, or volume)"
            )
        if mounted and not in_folder:
            found.append(f"{where}[{index}].storage_mount: output.storage ({storage}) is no folder to be mounted")
        if in_folder and task.get("artifacts") is not None:
            found.append(f"{where}[{index}].artifacts: output.storage ({storage}) is a folder: mount it instead")
    return found


def check_space(space: dict[str, Any]) -> None:
    """Check names, conditions and bounds of a whole space.

    Args:
        space: name → parameter model, as under ``space:``.

    Raises:
        RelationError: names the parameters and fields, what was found, what is allowed.
    """
    problems = space_problems(space)
    if problems:
        raise RelationError(problems)


def space_problems(
    space: dict[str, Any], unreadable: Container[str] = frozenset(), data: Container[str] = frozenset()
) -> list[str]:
    """Everything that parameters say wrongly of one another.

    Args:
        space: name → parameter model, as under ``space:``.
        data: names of the data sets, which bounds may speak of.
        unreadable: names of parameters that are missing in ``space`` because they are wrong
            themselves; nothing is said of what refers to them.
    """
    try:
        flat = flatten(space)
    except ValueError as error:
        return [str(error)]
    problems: list[str] = []
    for name, parameter in flat.items():
        if not re.fullmatch(NAME_PATTERN, name):
            problems.append(
                f"space.{name}: a parameter's name starts with a letter or '_' "
                "and has letters, digits, '_', '-' and '.' only"
            )
        group = name.partition(".")[0]
        if "." in name and group in RESERVED_GROUPS:
            problems.append(
                f"space.{name}: names that begin with '{group}.' are ours: a spec file has {RESERVED_GROUPS[group]} "
                "there; choose another name"
            )
        if name in RESERVED_NAMES:
            problems.append(f"space.{name}: ${{{name}}} has another meaning in commands; choose another name")
        for parent, values in parameter.when.items():
            if parent not in unreadable and len(problems) <= PROBLEMS:
                problems.extend(_condition_problems(name, parent, values, flat))
    levels = _levels(flat)
    problems += [each for each in (_circle(flat, levels), _too_deep(levels)) if each is not None]
    for name, parameter in flat.items():
        for field in BOUNDS:
            text = getattr(parameter, field, None)
            if isinstance(text, str):
                problem = _bound_problem(name, parameter, field, flat, unreadable, data)
                problems.extend([problem] if problem else [])
    if not problems and not any(parent not in flat for model in flat.values() for parent in parents(model)):
        arranged, problems = arrange(flat)
        problems += _default_problems(arranged)
    return problems


def _default_problems(flat: dict[str, Any]) -> Iterator[str]:
    """Defaults that contradict each other: one of them would silently become another value."""
    for name, parameter in flat.items():
        for field, sign in BOUNDS.items():
            other = bound_of(parameter, field)
            if other is None or parameter.default is None:
                continue
            numbers = parameter.default if isinstance(parameter.default, list) else [parameter.default]
            known = {
                each: flat[each].value if flat[each].type == "fixed" else flat[each].default
                for each in other.parameters
            }
            bound = None if None in known.values() or other.counts else other.at(known)
            strict = field in ("above", "below")
            wrong = [
                number
                for number in numbers
                if bound is not None and (sign * (number - bound) < 0 or (strict and number == bound))
            ]
            if wrong:
                side = "the same as" if wrong[0] == bound else "below" if sign > 0 else "above"
                yield (
                    f"space.{name}.default: {wrong[0]:g} is {side} the default of {other.text!r} ({bound:g}), "
                    f"which bounds it ({field})"
                )


def _condition_problems(name: str, parent: str, values: Sequence[Any], flat: dict[str, Any]) -> Iterator[str]:
    if parent == name or parent not in flat:
        yield f"space.{name}.when.{parent}: there is no other parameter {parent!r}"
        return
    if not values:
        yield f"space.{name}.when.{parent}: an empty list can never hold"
    if flat[parent].type == "sorted_list":
        yield (
            f"space.{name}.when.{parent}: {parent!r} is a list of numbers, and a condition on one is not known; name a "
            "choice, an ordinal, a subset (one member is enough) or a number"
        )
    options = getattr(flat[parent], "values", None)
    if options is None:
        return
    allowed = set(options)
    for value in islice((value for value in values if value not in allowed), _TOLD):
        shown = repr(options) if len(options) <= 50 else f"{options[:50]!r} and {len(options) - 50:,} more"
        yield f"space.{name}.when.{parent}: {value!r} is not among its values {shown}"


def _before(name: str, flat: dict[str, Any]) -> list[str]:
    return [parent for parent in parents(flat[name]) if parent in flat and parent != name]


def _levels(flat: dict[str, Any]) -> dict[str, int]:
    """How many parameters stand behind one another before each one; those in or behind a circle are left out.

    Without recursion: a file has as many as it likes.
    """
    waiting = {name: set(_before(name, flat)) for name in flat}
    children: dict[str, list[str]] = {name: [] for name in flat}
    for name, before in waiting.items():
        for parent in before:
            children[parent].append(name)
    levels = dict.fromkeys((name for name, before in waiting.items() if not before), 0)
    ready = list(levels)
    for name in ready:
        for child in children[name]:
            waiting[child].discard(name)
            if not waiting[child]:
                levels[child] = 1 + max(levels[parent] for parent in _before(child, flat))
                ready.append(child)
    return levels


def _circle(flat: dict[str, Any], levels: Mapping[str, int]) -> str | None:
    """The first circle of parameters that depend on one another, in words."""
    name = next((name for name in flat if name not in levels), None)
    path: dict[str, None] = {}
    while name is not None and name not in path:
        path[name] = None
        name = next(parent for parent in _before(name, flat) if parent not in levels)
    if name is None:
        return None
    names = list(path)
    around = names[names.index(name) :]
    shown = around if len(around) <= 20 else [*around[:19], "…"]
    return f"space.{name}: {' → '.join((*shown, name))} depend on one another in a circle"


def _too_deep(levels: Mapping[str, int]) -> str | None:
    name = next((name for name, level in levels.items() if level >= DEEP), None)
    if name is None:
        return None
    return (
        f"space.{name}: it stands behind {levels[name]} parameters, each with a condition or bound that names the one "
        f"before; {DEEP} one behind the other are allowed"
    )


def _bound_problem(
    name: str, parameter: Any, field: str, flat: dict[str, Any], unreadable: Container[str], data: Container[str]
) -> str | None:
    """A bound must be one that every value of the other parameter leaves room for."""
    other, sign = getattr(parameter, field), BOUNDS[field]
    where = f"space.{name}.{field}"
    try:
        bound = parse(other)
    except BadExpression as error:
        return f"{where}: {other!r} is no bound: {error}"
    if any(each in unreadable for each in bound.parameters):
        return None
    if not bound.plain:
        problem = expression_problem(name, parameter, bound, sign, field in ("above", "below"), flat, data)
        return f"{where}: {problem}" if problem else None
    other = bound.text
    if other == name or other not in flat:
        return f"{where}: there is no other parameter {other!r}"
    model = flat[other]
    if model.type in ("subset", "sorted_list"):
        return f"{where}: {other!r} is a list ({model.type}), and a bound is one number"
    if model.type in ("choice", "ordinal"):
        numbers = model.values
    elif model.type == "fixed":
        numbers = [model.value]
    elif hasattr(model, "low"):
        numbers = list(model.allowed)
    else:
        numbers = []
        if getattr(parameter, "logarithmic", False) and sign < 0 and not model.logarithmic:
            return f"{where}: {other!r} ({model.type}) may be 0 or below, and the values here are above 0"
        if hasattr(parameter, "low"):
            return f"{where}: {other!r} ({model.type}) has no limits, so it can leave no room here"
    if any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        return f"{where}: {other!r} is not numeric"
    if getattr(parameter, "logarithmic", False) and sign < 0 and numbers and min(numbers) <= 0:
        return f"{where}: {other!r} may be {min(numbers):g}, and the values here are above 0"
    if not numbers or not hasattr(parameter, "low"):
        return None
    low, high = parameter.allowed
    strict = field in ("above", "below")
    if sign > 0 and (max(numbers) > high or (strict and max(numbers) == high)):
        place = "" if max(numbers) == high else f"above {high:g}, "
        return f"{where}: {other!r} may be {max(numbers):g}, {place}the highest value here"
    if sign < 0 and (min(numbers) < low or (strict and min(numbers) == low)):
        place = "" if min(numbers) == low else f"below {low:g}, "
        return f"{where}: {other!r} may be {min(numbers):g}, {place}the lowest value here"
    if parameter.type == "sorted_list":
        tight = (max(numbers), high) if sign > 0 else (low, min(numbers))
        room, most = parameter.room(*tight), parameter.lengths[1]
        if room is not None and room < most:
            side = "above" if sign > 0 else "below"
            return (
                f"{where}: {other!r} may be {tight[sign < 0]:g}, and {room} numbers lie {side} that; "
                f"a list may have {most}"
            )
    return None
