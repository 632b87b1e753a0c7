"""What pydantic says of an experiment file, in words for the person who wrote it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from automl_core.spec.errors import Path, Problem, did_you_mean, nearest, show
from automl_core.spec.examples import EXAMPLES
from automl_core.spec.models import Experiment
from automl_core.spec.shapes import Shape, describe, fields_of, key_names, shape_of_field, tags_of
from automl_core.spec.sizes import PROBLEMS


@dataclass(frozen=True)
class _Place:
    """Where an error belongs.

    Attributes:
        path: in the data, without pydantic's names for the members of unions.
        shape: what may stand there, None where nothing may.
        value: what stands there, None where nothing does.
        present: whether anything does.
        holder: the shape of the mapping or list around it.
        union: place of the outermost union of which no member fits the value, None without one.
        stray: whether the error is about another member of a union than the one that was meant.
    """

    path: Path
    shape: Shape | None
    value: Any
    present: bool
    holder: Shape | None
    union: _Place | None = None
    stray: bool = False


def explain(
    error: ValidationError, root: Shape, data: Any, base: Path = (), whole: type[BaseModel] = Experiment
) -> list[Problem]:
    """Turn the errors of one validation into problems.

    Args:
        error: what pydantic raised.
        root: the shape of what was validated.
        data: the plain data that was validated.
        base: where the data stands in the file.
        whole: the model of the file, whose groups a misplaced key may belong to.

    Returns:
        Problems without file and line, each path below ``base``.
    """
    problems: list[Problem] = []
    unions: set[Path] = set()
    for details in error.errors(include_url=False)[: 4 * PROBLEMS]:  # several make one problem
        place = _locate(details, root, data)
        if place.union is not None:
            if place.union.path not in unions:
                unions.add(place.union.path)
                problems.append(_wrong_type(place.union))
        elif not place.stray:
            problems.extend(_explain_one(details, place, whole, data))
    moved = [_moved(problem, base) for problem in problems]
    return _without_echoes(moved)


def own_problems(error: ValueError, data: Any, path: Path = ()) -> Iterator[Problem]:
    """What a validator of ours says. A message that starts with the path of a field is moved there."""
    for message in getattr(error, "problems", None) or (str(error),):
        where, words = _own_path(str(message), data, path)
        value = _get(data, where)
        found = None if isinstance(value, dict | list) or value is _MISSING else show(value)
        if found is not None and str(value) not in words:
            words = f"found {found}; {words}"
        yield Problem(words, where, found=found)


def _locate(details: ErrorDetails, root: Shape, data: Any) -> _Place:
    """Follow an error's location through the shapes and the data at once."""
    place = _Place((), root, data, True, None)
    parts = list(details["loc"])
    while (shape := place.shape) is not None:
        if shape.tag is not None and shape.members:
            meant = shape.tagged(place.value)
            if not parts or meant is None:
                break
            parts.pop(0)
            place = replace(place, shape=meant)
        elif shape.members:
            if not parts:
                break
            label = re.sub(r"^function-\w+\[\w+\(\), (.*)\]$", r"\1", str(parts.pop(0)))  # a model with a validator
            member = shape.container_for(place.value)
            if member is None:
                return replace(place, union=place)
            if not label.startswith(member.model.__name__ if member.model else _container_name(place.value)):
                return replace(place, stray=True)
            place = replace(place, shape=member)
        elif parts and parts[0] != "[key]":
            place = _below(place, parts.pop(0))
        else:
            break
    if place.shape is None and parts:  # nothing is known of this place: trust what the data has
        for part in parts:
            if isinstance(place.value, dict | list) and _get(place.value, (part,)) is not _MISSING:
                place = _below(place, part)
    return place


def _container_name(value: Any) -> str:
    return "dict" if isinstance(value, dict) else "list"


def _below(place: _Place, part: str | int) -> _Place:
    value = _get(place.value, (part,))
    present = value is not _MISSING
    shape = place.shape.child(part) if place.shape is not None else None
    return _Place((*place.path, part), shape, value if present else None, present, place.shape)


def _explain_one(details: ErrorDetails, place: _Place, whole: type[BaseModel], data: Any) -> Iterator[Problem]:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        yield from own_problems(context["error"], data, place.path)
    elif kind == "extra_forbidden":
        yield _unknown_key(place, whole, data)
    elif kind == "missing":
        yield _missing(place)
    elif kind == "union_tag_invalid" and place.shape is not None:
        yield _unknown_tag(place, place.shape)
    elif kind == "union_tag_not_found" and place.shape is not None and isinstance(place.value, dict):
        yield _missing_tag(place, place.shape)
    elif kind == "literal_error":
        yield _unknown_value(place)
    elif kind in _LIMITS:
        yield Problem(_LIMITS[kind](show(place.value)), place.path, found=show(place.value), allowed=_allowed(place))
    elif kind in ("too_short", "string_too_short"):
        yield Problem("at least one entry is needed here", place.path, found=show(place.value), allowed=_allowed(place))
    elif kind == "finite_number":
        found = show(place.value)
        yield Problem(f"{found} is not a finite number", place.path, found=found, allowed=_allowed(place))
    elif kind.endswith(("_type", "_parsing", "_from_float", "union_tag_not_found", "_parsing_size")):
        yield _wrong_type(place)
    else:
        yield Problem(details["msg"][:1].lower() + details["msg"][1:], place.path, found=show(place.value))


_LIMITS: dict[str, Callable[[str], str]] = {
    "greater_than_equal": lambda found: f"{found} is too low",
    "greater_than": lambda found: f"{found} is too low",
    "less_than_equal": lambda found: f"{found} is too high",
    "less_than": lambda found: f"{found} is too high",
}


def _allowed(place: _Place) -> tuple[str, ...]:
    return describe(place.shape) if place.shape is not None else ()


def _wrong_type(place: _Place) -> Problem:
    value, allowed = place.value, _allowed(place)
    suggestion = ""
    if isinstance(value, str):
        suggestion = did_you_mean(value, allowed)
    elif "text" in allowed and isinstance(value, int | float):
        suggestion = f"Put quotes around it: '{show(value)}'"
    found = "nothing" if value is None else show(value)
    return Problem(f"found {found}", place.path, found=found, allowed=allowed, suggestion=suggestion)


def _unknown_value(place: _Place) -> Problem:
    allowed = _allowed(place)
    guess = did_you_mean(str(place.value), allowed)
    found = show(place.value)
    return Problem(f"{found} is not known", place.path, found=found, allowed=allowed, suggestion=guess)


def _unknown_tag(place: _Place, shape: Shape) -> Problem:
    tag = str(shape.tag)
    value = place.value.get(tag) if isinstance(place.value, dict) else None
    allowed = tuple(name for member in shape.members for name in tags_of(member, tag))
    path = (*place.path, tag)
    guess = did_you_mean(str(value), allowed)
    return Problem(f"{show(value)} is not known", path, found=show(value), allowed=allowed, suggestion=guess)


def _missing_tag(place: _Place, shape: Shape) -> Problem:
    tag = str(shape.tag)
    allowed = tuple(name for member in shape.members for name in tags_of(member, tag))
    meant = nearest(tag, place.value)
    suggestion = f"Did you mean {tag!r} by {meant!r}?" if meant else _for_example(tag)
    return Problem(f"{tag!r} is missing", (*place.path, tag), allowed=allowed, suggestion=suggestion)


def _missing(place: _Place) -> Problem:
    key = str(place.path[-1])
    around = next((str(part) for part in reversed(place.path[:-1]) if isinstance(part, str)), "")
    return Problem(f"{key!r} is missing", place.path, allowed=_allowed(place), suggestion=_for_example(key, around))


def _for_example(key: str, group: str = "") -> str:
    example = EXAMPLES.get(f"{group}.{key}", EXAMPLES.get(key))
    return f"For example: {key}: {example}" if example is not None else ""


def _unknown_key(place: _Place, whole: type[BaseModel], data: Any) -> Problem:
    key = str(place.path[-1])
    model = place.holder.model if place.holder is not None else None
    if model is None:
        return Problem(f"the key {key!r} is not known here", place.path, found=key)
    known = key_names(model)
    around = _get(data, place.path[:-1])
    free = [name for name in known if not isinstance(around, dict) or name not in around]
    guess = did_you_mean(key, free) or did_you_mean(key, known)
    if not guess:
        guess = next((f"It belongs under {group!r}" for group in _groups_with(key, whole, place.path)), "")
    return Problem(f"the key {key!r} is not known here", place.path, found=key, allowed=known, suggestion=guess)


def _groups_with(key: str, whole: type[BaseModel], path: Path) -> Iterator[str]:
    """Top-level groups of the file that have such a key."""
    fields = fields_of(whole)
    if len(path) > 1 and key in fields:
        yield "the top level of the file"
    for name, field in fields.items():
        shape = shape_of_field(field)
        if any(key in fields_of(model) for model in shape.models) and path[:-1] != (name,):
            yield name


def _without_echoes(problems: Iterable[Problem]) -> list[Problem]:
    """Leave out a missing key that a misspelt key beside it already explains, and what is said twice."""
    kept = list(dict.fromkeys(problems))
    explained = {
        (*problem.path[:-1], problem.suggestion.split("'")[1])
        for problem in kept
        if problem.message.startswith("the key ") and problem.suggestion.startswith("Did you mean '")
    }
    return [p for p in kept if not (p.message.endswith(" is missing") and p.path in explained)]


def _moved(problem: Problem, base: Path) -> Problem:
    return replace(problem, path=(*base, *problem.path)) if base else problem


_MISSING: Any = object()


def _get(data: Any, path: Path) -> Any:
    for part in path:
        known = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if not known:
            return _MISSING
        data = data[part]
    return data


def _own_path(message: str, data: Any, path: Path) -> tuple[Path, str]:
    """Split ``space.momentum.when: …`` into the field's place and the rest."""
    head, colon, rest = message.partition(": ")
    if colon and " " not in head:
        place = _resolve(_get(data, path), re.findall(r"[^.\[\]]+", head))
        if place:
            return (*path, *place), rest
    first = message.split(" ", 1)[0]
    here = _get(data, path)
    if isinstance(here, dict) and first in here:  # "low (3) is above high (1)"
        return (*path, first), message
    return path, message


def _resolve(data: Any, names: list[str]) -> Path:
    """The path that dotted names describe, empty when not even the first one is there.

    A parameter of a nested choice is found by its name; what is missing at the end stays as it is named.
    """
    if not names:
        return ()
    if isinstance(data, list) and names[0].isdigit() and int(names[0]) < len(data):
        return (int(names[0]), *_rest(data[int(names[0])], names[1:]))
    for count in range(len(names), 0, -1):  # a parameter's name may itself have dots
        key = ".".join(names[:count])
        if isinstance(data, dict) and key in data:
            return (key, *_rest(data[key], names[count:], is_space=key == "space"))
    return ()


def _rest(data: Any, names: list[str], *, is_space: bool = False) -> Path:
    found = _resolve(data, names)
    if not found and is_space:
        nested = ((place, _resolve(space, names)) for place, space in nested_spaces(data))
        found = next(((*place, *inner) for place, inner in nested if inner), ())
    return found or tuple(names)


def nested_spaces(space: Any, place: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every sub-space of the nested choices of a space in plain data, whatever its shape, with its place."""
    if not isinstance(space, dict):
        return
    for name, parameter in space.items():
        values = parameter.get("values") if isinstance(parameter, dict) else None
        for index, option in enumerate(values if isinstance(values, list) else ()):
            inner = option.get("space") if isinstance(option, dict) else None
            if isinstance(inner, dict):
                here = (*place, name, "values", index, "space")
                yield here, inner
                yield from nested_spaces(inner, here)
