"""What stands in a trial's spec file: ``base``, what this product adds, the parameters over both, ``set`` over all."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automl_core.spec.placeholders import PLACEHOLDER
from automl_core.spec.spec_files import SpecFile
from automl_core.specfiles.formats import dump


class SpecFileError(ValueError):
    """A spec file that can't be written. The message says which and why."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a spec file is filled with.

    Attributes:
        params: the combination: name → value, a scalar or a list of scalars.
        groups: what this product adds: name of the group → its content; empty ones are left out.
        value_of: what a name in ``${…}`` stands for, with its type; None where the trial has no such value.
        text_of: the same as text; None where a text that names it is not to be written at all.
    """

    params: Mapping[str, Any]
    groups: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    value_of: Callable[[str], Any] = lambda _: None
    text_of: Callable[[str], str | None] = lambda _: ""


def rendered(spec: SpecFile, values: Values) -> str:
    """The whole file.

    Args:
        spec: as the experiment has it, with the content of its ``base`` (`automl_core.specfiles.beside`).
        values: what it is filled with.

    Raises:
        SpecFileError: a value can't be written in this format, or ``base`` was never read.
    """
    if spec.to_read is not None:
        raise SpecFileError(f"spec_file.base: {spec.to_read} was not read when the run began")
    if spec.format == "text":
        return _substituted(spec.text or "", values)
    return written(spec, content(spec, values))


def written(spec: SpecFile, body: Mapping[str, Any]) -> str:
    """A content in the file's own format.

    Raises:
        SpecFileError: a value can't be written in it.
    """
    try:
        return dump(spec.format, body, enums=frozenset(spec.enums))
    except (TypeError, ValueError) as error:
        raise SpecFileError(f"spec_file: {spec.file_name} can't be written as {spec.format}: {error}") from error


def content(spec: SpecFile, values: Values) -> dict[str, Any]:
    """The file's content as plain data: mappings, lists and scalars.

    A parameter goes over what ``base`` has at its place, ``set`` over both. What a trial doesn't have (an inactive
    parameter, ``${budget}`` of an experiment without budgets) leaves there what lies below it, or nothing.
    """
    base = spec.base if isinstance(spec.base, dict) else {}
    body: dict[str, Any] = _filled(copy.deepcopy(base), values)
    for group in spec.added:
        given = values.groups.get(group)
        if given:
            there = body.get(group)
            body[group] = {**(there if isinstance(there, dict) else {}), **given}
    for name, value in values.params.items():
        _put(body, name.split("."), list(value) if isinstance(value, list | tuple) else value)
    for name, value in spec.set.items():
        filled = _filled(copy.deepcopy(value), values)
        if filled is not _NOTHING:
            _put(body, name.split("."), filled)
    return body


def nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters alone, as groups."""
    body: dict[str, Any] = {}
    for name, value in params.items():
        _put(body, name.split("."), value)
    return body


_NOTHING = object()


def _filled(value: Any, values: Values) -> Any:
    """Plain data with every ``${…}`` of its texts replaced; what is nothing but one has the value's own type."""
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value)
        if whole is None or whole[1] is None:
            names = [match[1] for match in PLACEHOLDER.finditer(value) if match[1] is not None]
            return _NOTHING if any(values.text_of(name) is None for name in names) else _substituted(value, values)
        found = values.value_of(whole[1])
        return _NOTHING if found is None else found
    if isinstance(value, dict):
        filled = {key: _filled(child, values) for key, child in value.items()}
        return {key: child for key, child in filled.items() if child is not _NOTHING}
    if isinstance(value, list):
        return [child for child in (_filled(each, values) for each in value) if child is not _NOTHING]
    return value


def _substituted(text: str, values: Values) -> str:
    return PLACEHOLDER.sub(lambda match: "${" if match[1] is None else values.text_of(match[1]) or "", text)


def _put(body: dict[str, Any], parts: Sequence[str], value: Any) -> None:
    """Set a value at its place, making the groups on the way; a number is an index where a list lies."""
    here: Any = body
    for part in parts[:-1]:
        if isinstance(here, list):
            index = int(part)
            if here[index] is None:
                here[index] = {}
            here = here[index]
            continue
        if here.get(part) is None:
            here[part] = {}
        here = here[part]
    if isinstance(here, list):
        here[int(parts[-1])] = value
    else:
        here[parts[-1]] = value
