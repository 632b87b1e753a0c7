"""Metrics in a JSON object: a line of a log, a file, or a part of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.metrics.points import Step, step_of
from automl_core.metrics.text import StepNames, number

WRAPPER = "metrics"
"""Members of an object under this name are metrics under their own names; of any other, under ``other.name``."""


def read_object(body: Mapping[str, Any], steps: StepNames) -> tuple[dict[str, Step], dict[str, float]]:
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
    return steps_of(stated), values


def steps_of(stated: Mapping[str, float]) -> dict[str, Step]:
    """Name → step of numbers that can be steps."""
    found = {name.lower(): step_of(number) for name, number in stated.items()}
    return {name: step for name, step in found.items() if step is not None}
