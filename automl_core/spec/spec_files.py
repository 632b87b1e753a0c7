"""The spec file that each trial's training reads: ``spec_file:``, and whether the parameters fit into it.

A parameter's name with dots is a place in it: ``train.optim.lr`` is ``lr`` in the group ``optim`` of the group
``train``. Only the names are checked here; `automl_core.specfiles` writes the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from automl_core.spec.base import Model
from automl_core.spec.datanames import input_names
from automl_core.spec.errors import Path, Problem, did_you_mean, show

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment

SPEC_FILE = "spec_file"
"""Name of the placeholder for the file's path."""

Group: TypeAlias = Literal["data", "columns", "automl"]

GROUPS: tuple[Group, ...] = ("data", "columns", "automl")
"""What this product adds: places of data, names of columns, and what the attempt is about."""

Format: TypeAlias = Literal["yaml", "json", "toml", "prototxt", "text"]

ENDINGS: Mapping[str, str] = {
    "yaml": ".yaml",
    "json": ".json",
    "toml": ".toml",
    "prototxt": ".prototxt",
    "text": ".txt",
}
"""Format → how the file's name ends where nobody says otherwise."""

TAKEN = frozenset({"status.json", "metrics.json", "log.txt", "model", "model.old", "checkpoints"})
"""Names that mean something else in a trial's folder."""

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_IN_BASE = frozenset({"bundle_dir", SPEC_FILE})


def _check_name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError(
            "a file name starts with a letter or digit and has letters, digits, '_', '-' and '.' only (100 at most)"
        )
    if value in TAKEN:
        raise ValueError(f"{value} is another file of a trial's folder; choose another name")
    return value


class SpecFile(Model):
    """A file with the trial's parameters, in the format that the program reads."""

    format: Format = Field("yaml", description="Format of the file; text: a template of your own.")
    base: dict[str, Any] | str | None = Field(
        None,
        description="What is not searched: a mapping, or a file beside the experiment file (.yaml, .json, .toml, "
        ".prototxt; the template itself where the format is text), read when a run begins.",
    )
    set: dict[str, Any] = Field(
        default_factory=dict,
        description="What is put over base and parameters, by its place with dots: {train.num_epochs: '${budget}'}. "
        "Where a trial has no such value, what is there stays.",
    )
    text: str | None = Field(None, description="The template itself, of format text: ${…} is substituted as it stands.")
    name: Annotated[str, AfterValidator(_check_name)] | None = Field(
        None,
        json_schema_extra={"pattern": f"^{_NAME}$"},
        description="Name of the file; spec.yaml, spec.json and so on.",
    )
    groups: list[Group] | None = Field(
        None,
        description="What is added beside the parameters: data, columns, automl. All of them when left out; none in "
        "prototxt, where a program takes no field that it doesn't know.",
    )
    enums: list[str] = Field(
        default_factory=list,
        description="Of prototxt: fields whose text is a value of an enum, written without quotes: optimizer.type.",
    )

    @property
    def added(self) -> tuple[Group, ...]:
        """The groups that it has beside the parameters."""
        if self.groups is not None:
            return tuple(self.groups)
        return () if self.format in ("prototxt", "text") else GROUPS

    @property
    def file_name(self) -> str:
        """Name of the file."""
        return self.name or f"spec{ENDINGS[self.format]}"

    @property
    def to_read(self) -> str | None:
        """The file beside the experiment file that is still to be read, None where none is."""
        return self.base if isinstance(self.base, str) else None

    @model_validator(mode="after")
    def _fits_format(self) -> SpecFile:
        if self.format == "text":
            if isinstance(self.base, dict):
                raise ValueError("base: a text template is a file's path here, or stands under text")
            if (self.base is None) == (self.text is None):
                raise ValueError("give exactly one of base (the template's file) and text (the template)")
            if self.set:
                raise ValueError("set: a text template has what it names; write ${budget} and the like in it")
            if self.groups:
                raise ValueError("groups: a text template has what it names; write ${data.train} and the like in it")
        elif self.text is not None:
            raise ValueError("text: it is the template of format text")
        if self.enums and self.format != "prototxt":
            raise ValueError("enums: only prototxt has them")
        return self


def spec_file_problems(experiment: Experiment) -> list[Problem]:
    """What doesn't fit between an experiment's parameters and its spec file.

    Returns:
        Problems without file and line; empty when all is well.
    """
    from automl_core.spec.parameters import flatten

    spec = experiment.spec_file
    if spec is None:
        return []
    names = list(flatten(experiment.space))
    problems = [Problem(words, ("space", name)) for name, words in _misfits(spec, names)]
    known = [name for name in _names(experiment, names) if name not in _NOT_IN_BASE]
    texts = [(("text",), spec.text)] if spec.text is not None else _texts(spec.base, ("base",))
    for place, text in [*texts, *_texts(spec.set, ("set",))]:
        problems += _unknown(text, (SPEC_FILE, *place), known)
    if isinstance(spec.base, dict):
        problems += _unfit(spec.base, (SPEC_FILE, "base"), spec.format)
    problems += [Problem(words, (SPEC_FILE, "set", name)) for name, words in _misplaced(spec, names)]
    problems += _unfit(spec.set, (SPEC_FILE, "set"), spec.format, dotted=True)
    for index, name in enumerate(spec.enums):
        if not all(_FIELD.fullmatch(part) for part in name.split(".")):
            problems.append(Problem(f"{name!r} is no field of a message", (SPEC_FILE, "enums", index)))
    return problems


def named_in(spec: SpecFile, parameters: Iterable[str]) -> set[str]:
    """What reaches the training by its spec file: parameters, and by their names in ``${…}`` whatever else.

    Args:
        spec: as the experiment has it; one whose ``base`` is still to be read may name anything.
        parameters: of the space.
    """
    from automl_core.spec.placeholders import placeholders

    texts = [spec.text] if spec.text is not None else [text for _, text in _texts(spec.base, ())]
    texts += [text for _, text in _texts(spec.set, ())]
    found = {name for text in texts for name, closed in placeholders(text) if closed}
    if spec.to_read is not None or "automl" in spec.added:
        found.add("budget")
    return found | (set() if spec.text is not None else set(parameters))


def texts_of_base(experiment: Experiment) -> Iterator[tuple[Path, str]]:
    """Every text of an experiment's spec file in which ``${…}`` is substituted, with its place in the file."""
    spec = experiment.spec_file
    if spec is not None and spec.text is not None:
        yield (SPEC_FILE, "text"), spec.text
    elif spec is not None:
        if spec.to_read is None:
            yield from _texts(spec.base, (SPEC_FILE, "base"))
        yield from _texts(spec.set, (SPEC_FILE, "set"))


def unknown_placeholders(text: str, experiment: Experiment) -> list[Problem]:
    """What is wrong with the ``${…}`` of a template's text, each with the line in it (``Problem.line``)."""
    from automl_core.spec.parameters import flatten

    known = [name for name in _names(experiment, flatten(experiment.space)) if name not in _NOT_IN_BASE]
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        found += [replace(problem, line=number) for problem in _unknown(line, (), known)]
    return found


def _names(experiment: Experiment, parameters: Iterable[str]) -> list[str]:
    from automl_core.spec.placeholders import names_for

    return names_for(
        "tasks", parameters, prepared=bool(experiment.prepare), code=experiment.code is not None, spec_file=True,
        inputs=input_names(experiment.data, experiment.columns),
    )  # fmt: skip


def _unknown(text: str, path: Path, known: Sequence[str]) -> Iterator[Problem]:
    from automl_core.spec.placeholders import placeholders

    for name, closed in placeholders(text):
        if not closed:
            yield Problem(f"'${{{name}' has no closing brace", path, suggestion="Write $${ for a literal ${")
        elif name not in known:
            guess = did_you_mean(name, known) or f"Write $${{{name}}} for a literal ${{{name}}}"
            yield Problem(
                f"${{{name}}} is not known", path, found=f"${{{name}}}", allowed=tuple(known), suggestion=guess
            )


def _misfits(spec: SpecFile, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Parameters that have no place in the file, each with the reason."""
    if spec.format == "text":
        return
    whole = {tuple(name.split(".")): name for name in names}
    base = spec.base if isinstance(spec.base, dict) else {}
    for parts, name in whole.items():
        if not all(parts):
            yield name, "names of a spec file's groups stand between the dots, and one of them is empty"
        elif parts[0] in spec.added:
            yield (
                name,
                (
                    f"the group {parts[0]!r} of the spec file is this product's; choose another name, or leave it out "
                    "of spec_file.groups"
                ),
            )
        elif spec.format == "prototxt" and not all(_FIELD.fullmatch(part) for part in parts):
            yield name, "a field of a message has letters, digits and '_' only, and starts with none of the digits"
        elif above := next((whole[parts[:n]] for n in range(1, len(parts)) if parts[:n] in whole), None):
            yield name, f"it lies below {above!r}, which is a parameter and can be no group as well"
        elif words := _misfit(base, parts):
            yield name, words


def _misfit(base: Mapping[str, Any], parts: Sequence[str]) -> str:
    """Why a parameter has no place among what ``base`` gives, empty where it has one."""
    if len(parts) > 1 and ".".join(parts) in base:
        return f"spec_file.base has a key {'.'.join(parts)!r} with dots in it; write it as groups"
    here: Any = base
    for depth, part in enumerate(parts):
        last, place = depth + 1 == len(parts), ".".join(parts[: depth + 1])
        if isinstance(here, list):
            if not part.isdecimal() or int(part) >= len(here):
                above = ".".join(parts[:depth])
                return (
                    f"spec_file.base has a list of {len(here)} at {above!r}, so a number from 0 to {len(here) - 1} is "
                    f"wanted in place of {part!r}"
                    if here
                    else f"spec_file.base has an empty list at {above!r}"
                )
            here = here[int(part)]
        elif part in here:
            here = here[part]
        else:
            return ""
        if last:
            return f"spec_file.base has a group at {place!r}" if isinstance(here, dict) and here else ""
        if here is None:
            return ""
        if not isinstance(here, dict | list):
            return f"spec_file.base has {show(here)} at {place!r}, so nothing can lie below it"
    return ""


def _misplaced(spec: SpecFile, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Keys of ``set`` that have no place in the file, each with the reason."""
    base = spec.base if isinstance(spec.base, dict) else {}
    parameters, own = (
        {tuple(name.split(".")): name for name in names},
        {tuple(name.split(".")): name for name in spec.set},
    )
    for parts, name in own.items():
        above = [parts[:length] for length in range(1, len(parts))]
        others = {place: f"the parameter {each!r}" for place, each in parameters.items()}
        others |= {place: repr(each) for place, each in own.items() if each != name}
        if not all(parts):
            yield name, "names of a spec file's groups stand between the dots, and one of them is empty"
        elif parts[0] in spec.added:
            yield name, f"the group {parts[0]!r} of the spec file is this product's; leave it out of spec_file.groups"
        elif over := next((others[place] for place in above if place in others), None):
            yield name, f"it lies below {over}, which can be no group as well"
        elif below := next(
            (others[place] for place in others if place[: len(parts)] == parts and place != parts), None
        ):
            yield name, f"{below} lies below it, so it can be no value as well"
        elif words := _misfit(base, parts):
            yield name, words


def _unfit(value: Any, path: Path, form: str, in_list: bool = False, *, dotted: bool = False) -> Iterator[Problem]:
    """What of ``base`` or ``set`` can't be kept, or can't be written in the file's format.

    Args:
        value: it, or a part of it.
        path: where that stands in the file.
        form: the file's format.
        in_list: whether it stands in a list.
        dotted: whether its keys are places, with dots between their parts.
    """
    if isinstance(value, float) and not math.isfinite(value):
        yield Problem(
            f"{show(value)} is not a finite number", path, found=show(value),
            suggestion="Only a text template (format: text) can have it",
        )  # fmt: skip
    elif value is None and in_list and form in ("toml", "prototxt"):
        yield Problem(f"a list can't hold null in {form}", path, found="null")
    elif isinstance(value, dict):
        for key, child in value.items():
            parts = key.split(".") if dotted else [key]
            if form == "prototxt" and not all(_FIELD.fullmatch(part) for part in parts):
                yield Problem(f"{key!r} is no name of a field", (*path, key), allowed=("letters, digits and '_'",))
            yield from _unfit(child, (*path, key), form)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            if isinstance(child, list) and form == "prototxt":
                yield Problem("a repeated field can't hold lists in prototxt", (*path, index), found="a list")
            yield from _unfit(child, (*path, index), form, in_list=True)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str) and path != ("base",):
        yield path, value
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _texts(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, (*path, index))
