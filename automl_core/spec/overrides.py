"""What a DAG run's conf changes in an experiment, for that one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from automl_core.spec.errors import Path, Problem, SpecError, did_you_mean, format_path, in_file, show
from automl_core.spec.models import Experiment, Search
from automl_core.spec.shapes import Shape, fields_of
from automl_core.spec.validation import validate

GROUPS = ("search", "space", "goal", "trials", "stop")
"""The groups of an experiment file that a run may override."""

SOURCE = "conf of the run"
"""What problems call the place where the override stands."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that a run has otherwise than its file (None where it has none, or null)."""

    path: str
    old: Any
    new: Any

    def to_json(self) -> dict[str, Any]:
        """The change as plain JSON, for the journal."""
        return {"path": self.path, "old": self.old, "new": self.new}


class Overridden(NamedTuple):
    """An experiment as one run has it, and how that differs from its file."""

    experiment: Experiment
    changes: tuple[Change, ...]


def apply_overrides(experiment: Experiment, conf: Mapping[str, Any]) -> Overridden:
    """Merge a run's conf into an experiment.

    Mappings are merged key by key, at any depth; a list or a single value takes the place of the
    old one, and so does a mapping whose ``type`` or ``rule`` differs from the old one's; another
    algorithm starts without the old one's options. null puts an optional field back to its default
    and removes an entry of ``space`` or ``goal.metric``; where null says something of its own
    (``stop.same_error``: never) that is what it says.

    Args:
        experiment: as its file has it.
        conf: group (`GROUPS`) → what to change in it.

    Raises:
        SpecError: an unknown key, a field that a run can't change, more concurrency than the
            file's, or values that are wrong in themselves or beside the rest.
    """
    problems = [_misplaced(str(key)) for key in conf if key not in GROUPS]
    data = experiment.model_dump(mode="json", exclude_unset=True)
    merged = merge(data, {group: conf[group] for group in GROUPS if group in conf}, Shape(Experiment))
    changed, more = validate(merged)
    problems += more
    if changed is not None and changed.trials.concurrency > experiment.trials.concurrency:
        problems.append(_too_concurrent(experiment, changed))
    if changed is not None:
        problems += _other_sources(experiment, changed)
    if problems or changed is None:
        raise SpecError(in_file(problems, SOURCE))
    return Overridden(changed, tuple(changes_between(experiment, changed)))


def _other_sources(experiment: Experiment, changed: Experiment) -> list[Problem]:
    """What a run would learn from beside its own experiment and those that its file names.

    Who starts it need not be who may read more: what it learns from is read with the file's keys and shown in its
    pages.
    """
    if changed.search.transfer is None:
        return []
    given = experiment.search.transfer
    allowed = {experiment.name, *(each.partition("@")[0] for each in (given.experiments if given else ()))}
    return [
        Problem(
            f"{each!r} is none that the experiment file names", ("search", "transfer", "experiments", index),
            found=show(each), allowed=tuple(sorted(allowed)), suggestion="Name it in the experiment file",
        )
        for index, each in enumerate(changed.search.transfer.experiments)
        if each.partition("@")[0] not in allowed
    ]  # fmt: skip


def _misplaced(key: str) -> Problem:
    if key in Experiment.model_fields:
        message = f"{key!r} can't be changed for a single run"
        return Problem(message, (key,), allowed=GROUPS, suggestion="Change the experiment file instead")
    return Problem(f"the key {key!r} is not known", (key,), allowed=GROUPS, suggestion=_where(key))


def _where(key: str) -> str:
    guess = did_you_mean(key, GROUPS)
    if guess:
        return guess
    for group in GROUPS:
        model = (Shape(Experiment).child(group) or Shape(None)).model
        if model is not None and key in model.model_fields:
            return f"It belongs under {group!r}: {{{group}: {{{key}: …}}}}"
    return ""


def _too_concurrent(experiment: Experiment, changed: Experiment) -> Problem:
    limit, wanted = experiment.trials.concurrency, changed.trials.concurrency
    return Problem(
        f"{wanted} is above the file's {limit}: Airflow fixes how many trials may run at once when it reads the file",
        ("trials", "concurrency"),
        found=show(wanted),
        allowed=(f"a whole number of at least 1 and of at most {limit}",),
        suggestion="Raise it in the experiment file, and lower it for single runs",
    )


def merge(old: Any, new: Any, shape: Shape | None) -> Any:
    """The new value over the old one, mappings key by key.

    Args:
        old, new: plain data.
        shape: what may stand there, None where that is not known.
    """
    if not isinstance(new, Mapping):
        return new
    base = old if isinstance(old, dict) and not _replaces(old, new, shape) else {}
    shape = _narrowed(shape, {**base, **new})
    result = dict(base)
    if shape is not None and shape.model is Search and "algorithm" in new and new["algorithm"] != base.get("algorithm"):
        result.pop("options", None)  # they belong to the file's algorithm
    for key, value in new.items():
        model = shape.model if shape is not None else None
        if value is None and not (model is not None and (_is_required(model, key) or _means_null(model, key))):
            result.pop(key, None)
        else:
            result[str(key)] = merge(base.get(key), value, shape.child(str(key)) if shape is not None else None)
    return result


def _replaces(old: dict[str, Any], new: Mapping[str, Any], shape: Shape | None) -> bool:
    """Whether the new mapping is of another kind (``type``, ``rule``) than the old one."""
    tag = shape.tag if shape is not None else None
    return tag is not None and tag in new and new[tag] != old.get(tag)


def _is_required(model: type[BaseModel], key: str) -> bool:
    fields = fields_of(model)
    return key in fields and fields[key].is_required()


def _means_null(model: type[BaseModel], key: str) -> bool:
    """Whether null is a value of a field, and another one than its default."""
    field = fields_of(model).get(key)
    if field is None or type(None) not in get_args(field.annotation):
        return False
    return field.get_default(call_default_factory=True, validated_data={}) is not None


def _narrowed(shape: Shape | None, value: dict[str, Any]) -> Shape | None:
    if shape is None or not shape.members:
        return shape
    return shape.tagged(value) or shape.container_for(value)


def changes_between(old: Experiment, new: Experiment) -> Iterator[Change]:
    """Every field of the groups of a run in which two experiments differ."""
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    for group in GROUPS:
        yield from _differences(before[group], after[group], (group,))


def _differences(old: Any, new: Any, path: Path) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _differences(old.get(key), new.get(key), (*path, key))
    elif old != new or type(old) is not type(new):
        yield Change(format_path(path), old, new)
