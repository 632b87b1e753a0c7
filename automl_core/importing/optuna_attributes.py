"""What stands in the attributes of Optuna's studies and trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

METRIC_NAMES = "study:metric_names"
"""Key under which ``Study.set_metric_names`` keeps them, among the study's system attributes."""

_CONSTRAINTS = "constraints"


def constraints_in(system: Mapping[str, Any]) -> dict[str, float]:
    """Constraints in a trial's system attributes: a list of numbers, and since 5.0 a key each; broken above 0."""
    found: dict[str, float] = {}
    listed = system.get(_CONSTRAINTS)
    if isinstance(listed, list):
        found |= {str(index): float(value) for index, value in enumerate(listed) if _is_number(value)}
    for key, value in system.items():
        if key.startswith(f"{_CONSTRAINTS}:") and _is_number(value):
            found[key.removeprefix(f"{_CONSTRAINTS}:")] = float(value)
    return found


def numbers_in(user: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among a trial's user attributes: what was measured beside the value."""
    return {key: float(value) for key, value in user.items() if _is_number(value) and math.isfinite(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
