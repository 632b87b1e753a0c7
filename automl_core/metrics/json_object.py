"""Metrics in a JSON object: a line of a log, a file, or a part of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.metrics.text import StepNames, number

WRAPPER = "metrics"
"""Members of an object under this name are metrics under their own names; of any other, under ``other.name``."""


def read_object(body: Mapping[str, Any], steps: StepNames) -> tuple[dict[str, int], dict[str, float]]:
    """The steps that an object states (name → number) and its metrics, nested one level deep.

    What is not a number is passed over.
    """
    values: dict[str, float] = {}
    for key, member in body.items():
        inner = member.items() if isinstance(member, dict) else ((None, member),)
        for sub, item in inner:
            value = number(item)
            if value is not None:
                values[str(key) if sub is None else str(sub) if key == WRAPPER else f"{key}.{sub}"] = value
    stated = {name: values.pop(name) for name in list(values) if name in steps}
    return {name.lower(): int(step) for name, step in stated.items() if is_step(step)}, values


def is_step(number: float | None) -> bool:
    """Whether a number can be a step: whole and not negative."""
    return number is not None and number.is_integer() and 0 <= number < 1e18
