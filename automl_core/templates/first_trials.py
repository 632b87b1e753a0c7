"""Combinations that a template has tried first, brought into the space that an experiment searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.templates.entries import is_number


def fitting(combinations: Any, space: Mapping[str, Any]) -> Any:
    """The combinations that an experiment can still try, each once.

    As with defaults, what an experiment takes out of the search is not tried: a combination with an option that is gone
    is left out. What has a value, or is gone altogether, is no more part of a combination; a number outside of a
    narrowed range becomes the nearest one within.

    Args:
        combinations: `search.warm_start` of the template, as plain data; what is no list of mappings is given back as
            it is, for the check of the whole experiment.
        space: name → parameter of the experiment, as plain data.
    """
    if not isinstance(combinations, list):
        return combinations
    found: list[Any] = []
    for combination in combinations:
        fitted = _fitted(combination, space) if isinstance(combination, Mapping) else combination
        if fitted is not None and fitted not in found:
            found.append(fitted)
    return found


def _fitted(combination: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, Any] | None:
    fitted = {}
    for name, value in combination.items():
        parameter = space.get(name)
        if not isinstance(parameter, Mapping) or parameter.get("type") == "fixed":
            if _was_decided_otherwise(parameter, value):
                return None
            continue
        options = parameter.get("values")
        if isinstance(options, list) and parameter.get("type") in ("choice", "ordinal"):
            if value not in options:
                return None
            fitted[name] = value
            continue
        fitted[name] = _within(value, parameter)
    return fitted


def _was_decided_otherwise(parameter: Any, value: Any) -> bool:
    """Whether a parameter has another value now, and one that stands for something: a number may well differ."""
    return isinstance(parameter, Mapping) and not is_number(value) and parameter.get("value") != value


def _within(value: Any, parameter: Mapping[str, Any]) -> Any:
    low, high = parameter.get("low"), parameter.get("high")
    if not (is_number(value) and is_number(low) and is_number(high)):
        return value
    return min(max(value, low), high)
