"""The parameters of an experiment that is made from a template, while they are put together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from pydantic import ValidationError

from automl_core.spec.errors import Path, Problem, SpecError
from automl_core.spec.explain import explain
from automl_core.spec.grids import LARGEST_WHOLE, MOST_STEPS
from automl_core.spec.numeric import Numeric
from automl_core.spec.parameters import Parameter
from automl_core.spec.relations import BOUNDS
from automl_core.spec.shapes import shape_of
from automl_core.templates.model import Known
from automl_core.templates.version import Template
from automl_core.templates.within import any_model_of, model_of, takes, values_of

SHOWN = ("help", "description")
"""Fields for people, which a parameter keeps whatever else becomes of it."""


@dataclass(slots=True)
class Entry:
    """A parameter as the experiment will have it.

    Attributes:
        known: what the template says of it.
        raw: plain data, as under ``space:``; conditions and bounds apart.
        when: its conditions, as far as they are not settled.
        bounds: ``at_least``, ``above`` and so on that name a parameter, as the template has them.
        place: where the experiment file speaks of it; None where it doesn't.
        own_default: whether the file gives its default.
        begun: whether its default is what ``spec_file.base`` gives it.
    """

    known: Known
    raw: dict[str, Any]
    when: dict[str, list[Any]] = field(default_factory=dict)
    bounds: dict[str, str] = field(default_factory=dict)
    place: Path | None = None
    own_default: bool = False
    begun: bool = False

    @property
    def name(self) -> str:
        """Of the parameter."""
        return self.known.name

    @property
    def fixed(self) -> bool:
        """Whether it has one value."""
        return bool(self.raw.get("type") == "fixed")

    @property
    def model(self) -> Any:
        """Its model.

        Raises:
            ValidationError: its data are wrong.
        """
        return model_of(self.raw)

    def takes(self, field_name: str) -> bool:
        """Whether a parameter of its type has a field."""
        return takes(self.raw, field_name)

    def limits(self) -> tuple[float, float] | None:
        """See `limits_of`."""
        plain = _plain_limits(self.raw)
        return limits_of(self.model) if plain is None else plain

    def without_default(self) -> None:
        """Have it without a value to try first, unless the file gives one: that is then told as wrong."""
        if not self.own_default:
            self.raw.pop("default", None)

    def settle_default(self) -> None:
        """Drop a default of the template's that what is left of the range no longer has."""
        if "default" not in self.raw or self.own_default:
            return
        try:
            model_of(self.raw)
        except ValidationError:
            bare = {key: value for key, value in self.raw.items() if key != "default"}
            try:
                model_of(bare)
            except ValidationError:
                return  # it is wrong in itself, and its check says why
            del self.raw["default"]

    def data(self) -> dict[str, Any]:
        """What stands under ``space:`` of the whole experiment."""
        return {**self.raw, **self.bounds, **({"when": self.when} if self.when else {})}


def _plain_limits(raw: Mapping[str, Any]) -> tuple[float, float] | None:
    """The limits of a plain range, as they are stated; None where more has to be looked at.

    For parses: a model checks more, and building its schema takes as long as the rest of a template.
    """
    low, high = raw.get("low"), raw.get("high")
    if raw.get("type") not in _PLAIN or any(raw.get(key) is not None for key in _DRAWN_IN):
        return None
    return (low, high) if is_number(low) and is_number(high) and low <= high else None


_PLAIN = ("int", "logint", "uniform", "loguniform")
_DRAWN_IN = ("multiple_of", "power_of", "above", "below")


def limits_of(model: Any) -> tuple[float, float] | None:
    """The lowest and highest number that a parameter may be, or any of its list; None where it has no numbers.

    Infinite where there is none.
    """
    if hasattr(model, "allowed"):
        low, high = model.allowed
        return (low, high)
    if isinstance(model, Numeric):
        return (0.0 if getattr(model, "logarithmic", False) else -math.inf, math.inf)
    numbers = values_of(model)
    if model.type == "fixed":
        numbers = model.value if isinstance(model.value, list) else [model.value]
    if not numbers or not all(is_number(number) for number in numbers):
        return None
    return (min(numbers), max(numbers))


def holds(value: Any, values: Sequence[Any]) -> bool:
    """Whether a value fulfils a condition: of a list, one member is enough."""
    return any(each in values for each in value) if isinstance(value, list) else value in values


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def own_model(template: Template, known: Known) -> Any:
    """The model of a template's parameter.

    Raises:
        SpecError: the template is wrong; problems are those of its file.
    """
    try:
        return model_of(known.raw)
    except ValidationError:
        pass
    try:
        return any_model_of(known.raw)
    except ValidationError as error:
        problems = explain(error, shape_of(Parameter), dict(known.raw), known.path)
        raise SpecError([template.located(problem) for problem in problems]) from None


FAR = 1e300
"""A side of `Known.bounds` that has no end, as a number."""

NEAR = 1e-30
"""How far from 0 a value lies at least that is not to be 0."""

_LINEAR = {"loguniform": "uniform", "logint": "int"}


def widest_model(template: Template, known: Known) -> Any:
    """The model of all that an experiment may make of a template's parameter: its range up to its ``bounds``.

    Raises:
        SpecError: the template is wrong; problems are those of its file.
    """
    own = own_model(template, known)
    if known.bounds is None:
        return own
    step = known.raw.get("multiple_of")
    whole = bool(own.whole) or known.type in ("int", "logint")
    far = float(LARGEST_WHOLE) if whole else FAR if step is None else float(step) * MOST_STEPS / 10
    raw = {key: value for key, value in known.raw.items() if key not in ("default", "log")}
    sides = {key: known.bounds.get(key, sign * far) for key, sign in (("low", -1), ("high", 1))}
    if whole:
        sides = {key: int(side) for key, side in sides.items()}
    elif step is None:  # whatever lies beside a limit that is left out: a search begins farther from it
        for key, strict, sign in (("low", "above", 1), ("high", "below", -1)):
            limit = raw.get(strict)
            if is_number(limit) and sign * limit >= sign * sides[key]:
                sides[key] = limit + sign * max(abs(limit) * 1e-12, NEAR)
                del raw[strict]
    try:
        return model_of({**raw, **sides, "type": _LINEAR.get(str(known.type), known.type)})
    except ValidationError as error:
        problems = explain(error, shape_of(Parameter), {**raw, **sides}, (*known.path, "bounds"))
        raise SpecError([template.located(problem) for problem in problems]) from None


def entry_of(known: Known, raw: Mapping[str, Any], place: Path | None, own_default: bool = False) -> Entry:
    """A parameter that is searched, or has a value, with its conditions and bounds beside the rest."""
    bounds = {key: known.raw[key] for key in BOUNDS if isinstance(known.raw.get(key), str)}
    plain = {key: value for key, value in raw.items() if key != "when" and key not in bounds}
    return Entry(known, plain, {}, bounds, place, own_default)


def fixed_entry(known: Known, value: Any, place: Path | None) -> Entry:
    """A parameter that has one value."""
    return entry_of(known, {"type": "fixed", "value": value, **shown_of(known)}, place)


def shown_of(known: Known) -> dict[str, Any]:
    """What of a parameter is for people, where its range is not the template's any more.

    A description of a range that can be widened is about that range.
    """
    keys = SHOWN if known.bounds is None else ("help",)
    return {key: known.raw[key] for key in keys if known.raw.get(key)}


def first_place(entries: Iterable[Entry | None]) -> Path | None:
    """Where the file speaks of the first of these that it speaks of."""
    return next((entry.place for entry in entries if entry is not None and entry.place is not None), None)


def problem_at(template: Template, place: Path | None, known: Known, message: str, **details: Any) -> Problem:
    """A problem of the experiment's file; of the template's, where the file speaks of nothing that it is about."""
    if place is not None:
        return Problem(message, place, **details)
    return template.located(Problem(message, known.path, **details))
